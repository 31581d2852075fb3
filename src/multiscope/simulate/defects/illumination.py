"""Uneven light on the field, and stray light."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from multiscope.config import Illumination
from multiscope.simulate import counter
from multiscope.simulate.defects.light import Acquisition

_FLARE_WIDTH = 0.4
"""Standard deviation of the flare in half-diagonals."""


def illumination(batch: Tensor, config: Illumination, taken: Acquisition) -> Tensor:
    """Uneven excitation times the specimen's light, plus light that does not come from the specimen.

    The excitation is a Gaussian beam: (1 - `loss`)^(strength * r^2), r the distance in half-diagonals from a place
    drawn up to `shift` from the middle. Stray light is a linear gradient in a drawn direction, from 0 to
    `background * strength` of the peak, and a broad Gaussian flare at a drawn place with `flare * strength` of the
    peak in its middle. The profile spans the image that is given, so cut patches from degraded fields.
    """
    peak = taken.peak(batch)
    drawn = counter.uniform(taken.keys, "illumination", 5).to(batch.dtype)[:, :, None, None]
    y, x = _places(batch)
    turn, far = drawn[:, 0] * (2 * math.pi), drawn[:, 1].sqrt() * config.shift
    squared = (y - far * turn.sin()).square() + (x - far * turn.cos()).square()
    excitation = torch.exp(math.log1p(-config.loss) * taken.strength * squared)
    way = drawn[:, 2] * (2 * math.pi)
    gradient = (1 + y * way.sin() + x * way.cos()) / 2
    # the first places are the borders, at as many half-diagonals below the middle as the last are above it
    aside_y, aside_x = y - y[0] * (2 * drawn[:, 3] - 1), x - x[0] * (2 * drawn[:, 4] - 1)
    flare = ((aside_y.square() + aside_x.square()) / (-2 * _FLARE_WIDTH**2)).exp()
    stray = taken.strength * peak * (config.background * gradient + config.flare * flare)
    lit = taken.offset + (batch - taken.offset) * excitation + stray
    return torch.where(peak > 0, lit, batch)


def _places(batch: Tensor) -> tuple[Tensor, Tensor]:
    """Distances (Y, 1) and (X,) from the middle of the planes in half-diagonals."""
    height, width = batch.shape[1:]
    half = math.hypot(height, width) / 2
    y, x = ((torch.arange(n, device=batch.device, dtype=batch.dtype) - (n - 1) / 2) / half for n in (height, width))
    return y[:, None], x
