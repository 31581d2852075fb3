"""How much light a plane has: its background, its peak, and what a model is told of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

DARK, BRIGHT = 1.0, 99.9
"""Percentiles of a plane taken as its background and its peak."""


@dataclass(frozen=True)
class Acquisition:
    """What a forward model is told of a batch (N, Y, X) beside its settings."""

    keys: Tensor
    """Keys (N, 2) of the images' random numbers."""
    camera: Tensor
    """Keys (N, 2) of what belongs to the camera: images of one camera have one key."""
    strength: Tensor
    """(N, 1, 1), above 0."""
    offset: Tensor
    """Camera's value without light, (N, 1, 1)."""
    given_peak: Tensor | None = None
    """Light at the peak above the offset, (N, 1, 1); None where it is to be estimated."""

    def peak(self, batch: Tensor) -> Tensor:
        """Light at the peak, (N, 1, 1); 0 or less where there is none."""
        if self.given_peak is not None:
            return self.given_peak
        return brightness(batch, self.offset.flatten()).view(-1, 1, 1)


def light_of(pixels: npt.NDArray[Any]) -> tuple[float, float]:
    """Background of all `pixels`, of any shape, and the light at their peak above it, 0 where there is none.

    What is exposed as one, the planes of a stack, has one of each.
    """
    dark, bright = (float(value) for value in np.percentile(pixels, (DARK, BRIGHT)))
    return dark, bright - dark if bright > dark else float(pixels.max()) - dark


def background(batch: Tensor) -> Tensor:
    """The dark end (1 percent) of each plane of a batch (N, Y, X): (N,) in its units."""
    return _percentile(batch.flatten(1), DARK)


def brightness(batch: Tensor, offset: Tensor) -> Tensor:
    """Light at the bright end (99.9 percent) of each plane of a batch (N, Y, X) above `offset` (N,): (N,).

    Where fewer pixels than 0.1 percent are lit, that of the brightest; 0 for planes without light.
    """
    values = batch.flatten(1)
    peak = _percentile(values, BRIGHT) - offset
    return torch.where(peak > 0, peak, values.amax(1) - offset).clamp_(min=0)


def _percentile(values: Tensor, percent: float) -> Tensor:
    """As numpy's, linear between values, for rows of any length (`torch.quantile` takes no more than 16 million)."""
    place = (values.shape[1] - 1) * percent / 100
    below = int(place)
    low = values.kthvalue(below + 1, dim=1).values
    if place == below:
        return low
    return torch.lerp(low, values.kthvalue(below + 2, dim=1).values, place - below)
