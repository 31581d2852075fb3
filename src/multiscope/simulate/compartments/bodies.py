"""Proteins in small bodies: Golgi, peroxisomes, endosomes, lipid particles, spindle pole, bud neck, plain puncta."""

from __future__ import annotations

import torch
from torch import Tensor

from multiscope.simulate import counter
from multiscope.simulate.cells.cell import Cells
from multiscope.simulate.cells.geometry import Places
from multiscope.simulate.cells.yeast import Yeast
from multiscope.simulate.compartments.marks import brightness, chosen, counted, curves, shell, spots, tubes
from multiscope.simulate.factors import Factors


def punctate(cells: Cells, factors: Factors) -> Tensor:
    """Many small spots of very different brightness; `radial` moves them between the middle and the outline."""
    most = 40
    at = chosen(cells, "puncta", most, radial=3 * factors.radial, margin=0.2)
    there = counted(cells, "puncta", (9 if cells.body.has_vacuole else 18) * factors.number, most)
    bright = brightness(cells, "puncta", most, (0.3, 1.7))
    return spots(cells.grid, at, there * bright, _sigma(cells, 0.13, factors))


def peroxisome(cells: Cells, factors: Factors) -> Tensor:
    """A few sharp dots of one brightness (a few dozen in human cells)."""
    most = 50
    at = chosen(cells, "peroxisome", most, radial=1 + 3 * factors.radial, margin=0.2)
    there = counted(cells, "peroxisome", (3.5 if cells.body.has_vacuole else 26) * factors.number, most)
    return 1.5 * spots(
        cells.grid, at, there * brightness(cells, "peroxisome", most, (0.85, 1.15)), _sigma(cells, 0.11, factors)
    )


def lipid_particle(cells: Cells, factors: Factors) -> Tensor:
    """Round bright droplets in clusters near one another."""
    groups, each_group = 4, 5
    at = chosen(cells, "lipid", groups, radial=1.5 * factors.radial - 0.5, margin=0.4)
    offsets = counter.normal(cells.keys, "lipid.offsets", 3, groups, each_group).unbind(1)
    near = 0.34 if cells.body.has_vacuole else 0.8
    z, y, x = ((part[..., None] + near * offset).flatten(1) for part, offset in zip(at, offsets, strict=True))
    margin = torch.full_like(cells.body.radius, 0.3)[:, None]
    there = counted(cells, "lipid", (7 if cells.body.has_vacuole else 13) * factors.number, groups * each_group)
    # spread the droplets over the groups
    order = torch.arange(groups * each_group, device=there.device).view(groups, each_group).T.flatten()
    bright = there[:, order.argsort()] * brightness(cells, "lipid", groups * each_group, (0.7, 1.1))
    return 1.1 * spots(cells.grid, cells.body.confined((z, y, x), margin), bright, _sigma(cells, 0.21, factors))


def endosome(cells: Cells, factors: Factors) -> Tensor:
    """Medium bodies, in yeast beside the vacuole whose membrane they share a little."""
    if not cells.body.has_vacuole:
        return _scattered(cells, factors, "endosome", mean=15, most=40, sigma=0.22, liking=-1.0)
    most = 12
    at = _beside_vacuole(cells, "endosome", most, factors.radial)
    there = counted(cells, "endosome", 3.5 * factors.number, most)
    bodies = spots(cells.grid, at, there * brightness(cells, "endosome", most), _sigma(cells, 0.2, factors))
    return 1.25 * bodies + 0.22 * shell(cells.vacuole, 0.13)


def yeast_golgi(cells: Cells, factors: Factors) -> Tensor:
    """Scattered cisternae: short bars throughout mother and bud."""
    most = 18
    at = chosen(cells, "golgi", most, radial=2 * factors.radial, margin=0.35)
    turn = 2 * torch.pi * counter.uniform(cells.keys, "golgi.turn", most)
    half = 0.20 * factors.size[:, None]
    sides = torch.tensor([-1.0, 0.0, 1.0], device=turn.device)
    y = (at[1][..., None] + (half * turn.sin())[..., None] * sides).flatten(1)
    x = (at[2][..., None] + (half * turn.cos())[..., None] * sides).flatten(1)
    bright = counted(cells, "golgi", 6 * factors.number, most) * brightness(cells, "golgi", most)
    return 0.8 * spots(
        cells.grid, (at[0].repeat_interleave(3, 1), y, x), bright.repeat_interleave(3, 1), _sigma(cells, 0.15, factors)
    )


def human_golgi(cells: Cells, factors: Factors) -> Tensor:
    """A ribbon of stacks on one side of the nucleus; `radial` lets it come apart."""
    most, steps = 9, 10
    turn = 2 * torch.pi * counter.uniform(cells.keys, "golgi.side", 1)
    fan = (0.35 + 0.25 * factors.radial[:, None]) * counter.normal(cells.keys, "golgi.fan", most)
    off = cells.body.nucleus_radius[:, None] * (1.25 + 0.25 * counter.uniform(cells.keys, "golgi.off", most))
    centre = cells.body.nucleus_centre()
    start = (
        torch.zeros_like(off),
        centre[1][:, None] + off * (turn + fan).sin(),
        centre[2][:, None] + off * (turn + fan).cos(),
    )
    step = (0.30 * factors.size)[:, None]
    at = curves(cells, "golgi", start, steps=steps, step_um=step, bend=0.5, margin=0.5, flat=0.2)
    bright = counted(cells, "golgi", 6 * factors.number, most) * brightness(cells, "golgi", most)
    return 0.9 * tubes(cells.grid, at, bright.repeat_interleave(steps, 1), _sigma(cells, 0.3, factors), step_um=step)


