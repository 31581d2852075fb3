"""Proteins that fill a volume: cytoplasm, nucleus, nucleolus, vacuole."""

from __future__ import annotations

import torch
from torch import Tensor

from multiscope.simulate import counter
from multiscope.simulate.cells.cell import Cells
from multiscope.simulate.cells.geometry import Sphere
from multiscope.simulate.compartments.marks import brightness, chosen, counted, each, spots, tilt
from multiscope.simulate.factors import Factors


def cytoplasm(cells: Cells, factors: Factors) -> Tensor:
    """All but vacuole and, by `partition`, nucleus; `number` and `size` are of faint granules."""
    body = cells.cytosol * tilt(cells.from_edge, 0.8 * factors.radial)
    most = 16
    there = counted(cells, "granules", 6 * factors.number, most)
    at = chosen(cells, "granules", most, radial=torch.zeros_like(factors.radial), margin=0.35)
    sigma = 0.26 * factors.size[:, None].square()
    granules = spots(cells.grid, at, there * brightness(cells, "granules", most), sigma)
    exclusion = (2.4 * (factors.partition - 0.76)).clamp(0, 0.85)
    return body * (0.85 + 0.55 * granules) * (1 - each(exclusion) * cells.share(cells.nucleus))


def nucleus(cells: Cells, factors: Factors) -> Tensor:
    """The nucleus, with foci and a darker nucleolus; `radial` moves the light between its middle and its rim."""
    most = 8
    there = counted(cells, "foci", 2.5 * factors.number, most)
    scale = cells.body.nucleus_radius[:, None]
    z, y, x = (0.55 * scale * part for part in counter.normal(cells.keys, "foci", 3, most).clamp(-1.2, 1.2).unbind(1))
    centre = cells.body.nucleus_centre()
    at = (centre[0][:, None] + 0.6 * z, centre[1][:, None] + y, centre[2][:, None] + x)
    foci = spots(cells.grid, at, there * brightness(cells, "foci", most), 0.14 * factors.size[:, None].square())
    edge = 1 - (cells.nucleus / each(cells.body.nucleus_radius)).clamp(0, 1)
    dark = 0.45 * cells.share(_nucleoli(cells, torch.ones_like(scale[:, 0]), torch.ones_like(scale[:, 0])))
    return cells.share(cells.nucleus) * (0.9 * tilt(edge, factors.radial) * (1 - dark) + 0.7 * foci)


def nucleolus(cells: Cells, factors: Factors) -> Tensor:
    """A cap on one side of a yeast nucleus, or a few round bodies in a human one."""
    depth = _nucleoli(cells, factors.number, factors.size)
    edge = 1 - (depth / each(0.5 * cells.body.nucleus_radius)).clamp(0, 1)
    return 1.25 * cells.share(depth) * tilt(edge, factors.radial)


def _nucleoli(cells: Cells, number: Tensor, size: Tensor) -> Tensor:
    """Depth in the nucleoli, which stay in the nucleus."""
    most, mean = (2, 0.9) if cells.body.has_vacuole else (5, 2.4)
    there = counted(cells, "nucleolus", mean * number, most)
    radius, centre = cells.body.nucleus_radius, cells.body.nucleus_centre()
    turns, out, up = counter.uniform(cells.keys, "nucleolus", 3, most).unbind(1)
    # across from the vacuole-facing side in yeast, anywhere in human cells
    off = (0.62 if cells.body.has_vacuole else 0.55) * (0.75 + 0.25 * out)
    scale = (0.62 if cells.body.has_vacuole else 0.30) * size
    depth: Tensor | None = None
    for k in range(most):
        angle = 2 * torch.pi * turns[:, k]
        body = Sphere(
            centre[0] + 0.3 * radius * (up[:, k] - 0.5),
            centre[1] + off[:, k] * radius * angle.sin(),
            centre[2] + off[:, k] * radius * angle.cos(),
            torch.where(there[:, k] > 0, scale * radius * (1 if k == 0 else 0.8), -1.0),
        ).depth(cells.grid.places)
        depth = body if depth is None else torch.maximum(depth, body)
    assert depth is not None
    return torch.minimum(depth, cells.nucleus - 0.05)


def vacuole(cells: Cells, factors: Factors) -> Tensor:
    """The lumen; `number` and `size` are already in the cell's vacuole, `radial` moves light to its rim."""
    edge = 1 - (cells.vacuole / each(0.45 * cells.body.radius)).clamp(0, 1)
    return cells.share(cells.vacuole) * tilt(edge, factors.radial)
