"""Random numbers of a step: a function of (seed, step) alone, so that a resumed run sees the same."""

from __future__ import annotations

import numpy as np
import torch


def step_rng(*, seed: int, step: int, stream: int = 1) -> np.random.Generator:
    """Random numbers of one step; `stream` tells apart independent draws of the same step."""
    return np.random.default_rng((seed, step, stream))


def seed_torch(*, seed: int, step: int, rank: int = 0) -> None:
    """Set torch's generators for one step (dropout, interpolation points) of one process."""
    torch.manual_seed(int(step_rng(seed=seed, step=step, stream=2).integers(2**63 - 1, size=rank + 1)[rank]))


def random_flips(*batches: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """Flip whole batches (N, C, Y, X) alike along y and x; pairs stay pairs, and a direction along y or x its own."""
    dims = [axis for axis in (-2, -1) if rng.random() < 0.5]
    return tuple(torch.flip(batch, dims) for batch in batches)
