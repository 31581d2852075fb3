"""How a protein of each compartment looks in a cell: one function a compartment, one line in the registry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from multiscope.config import Compartment
from multiscope.simulate.biology import Factors
from multiscope.simulate.cells import Cell, FloatArray, inside

GRAIN, GRAIN_SCALE = 0.22, 1.5
"""Usual contrast (standard deviation of the logarithm) and coarseness (pixels) of the texture."""
_STEPS = 48

Drawer = Callable[[Cell, Factors, np.random.Generator], FloatArray]


def cytosol(cell: Cell) -> FloatArray:
    """A freely diffusing protein: follows the height of the cell, kept out of the vacuole; (H, H), 0 to 1."""
    return np.asarray(inside(cell.depth) * (0.25 + 0.75 * cell.thickness) * (1 - 0.65 * cell.vacuole_map))


def nucleus(cell: Cell, factors: Factors, rng: np.random.Generator) -> FloatArray:
    """The nucleus, with foci; `radial` moves the light between its middle and its rim."""
    foci = _spots(cell, rng, n=_count(2.5 * factors.number, rng), sigma=1.0, where=inside(cell.nucleus_depth - 1))
    edge = 1 - np.clip(cell.nucleus_depth / cell.nucleus.b, 0, 1)
    return np.asarray(cell.nucleus_map * (0.85 * _tilt(edge, factors.radial) + 0.5 * foci))


def cytoplasm(cell: Cell, factors: Factors, rng: np.random.Generator) -> FloatArray:
    """All but the vacuole; `partition` decides how dark the nucleus is, `number` and `size` are of faint granules."""
    edge = np.clip(1 - cell.depth / cell.mother.b, 0, 1)
    body = cytosol(cell) * _tilt(edge, 0.8 * factors.radial)
    granules = _spots(
        cell, rng, n=_count(7 * factors.number, rng), sigma=1.8 * factors.size**2, where=inside(cell.depth - 3)
    )
    exclusion = np.clip(2.6 * (factors.partition - 0.62), 0, 0.85)
    return np.asarray(body * (0.85 + 0.5 * granules) * (1 - exclusion * cell.nucleus_map))


def er(cell: Cell, factors: Factors, rng: np.random.Generator) -> FloatArray:
    """Ring around the nucleus and patches under the cortex; `radial` moves light from the first to the second."""
    width = 1.0 * factors.size**2
    ring = _shell(cell.nucleus_depth, width) * inside(cell.depth)
    patches = _patches(cell, rng, n=_count(5 * factors.number, rng), width=0.28)
    cortex = _shell(cell.depth - 1.8, width) * patches
    strands = _shell(_angle_from(cell.theta, rng.uniform(-np.pi, np.pi)) * 12, 1.6) * (cell.nucleus_depth < 0)
    cortical = 0.55 * np.exp(0.7 * factors.radial)
    inner = 0.25 * strands * inside(cell.depth - 1) * (1 - cell.vacuole_map)
    return np.asarray(0.8 * np.minimum(ring + cortical * cortex + inner, 1.3))


def mitochondrion(cell: Cell, factors: Factors, rng: np.random.Generator) -> FloatArray:
    """Tubules along the cortex, in mother and bud; `radial` is their distance from it."""
    n = _count(5 * factors.number, rng)
    length = 1.1 * factors.size**3 * rng.uniform(0.5, 1.5, (n, 1))
    theta = rng.uniform(0, 2 * np.pi, (n, 1)) + length * np.linspace(-0.5, 0.5, _STEPS)
    wander = np.cumsum(rng.normal(0, 0.28, (n, _STEPS)), axis=1)
    inward = 0.30 * cell.mother.b * (1 - 0.75 * factors.radial) + rng.normal(0, 1.2, (n, 1)) + wander
    in_bud = rng.random(n) < (0.3 if cell.bud is not None else 0)
    ys, xs = cell.mother.point(theta, np.maximum(inward, 2.0))
    if cell.bud is not None:
        by, bx = cell.bud.point(theta, np.maximum(inward * 0.6, 2.0))
        ys, xs = np.where(in_bud[:, None], by, ys), np.where(in_bud[:, None], bx, xs)
    weights = np.broadcast_to(length * cell.mother.b / _STEPS, ys.shape)
    sigma = 0.95 * factors.size
    tubes = gaussian_filter(_stamp(cell, ys, xs, weights), sigma) * sigma * np.sqrt(2 * np.pi)
    return np.asarray(0.8 * np.minimum(tubes, 1.3) * inside(cell.depth - 0.5))


def vacuole(cell: Cell, factors: Factors, rng: np.random.Generator) -> FloatArray:
    """The lumen; `number` and `size` are already in the cell's vacuole, `radial` moves light to its rim."""
    edge = 1 - np.clip(cell.vacuole_depth / (0.4 * cell.mother.b), 0, 1)
    return np.asarray(cell.vacuole_map * 0.9 * _tilt(edge, factors.radial))


