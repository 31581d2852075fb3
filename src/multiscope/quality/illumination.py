"""Uneven illumination: a background that rises and falls smoothly over the fields of a channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[Any]
Grid = npt.NDArray[np.float64]

SIDE = 8
BACKGROUND = 5.0
"""Percentile of a block that is taken for its background: objects seldom fill a block wholly."""
LEAST_FALL, LEAST_FIT = 0.2, 0.8
"""A channel is called uneven where a quadratic surface falls by this share from its highest place to its lowest, and
explains this share of the background's differences between blocks. Real sets with vignetting: 0.33 to 0.92, explained
to 0.95 to 0.98; 291 fields of nuclei without: 0.09. Single fields in which cells fill one side reach 0.7 of explained.
"""
SMALLEST_SIDE = 128
"""Smaller images are crops: what is bright in their middle is a cell."""
_SAMPLE = 64


def background_of(plane: Plane) -> Grid | None:
    """Background of a plane (Y, X) in 8 x 8 blocks; None where it is too small to have blocks."""
    if min(plane.shape) < SMALLEST_SIDE:
        return None
    steps = [max(size // (SIDE * _SAMPLE), 1) for size in plane.shape]
    part = plane[:: steps[0], :: steps[1]]
    rows = np.array_split(part, SIDE, axis=0)
    blocks = [block for row in rows for block in np.array_split(row, SIDE, axis=1)]
    return np.array([np.percentile(block, BACKGROUND) for block in blocks]).reshape(SIDE, SIDE)


class Shading:
    """Gathers the background over the fields of one channel."""

    def __init__(self) -> None:
        """Start with no field."""
        self._sum: Grid = np.zeros((SIDE, SIDE))
        self.n = 0

    def add(self, background: Grid | None, *, offset: float = 0.0) -> None:
        """Add one field; each counts alike, whatever its brightness. `offset` is what its numbers begin at."""
        if background is None:
            return
        level = background - offset
        if level.mean() > 0:
            self._sum += level / level.mean()
            self.n += 1

    def fall(self) -> float | None:
        """By which share the background falls from its highest place to its lowest; None where it is even."""
        if self.n == 0:
            return None
        surface, fit = _quadratic(self._sum / self.n)
        fall = float((surface.max() - surface.min()) / surface.max()) if surface.max() > 0 else 0.0
        return min(fall, 1.0) if fit >= LEAST_FIT and fall >= LEAST_FALL else None


def _quadratic(grid: Grid) -> tuple[Grid, float]:
    """The quadratic surface nearest to a grid, and the share of its variance it explains, corrected for its freedom."""
    y, x = (axis.ravel() for axis in np.meshgrid(*[np.linspace(-1, 1, SIDE)] * 2, indexing="ij"))
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
    values = grid.ravel()
    surface = terms @ np.linalg.lstsq(terms, values, rcond=None)[0]
    total = float(((values - values.mean()) ** 2).sum())
    if total <= 1e-12:
        return surface, 0.0
    left = float(((values - surface) ** 2).sum()) / (values.size - terms.shape[1])
    return surface, 1 - left / (total / (values.size - 1))
