"""How alike two channels of a cell are."""

from __future__ import annotations

import numpy as np

from multiscope.features.light import inside
from multiscope.features.regions import Floats, Regions, ratio

_ROUNDING = 1e-6


def pearson(one: Floats, other: Floats, regions: Regions) -> Floats:
    """Pearson's correlation of the pixels of two channels (n, S, S) inside, -1 to 1, (n,)."""
    first, second = _units(one, regions), _units(other, regions)
    return np.clip(regions.sum(first * second), -1, 1)


def manders(one: Floats, other: Floats, regions: Regions) -> Floats:
    """Share of the light of `one` where `other` (both (n, S, S)) is above its mean in the cell, 0 to 1, (n,).

    Manders et al. (J. Microsc. 169:375, 1993), with the mean for a threshold.
    """
    weights = inside(one, regions.masks)
    bright = other > regions.mean(other)[:, None, None]
    return ratio(np.einsum("nyx,nyx->n", weights, bright), weights.sum(axis=(1, 2)))


def _units(light: Floats, regions: Regions) -> Floats:
    """Deviations from the cell's mean, of sum of squares 1 inside; 0 where it varies by rounding alone."""
    apart = light - regions.mean(light)[:, None, None]
    spread = np.sqrt(regions.sum(apart**2))
    spread[spread <= _ROUNDING * np.sqrt(regions.sum(light**2))] = 0
    return ratio(apart, spread[:, None, None])
