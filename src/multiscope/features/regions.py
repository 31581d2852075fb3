"""The masks of a batch of cells: their geometry, and statistics of pixels inside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

Floats = npt.NDArray[np.float64]
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Regions:
    """One region a crop; lengths are pixels. Whatever is measured of an empty one is 0."""

    masks: Masks
    """(n, S, S)."""
    area: Floats
    """Pixels (n,)."""
    centre: Floats
    """Centroid (n, 2), y and x."""
    depth: Floats
    """Distance (n, S, S) to the nearest pixel outside, which may be off the crop: 1 at the outline, 0 outside."""

    @property
    def radius(self) -> Floats:
        """Radius of the circle of the same area, (n,)."""
        return np.asarray(np.sqrt(self.area / np.pi))

    @cached_property
    def distance(self) -> Floats:
        """Distance of every pixel to the region's centroid, (n, S, S)."""
        yy, xx = np.indices(self.masks.shape[1:])
        y, x = self.centre[:, 0, None, None], self.centre[:, 1, None, None]
        return np.asarray(np.hypot(yy - y, xx - x))

    def sum(self, values: Floats) -> Floats:
        """Sum of `values` (n, S, S) inside, (n,)."""
        return np.asarray(np.einsum("nyx,nyx->n", values, self.masks))

    def mean(self, values: Floats) -> Floats:
        """Mean of `values` (n, S, S) inside, (n,)."""
        return ratio(self.sum(values), self.area)

    def sd(self, values: Floats) -> Floats:
        """Standard deviation of `values` (n, S, S) inside, (n,)."""
        deviation = values - self.mean(values)[:, None, None]
        return np.asarray(np.sqrt(self.mean(deviation**2)))

    def quantiles(self, values: Floats, shares: Sequence[float]) -> Floats:
        """Quantiles of `values` (n, S, S) inside at `shares` of 0 to 1, linearly interpolated, (n, len(shares))."""
        ordered = np.sort(np.where(self.masks, values, np.inf).reshape(len(values), -1), axis=1)
        ordered[self.area == 0] = 0
        last = np.maximum(self.area - 1, 0)[:, None]
        place = last * np.asarray(shares)
        below = np.floor(place).astype(np.intp)
        above = np.ceil(place).astype(np.intp)
        low, high = (np.take_along_axis(ordered, at, axis=1) for at in (below, above))
        return np.asarray(low + (high - low) * (place - below))


def regions_of(masks: Masks) -> Regions:
    """Measure `masks` (n, S, S)."""
    area = masks.sum(axis=(1, 2), dtype=np.float64)
    yy, xx = np.indices(masks.shape[1:])
    centre = np.stack([ratio(np.einsum("nyx,yx->n", masks, grid), area) for grid in (yy, xx)], axis=1)
    framed = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    depth = np.stack([distance_transform_edt(mask)[1:-1, 1:-1] for mask in framed])
    return Regions(masks, area, centre, depth)


def ratio(top: Floats, bottom: Floats) -> Floats:
    """`top` over `bottom`, 0 where `bottom` is not above 0."""
    top, bottom = np.broadcast_arrays(np.asarray(top, np.float64), np.asarray(bottom, np.float64))
    return np.divide(top, bottom, out=np.zeros(top.shape), where=bottom > 0)
