"""Flips and quarter turns of a batch, each sample by itself, on the device of the batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from multiscope.training.ranks import SharedRng

_FLIPS: tuple[Callable[[Tensor], Tensor], ...] = (lambda batch: batch.flip(-2), lambda batch: batch.flip(-1))
_TURNS: tuple[Callable[[Tensor], Tensor], ...] = (*_FLIPS, lambda batch: batch.transpose(-2, -1))


def random_symmetries(batch: Tensor, *, rng: np.random.Generator | SharedRng, turns: bool = False) -> Tensor:
    """Flip each sample of `batch` (N, C, Y, X) along y and x at random; its channels stay together.

    With `turns` (Y and X equal) all eight symmetries of the square are equally probable. The random numbers are drawn
    on the CPU, so that devices agree.
    """
    for other in _TURNS if turns else _FLIPS:
        chosen = torch.from_numpy(rng.random(len(batch)) < 0.5).to(batch.device)
        batch = torch.where(chosen[:, None, None, None], other(batch), batch)
    return batch
