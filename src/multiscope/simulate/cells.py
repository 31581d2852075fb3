"""Shapes of budding yeast cells: outline, bud, nucleus and vacuole, on a small window of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

LONG_AXIS_UM = (4.5, 6.2)
"""Length of a mother cell, shortest and longest (micrometres)."""
ASPECT = (0.74, 0.96)
BUDDED = 0.35
"""Share of cells with a bud."""
NUCLEUS_RADIUS, VACUOLE_RADIUS = 0.40, 0.44
"""Of the mother's short half-axis."""


@dataclass(frozen=True)
class Ellipse:
    """An ellipse by centre (y, x), half-axes and the angle of the first to the x axis (pixels, radians)."""

    y: float
    x: float
    a: float
    b: float
    angle: float

    def depth(self, yy: FloatArray, xx: FloatArray) -> FloatArray:
        """Distance to the outline (pixels), positive inside; first order, hence exact near the outline."""
        u, v = self._axes(yy, xx)
        q = np.sqrt((u / self.a) ** 2 + (v / self.b) ** 2) + 1e-6
        slope = np.sqrt((u / self.a**2) ** 2 + (v / self.b**2) ** 2) / q + 1e-9
        return np.asarray((1 - q) / np.maximum(slope, 0.5 / self.a))

    def thickness(self, yy: FloatArray, xx: FloatArray) -> FloatArray:
        """Height of the ellipsoid over each pixel, 1 in the middle and 0 outside."""
        u, v = self._axes(yy, xx)
        return np.asarray(np.sqrt(np.maximum(1 - (u / self.a) ** 2 - (v / self.b) ** 2, 0)))

    def point(self, theta: FloatArray, inward: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points (y, x) at parameter `theta`, moved `inward` pixels from the outline."""
        u = np.maximum(self.a - inward, 0) * np.cos(theta)
        v = np.maximum(self.b - inward, 0) * np.sin(theta)
        c, s = np.cos(self.angle), np.sin(self.angle)
        return np.asarray(self.y + s * u + c * v), np.asarray(self.x + c * u - s * v)

    def _axes(self, yy: FloatArray, xx: FloatArray) -> tuple[FloatArray, FloatArray]:
        c, s = np.cos(self.angle), np.sin(self.angle)
        dy, dx = yy - self.y, xx - self.x
        return c * dx + s * dy, c * dy - s * dx


@dataclass(frozen=True)
class Cell:
    """One cell on a square window; all images are (H, H), all lengths are pixels."""

    mother: Ellipse
    bud: Ellipse | None
    nucleus: Ellipse
    depth: FloatArray
    """Distance to the outline, positive inside; mother and bud are one outline."""
    thickness: FloatArray
    """Height of the cell over each pixel, 1 at the middle of the mother."""
    nucleus_depth: FloatArray
    vacuole_depth: FloatArray
    theta: FloatArray
    """Direction as seen from the middle of the mother."""

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Pixels of the cell."""
        return np.asarray(self.depth > 0)

    @property
    def nucleus_map(self) -> FloatArray:
        """Where the nucleus is, 0 to 1."""
        return inside(self.nucleus_depth)

    @property
    def vacuole_map(self) -> FloatArray:
        """Where the vacuole is, 0 to 1."""
        return inside(self.vacuole_depth)


def inside(depth: FloatArray) -> FloatArray:
    """Share of each pixel that is inside an outline."""
    return np.clip(depth + 0.5, 0, 1)


def draw_cell(
    rng: np.random.Generator,
    *,
    pixel_size_um: float,
    nucleus_size: float = 1.0,
    vacuole_size: float = 1.0,
    n_vacuoles: int | None = None,
) -> Cell:
    """A cell of random size, direction and bud; sizes of organelles are ratios to the usual, the lobes are counted."""
    a = rng.uniform(*LONG_AXIS_UM) / 2 / pixel_size_um
    b = a * rng.uniform(*ASPECT)
    angle = rng.uniform(0, 2 * np.pi)
    budded = rng.random() < BUDDED
    bud_size, lean = rng.uniform(0.4, 0.68), rng.normal(0, 0.25)
    half = int(np.ceil(a * (2.25 if budded else 1) + 3))
    shift = rng.uniform(-0.5, 0.5, 2)
    mother = Ellipse(half + shift[0], half + shift[1], a, b, angle)
    bud = _bud(mother, bud_size, lean) if budded else None
    nucleus, towards = _nucleus(mother, nucleus_size, rng)
    lobes = _vacuole(mother, towards, vacuole_size, n_vacuoles or int(rng.choice([1, 1, 1, 2, 3])), rng)
    return _render(mother, bud, nucleus, lobes, half)


def _bud(mother: Ellipse, size: float, lean: float) -> Ellipse:
    """A smaller cell at the mother's end, overlapping her a little so that the neck is open."""
    theta = np.array(lean)
    a, b = mother.a * size, mother.b * size * 0.95
    y, x = mother.point(theta, np.array(-0.82 * a))
    return Ellipse(float(y), float(x), a, b, mother.angle + lean)


def _nucleus(mother: Ellipse, size: float, rng: np.random.Generator) -> tuple[Ellipse, float]:
    towards = rng.normal(0, 0.9)
    radius = NUCLEUS_RADIUS * mother.b * size * rng.uniform(0.93, 1.07)
    y, x = mother.point(np.array(towards), np.array(mother.b * rng.uniform(0.58, 0.72)))
    return Ellipse(float(y), float(x), radius * 1.08, radius / 1.08, rng.uniform(0, np.pi)), towards


def _vacuole(mother: Ellipse, nucleus_at: float, size: float, n: int, rng: np.random.Generator) -> list[Ellipse]:
    """Lobes across from the nucleus; together they fill about the same area however many they are."""
    radius = VACUOLE_RADIUS * mother.b * size / np.sqrt(n) * (1 if n == 1 else 1.12)
    middle = nucleus_at + np.pi + rng.normal(0, 0.2)
    spread = (np.arange(n) - (n - 1) / 2) * min(1.05, 2.6 / n)
    lobes = []
    for k, turn in enumerate(spread):
        inward = mother.b * (0.52 if n == 1 else 0.45 + 0.1 * (k % 2))
        y, x = mother.point(np.array(middle + turn), np.array(max(inward, radius + 1.5)))
        r = radius * rng.uniform(0.9, 1.1)
        lobes.append(Ellipse(float(y), float(x), r * 1.05, r / 1.05, rng.uniform(0, np.pi)))
    return lobes


def _render(mother: Ellipse, bud: Ellipse | None, nucleus: Ellipse, lobes: list[Ellipse], half: int) -> Cell:
    yy, xx = np.mgrid[: 2 * half + 1, : 2 * half + 1].astype(np.float64)
    depth, thickness = mother.depth(yy, xx), mother.thickness(yy, xx)
    if bud is not None:
        depth = np.maximum(depth, bud.depth(yy, xx))
        thickness = np.maximum(thickness, bud.thickness(yy, xx) * bud.b / mother.b)
    nucleus_depth = nucleus.depth(yy, xx)
    vacuole = np.max([lobe.depth(yy, xx) for lobe in lobes], axis=0)
    return Cell(
        mother=mother,
        bud=bud,
        nucleus=nucleus,
        depth=depth,
        thickness=thickness,
        nucleus_depth=nucleus_depth,
        vacuole_depth=np.minimum(np.minimum(vacuole, depth - 1.5), -nucleus_depth - 0.5),
        theta=np.arctan2(yy - mother.y, xx - mother.x),
    )