def yeast_spindle_pole(cells: Cells, factors: Factors) -> Tensor:
    """A dot on the nuclear envelope towards the neck, two after its duplication; at last one on each nucleus."""
    body = cells.body
    assert isinstance(body, Yeast)
    y, x, _, _ = body.neck()
    _, centre_y, centre_x = body.nucleus_centre()
    at = _poles(cells, factors, torch.atan2(y - centre_y, x - centre_x)[:, None], off=1.0)
    first, second = body.nuclei
    towards = torch.atan2(second.y - first.y, second.x - first.x)
    # after anaphase on the far sides of the two nuclei
    ends_y = torch.stack([first.y - first.radius * towards.sin(), second.y + second.radius * towards.sin()], 1)
    ends_x = torch.stack([first.x - first.radius * towards.cos(), second.x + second.radius * towards.cos()], 1)
    divided = body.divided[:, None]
    at = (at[0], torch.where(divided, ends_y, at[1]), torch.where(divided, ends_x, at[2]))
    return _two_dots(cells, factors, at)


def human_spindle_pole(cells: Cells, factors: Factors) -> Tensor:
    """The centrosome beside the nucleus, two dots after its duplication."""
    turn = 2 * torch.pi * counter.uniform(cells.keys, "pole", 1)
    return _two_dots(cells, factors, _poles(cells, factors, turn, off=1.12))


def _poles(cells: Cells, factors: Factors, turn: Tensor, *, off: float) -> Places:
    """Two places (B, 2) around the nucleus, at a direction (B, 1) and apart from it by the phase."""
    turns = torch.cat([turn, turn + 0.5 + 2.2 * cells.body.phase[:, None]], 1)
    away = cells.body.nucleus_radius[:, None] * (off + 0.25 * factors.radial[:, None])
    z, y, x = (part[:, None] for part in cells.body.nucleus_centre())
    return z.expand_as(turns), y + away * turns.sin(), x + away * turns.cos()


def _two_dots(cells: Cells, factors: Factors, at: Places) -> Tensor:
    """Dots, the second of which is there from a phase on that `number` moves."""
    two = cells.body.phase > 0.45 / factors.number.square()
    bright = torch.stack([torch.ones_like(cells.body.phase), two.float()], 1)
    return 1.9 * spots(cells.grid, at, bright, _sigma(cells, 0.14, factors))


def bud_neck(cells: Cells, factors: Factors) -> Tensor:
    """A ring between mother and bud, seen from its side; before the bud, a patch where it will be."""
    assert isinstance(cells.body, Yeast)
    y, x, direction, half = cells.body.neck()
    points = 15
    around = 2 * torch.pi * torch.arange(points, device=y.device) / points
    off = half[:, None] * factors.size[:, None].square()
    across = off * around.cos() * (0.75 + 0.25 * factors.radial[:, None])
    along = 0.10 * torch.where(around.sin() > 0, 1.0, -1.0) * (factors.number[:, None] > 1)
    at = (
        off * around.sin(),
        y[:, None] + along * direction.sin()[:, None] + across * direction.cos()[:, None],
        x[:, None] + along * direction.cos()[:, None] - across * direction.sin()[:, None],
    )
    bright = torch.full_like(across, 0.42) * torch.where(cells.body.budded, 1.0, 0.6)[:, None]
    return spots(cells.grid, at, bright, _sigma(cells, 0.15, factors))


def _scattered(
    cells: Cells, factors: Factors, name: str, *, mean: float, most: int, sigma: float, liking: float
) -> Tensor:
    at = chosen(cells, name, most, radial=liking + 3 * factors.radial, margin=0.3)
    there = counted(cells, name, mean * factors.number, most)
    return 1.2 * spots(cells.grid, at, there * brightness(cells, name, most), _sigma(cells, sigma, factors))


def _beside_vacuole(cells: Cells, name: str, n: int, radial: Tensor) -> Places:
    """Points (B, n) on the first lobe of the vacuole, by `radial` farther out."""
    body = cells.body
    assert isinstance(body, Yeast)
    lobe = body.lobes[0]
    turn, up = counter.uniform(body.keys, name, 2, n).unbind(1)
    off = lobe.radius[:, None] * (1.12 + 0.35 * radial[:, None])
    angle = 2 * torch.pi * turn
    at = (
        lobe.z[:, None] + 0.8 * (up - 0.5),
        lobe.y[:, None] + off * angle.sin(),
        lobe.x[:, None] + off * angle.cos(),
    )
    return body.confined(at, torch.full_like(lobe.radius, 0.35)[:, None])


def _sigma(cells: Cells, um: float, factors: Factors) -> Tensor:
    """Width (B, 1) of bodies; not thinner than the pixels can show."""
    return max(um, 0.55 * cells.grid.pixel_um) * factors.size[:, None].square()
