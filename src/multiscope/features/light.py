"""The light of a channel: what is above its background."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.features.regions import Floats, Masks


def light_of(planes: npt.NDArray[Any], masks: Masks) -> Floats:
    """Planes (n, S, S) less the median outside of `masks`, of the whole crop where nothing is outside; (n, S, S).

    Neighbouring cells are outside as well: the median is background while they cover less than half of it.
    """
    values = planes.astype(np.float64)
    outside = ~masks
    outside[masks.all(axis=(1, 2))] = True
    return np.asarray(values - _medians(values, outside)[:, None, None])


def inside(light: Floats, masks: Masks) -> Floats:
    """Light (n, S, S) of the masks alone, as weights: 0 outside and where it is below the background."""
    return np.where(masks, np.maximum(light, 0), 0)


def _medians(values: Floats, chosen: Masks) -> Floats:
    """Median of `values` (n, S, S) where `chosen`, (n,); each crop needs one pixel."""
    ordered = np.sort(np.where(chosen, values, np.inf).reshape(len(values), -1), axis=1)
    n = chosen.sum(axis=(1, 2))
    low, high = (np.take_along_axis(ordered, at[:, None], axis=1)[:, 0] for at in ((n - 1) // 2, n // 2))
    return np.asarray((low + high) / 2)
