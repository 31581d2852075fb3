"""Ellipsoids in space that do not overlap: where nuclei lie in a tissue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from multiscope.simulate.structures.room import first_come

FloatArray = npt.NDArray[np.float64]

RADIUS_UM = (2.6, 3.8)
"""Geometric mean of the half-axes of an ellipsoid, smallest and largest (micrometres)."""
STRETCH, MOST_STRETCHED = 0.12, 0.2
"""Standard deviation and limit of the logarithm of a half-axis, before its mean over the three is taken off."""
LONGEST_UM = RADIUS_UM[1] * float(np.exp(4 / 3 * MOST_STRETCHED))
"""No half-axis is longer (micrometres)."""
GAP_UM = 0.25
"""Least distance of two ellipsoids (micrometres)."""
_TRIES = 8


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid by its middle and its half-axes, in micrometres as z, y, x."""

    middle: FloatArray
    """(3,)"""
    axes: FloatArray
    """(3, 3), a row a half-axis, at right angles to each other."""

    @property
    def extent(self) -> FloatArray:
        """How far it reaches from its middle along z, y and x (3,)."""
        return np.asarray(np.linalg.norm(self.axes, axis=0))

    def depth(self, offsets: FloatArray) -> FloatArray:
        """Distance (...) to the surface of points at `offsets` (3, ...) from the middle, in micrometres.

        Positive inside; first order, hence exact near the surface.
        """
        lengths = np.linalg.norm(self.axes, axis=1)
        # in units of the half-axes: of length 1 on the surface; by einsum, whose sums do not depend on threads
        at = np.einsum("ij,j...->i...", self.axes / lengths[:, None] ** 2, offsets)
        q = np.sqrt((at**2).sum(axis=0)) + 1e-9
        slope = np.sqrt(np.einsum("i,i...->...", 1 / lengths**2, at**2)) / q
        return np.asarray((1 - q) / np.maximum(slope, 1 / lengths.max()))


def scattered(rng: np.random.Generator, *, low: FloatArray, high: FloatArray, density: float) -> list[Ellipsoid]:
    """Ellipsoids of random size, shape and direction whose middles lie between `low` and `high` (3,), in micrometres.

    `density` is their mean number in 1000 cubic micrometres; where it is crowded there are fewer.
    """
    n = int(rng.poisson(density * np.prod(high - low) / 1000))
    middles = rng.uniform(low, high, (_TRIES * n, 3))
    axes = _half_axes(rng, len(middles))
    pairs = cKDTree(middles).query_pairs(2 * LONGEST_UM + GAP_UM, output_type="ndarray")
    alone = first_come(pairs[_touching(middles, axes, pairs)], len(middles))
    return [Ellipsoid(middles[i], axes[i]) for i in np.flatnonzero(alone)[:n]]


def _half_axes(rng: np.random.Generator, n: int) -> FloatArray:
    """Half-axes (n, 3, 3) of ellipsoids turned any way."""
    stretch = np.clip(rng.normal(0, STRETCH, (n, 3)), -MOST_STRETCHED, MOST_STRETCHED)
    lengths = rng.uniform(*RADIUS_UM, (n, 1)) * np.exp(stretch - stretch.mean(axis=1, keepdims=True))
    turned, _ = np.linalg.qr(rng.normal(size=(n, 3, 3)))
    return np.asarray(lengths[:, :, None] * turned)


def _touching(middles: FloatArray, axes: FloatArray, pairs: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Whether the ellipsoids of each pair (m, 2) may be nearer than the gap.

    They are not if a plane at right angles to the line between their middles parts them. How far an ellipsoid reaches
    along a direction is the length of its half-axes' projections on it.
    """
    first, second = pairs.T
    between = middles[second] - middles[first]
    distance = np.linalg.norm(between, axis=1)
    way = (between / distance[:, None])[:, :, None]
    reach = sum(np.linalg.norm(axes[which] @ way, axis=(1, 2)) for which in (first, second))
    return np.asarray(reach + GAP_UM > distance)
