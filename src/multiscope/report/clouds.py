"""Where the proteins of a class or of a term lie in a map: Gaussian kernel densities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from scipy.stats import gaussian_kde  # type: ignore[import-untyped, unused-ignore]

from multiscope.report.album import ends

FEWEST = 5
"""Points that a density is estimated from, at least."""
SHARE = 0.5
"""Of the density that lies within the contour."""
_GRID = 160
_NARROWEST = 1e-9
"""Variance across a line, as a share of that along it."""
_NAME = (0.11, 0.034)
"""Width and height of a name, as shares of the map."""
Points = npt.NDArray[np.float64]


class Cloud:
    """The density of some points of a map, bandwidth by Scott's rule, on a grid over the whole map."""

    def __init__(self, points: Points, limits: tuple[float, float, float, float]) -> None:
        """Of points (n, 2); a `ValueError` where they have no density: too few, or on a line.

        `limits` are the least and the greatest x, then y, of the map.
        """
        if len(points) < FEWEST:
            raise ValueError(f"{len(points)} points; a density needs {FEWEST}")
        spread = np.linalg.eigvalsh(np.cov(points.T))
        if spread[0] <= _NARROWEST * spread[1]:
            raise ValueError("the points lie on a line")
        density = gaussian_kde(points.T)
        self.x, self.y = (np.linspace(low, high, _GRID) for low, high in (limits[:2], limits[2:]))
        where = np.meshgrid(self.x, self.y)
        self.density: Points = density(np.stack([each.ravel() for each in where])).reshape(_GRID, _GRID)

    @property
    def mode(self) -> tuple[float, float]:
        """Where the density is highest."""
        row, column = np.unravel_index(self.density.argmax(), self.density.shape)
        return float(self.x[column]), float(self.y[row])

    @property
    def level(self) -> float:
        """The density above which half of it lies."""
        falling = np.sort(self.density.ravel())[::-1]
        inside = np.cumsum(falling)
        return float(falling[np.searchsorted(inside, SHARE * inside[-1])])


def draw_clouds(axis: Axes, points: Mapping[str, Points], colours: Mapping[str, str], *, names: bool) -> None:
    """Contours of the densities of named points, those that have one; with their `names` at the modes."""
    together = np.concatenate(list(points.values()))
    low, high = together.min(axis=0), together.max(axis=0)
    margin = 0.25 * np.maximum(high - low, 1e-9)
    (left, bottom), (right, top) = low - margin, high + margin
    taken: list[tuple[float, float]] = []
    for name, own in points.items():
        try:
            cloud = Cloud(own, (left, right, bottom, top))
        except ValueError:
            continue
        if not 0 < cloud.level < cloud.density.max():
            continue
        levels = [cloud.level, cloud.density.max()]
        axis.contourf(cloud.x, cloud.y, cloud.density, levels=levels, colors=[colours[name]], alpha=0.16, zorder=0)
        axis.contour(cloud.x, cloud.y, cloud.density, levels=levels[:1], colors=[colours[name]], linewidths=1.0)
        if names:
            place = free_place(cloud.mode, taken, (right - left) * _NAME[0], (top - bottom) * _NAME[1])
            taken.append(place)
            text = axis.text(*place, ends(name, 22), fontsize=8, ha="center", va="center", zorder=4)
            text.set_path_effects([withStroke(linewidth=2.6, foreground="white")])


def free_place(
    wanted: tuple[float, float], taken: Sequence[tuple[float, float]], width: float, height: float
) -> tuple[float, float]:
    """`wanted`, or the next place below it where a name of that size covers none that is there."""
    x, y = wanted
    while near := [other for ox, other in taken if abs(ox - x) < width and abs(other - y) < height * (1 - 1e-9)]:
        y = min(near) - height
    return x, y