def cell_periphery(cell: Cell, factors: Factors, rng: np.random.Generator) -> FloatArray:
    """Ring along the outline with brighter patches; `radial` gathers it at one end."""
    ring = _shell(cell.depth - 1.2, 0.9 * factors.size**2)
    patches = _patches(cell, rng, n=_count(6 * factors.number, rng), width=0.16)
    pole = 0.5 + 0.5 * np.cos(_angle_from(cell.theta, rng.uniform(-np.pi, np.pi)))
    return np.asarray(ring * (0.75 + 0.45 * patches) * _tilt(pole, factors.radial))


def punctate(cell: Cell, factors: Factors, rng: np.random.Generator) -> FloatArray:
    """Spots; `radial` moves them between the middle and the outline."""
    edge = np.clip(1 - cell.depth / cell.mother.b, 0, 1)
    liked = inside(cell.depth - 2) * (1 - cell.vacuole_map) * np.exp(4 * factors.radial * edge)
    return 1.3 * _spots(cell, rng, n=max(2, _count(8 * factors.number, rng)), sigma=1.25 * factors.size**2, where=liked)


DRAWERS: dict[Compartment, Drawer] = {
    "nucleus": nucleus,
    "cytoplasm": cytoplasm,
    "er": er,
    "mitochondrion": mitochondrion,
    "vacuole": vacuole,
    "cell_periphery": cell_periphery,
    "punctate": punctate,
}


def draw_protein(compartment: Compartment, cell: Cell, factors: Factors, rng: np.random.Generator) -> FloatArray:
    """Light of a protein in one cell (H, H): near 1 in its structures at abundance 1, 0 outside the cell."""
    structure = DRAWERS[compartment](cell, factors, rng) * _texture(cell.depth.shape, factors, rng)
    # a compartment that is the cytoplasm itself has no other place to leak to
    share = 1.0 if compartment == "cytoplasm" else factors.partition
    light = share * structure + (1 - share) * 0.8 * cytosol(cell)
    return np.asarray(factors.abundance * light * inside(cell.depth + 0.5))


def _texture(shape: tuple[int, ...], factors: Factors, rng: np.random.Generator) -> FloatArray:
    """Grain with mean 1; the filter's loss of variance, 4 pi sigma^2 for white noise, is made up for."""
    sigma, contrast = GRAIN_SCALE * factors.grain_scale, GRAIN * factors.grain
    smooth = gaussian_filter(rng.normal(size=shape), sigma) * 2 * np.sqrt(np.pi) * sigma
    return np.asarray(np.exp(contrast * smooth - contrast**2 / 2))


def _tilt(edge: FloatArray, radial: float) -> FloatArray:
    """Weight of places from 0 (middle) to 1 (edge): towards the edge where `radial` is above 0."""
    return np.asarray(np.exp(1.2 * radial * (edge - 0.5)))


def _shell(depth: FloatArray, width: float) -> FloatArray:
    return np.exp(-0.5 * (depth / width) ** 2)


def _angle_from(theta: FloatArray, direction: float) -> FloatArray:
    return np.asarray(np.mod(theta - direction + np.pi, 2 * np.pi) - np.pi)


def _patches(cell: Cell, rng: np.random.Generator, *, n: int, width: float) -> FloatArray:
    """Patches along the outline at random directions, each `width` radians; 0 to 1."""
    bumps = [_shell(_angle_from(cell.theta, turn), width) for turn in rng.uniform(-np.pi, np.pi, n)]
    return np.asarray(np.clip(np.sum(bumps, axis=0), 0, 1)) if n else np.zeros_like(cell.theta)


def _spots(cell: Cell, rng: np.random.Generator, *, n: int, sigma: float, where: FloatArray) -> FloatArray:
    """`n` Gaussian spots of height near 1 at pixels drawn with the weights `where`."""
    total = float(np.sum(where))
    if n == 0 or total <= 0:
        return np.zeros_like(cell.depth)
    at = rng.choice(where.size, n, p=np.ravel(where) / total)
    ys, xs = np.unravel_index(at, where.shape)
    points = _stamp(cell, ys.astype(np.float64), xs.astype(np.float64), rng.uniform(0.6, 1.2, n))
    return np.asarray(gaussian_filter(points, sigma) * 2 * np.pi * sigma**2)


def _stamp(cell: Cell, ys: FloatArray, xs: FloatArray, weights: FloatArray) -> FloatArray:
    """Weights summed at the nearest pixels; points off the window are left out."""
    height, width = cell.depth.shape
    rows, columns = np.rint(ys).astype(np.intp).ravel(), np.rint(xs).astype(np.intp).ravel()
    kept = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    flat = np.bincount(rows[kept] * width + columns[kept], weights.ravel()[kept], minlength=height * width)
    return np.asarray(flat.reshape(height, width))


def _count(mean: float, rng: np.random.Generator) -> int:
    """A whole number near `mean`: its fraction is drawn."""
    return int(mean + rng.random())
