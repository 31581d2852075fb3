"""Proteins in membranes: nuclear envelope, ER, vacuolar membrane, cell periphery."""

from __future__ import annotations

import torch
from torch import Tensor

from multiscope.simulate import counter
from multiscope.simulate.cells.cell import Cells
from multiscope.simulate.compartments.marks import brightness, counted, each, shell, tilt
from multiscope.simulate.factors import Factors
from multiscope.simulate.smooth import gaussian, smooth_field

_WIDTH_UM = 0.11
"""Of a membrane as drawn: far thinner than light can show, thick enough for the pixels."""


def nuclear_periphery(cells: Cells, factors: Factors) -> Tensor:
    """A ring with brighter pores or dots; `radial` is its sharpness from a blurred to a thin ring with dots."""
    width = each(1.25 * _width(cells, factors) * (-0.35 * factors.radial).exp())
    return shell(cells.nucleus, width) * (0.75 + 0.8 * _patches(cells, "pores", 6 * factors.number, 14, 0.22))


def vacuolar_membrane(cells: Cells, factors: Factors) -> Tensor:
    """The ring around the vacuole's lobes with brighter patches; `radial` keeps light out of the lumen."""
    ring = shell(cells.vacuole, each(1.3 * _width(cells, factors)))
    lumen = cells.share(cells.vacuole) * each(0.18 * (-1.2 * factors.radial).exp())
    return ring * (0.85 + 0.4 * _patches(cells, "contacts", 4 * factors.number, 10, 0.3)) + 0.6 * lumen


def cell_periphery(cells: Cells, factors: Factors) -> Tensor:
    """Ring along the outline with brighter patches; `radial` gathers it at one end."""
    ring = shell(cells.depth - 0.12, each(1.2 * _width(cells, factors)))
    patches = _patches(cells, "eisosomes", 7 * factors.number, 18, 0.16)
    turn = 2 * torch.pi * counter.uniform(cells.keys, "periphery", 1)[:, 0]
    pole = 0.5 + 0.5 * (cells.angle - each(turn)).cos()
    return ring * (0.75 + 0.5 * patches) * tilt(pole, factors.radial)


def yeast_er(cells: Cells, factors: Factors) -> Tensor:
    """Ring around the nucleus and patches under the cortex; `radial` moves light from the first to the second."""
    width = each(1.25 * _width(cells, factors))
    patches = _patches(cells, "cortical", 5 * factors.number, 12, 0.28)
    cortex = shell(cells.depth - 0.2, width) * patches
    strand = smooth_field(cells.keys, cells.grid, "strands", 0.6, finest=0.6)
    inner = 0.3 * shell(strand, 0.22) * cells.share(cells.depth - 0.2) * (1 - cells.share(cells.vacuole))
    ring = shell(cells.nucleus, width) * cells.whole
    outer = each(0.6 * (0.7 * factors.radial).exp())
    return 0.9 * (ring + outer * cortex + inner * (1 - cells.share(cells.nucleus)))


def human_er(cells: Cells, factors: Factors) -> Tensor:
    """A net of tubules, densest around the nucleus; `number` is its density, `radial` its reach."""
    coarse = 0.75 * factors.size.square() / factors.number.sqrt()
    net = sum(shell(smooth_field(cells.keys, cells.grid, f"net.{k}", coarse), 0.16) for k in range(2))
    near = (0.9 * (cells.nucleus / each(2.5 * cells.body.radius * (0.35 + 0.12 * factors.radial)))).clamp(max=0).exp()
    envelope = shell(cells.nucleus, 0.16)
    sheet = 0.35 * near.square()
    return cells.whole * (1 - cells.share(cells.nucleus - 0.15)) * (near * (0.8 * net + sheet) + 0.7 * envelope)


def _width(cells: Cells, factors: Factors) -> Tensor:
    return max(_WIDTH_UM, 0.6 * cells.grid.pixel_um) * factors.size.square()


def _patches(cells: Cells, name: str, mean: Tensor, most: int, width: float) -> Tensor:
    """Patches at random directions from the nucleus, `width` radians wide at the cell's edge; 0 to 1."""
    there = counted(cells, name, mean, most) * brightness(cells, name, most)
    at = cells.body.cortex(name, most, torch.zeros_like(cells.body.radius)[:, None])
    centre = cells.body.nucleus_centre()
    turns = torch.atan2(at[1] - centre[1][:, None], at[2] - centre[2][:, None])
    # directions on a circle of 96 cells, looked up by each pixel's own
    circle = torch.arange(96, device=mean.device) * (2 * torch.pi / 96)
    apart = torch.remainder(circle - turns[..., None] + torch.pi, 2 * torch.pi) - torch.pi
    profile = (there[..., None] * gaussian(apart, width)).sum(1).clamp(0, 1)
    place = (cells.angle * (96 / (2 * torch.pi)) + 96.5).long() % 96
    return profile.gather(1, place.flatten(1)).view_as(place)
