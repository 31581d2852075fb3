"""Proteins along curves: mitochondria, actin, microtubules."""

from __future__ import annotations

import torch
from torch import Tensor

from multiscope.simulate import counter
from multiscope.simulate.cells.cell import Cells
from multiscope.simulate.cells.geometry import Places
from multiscope.simulate.cells.yeast import Yeast
from multiscope.simulate.compartments.marks import brightness, chosen, counted, curves, shell, spots, tubes
from multiscope.simulate.factors import Factors


def yeast_mitochondrion(cells: Cells, factors: Factors) -> Tensor:
    """A few tubes that wander along the cortex, in mother and bud; `radial` is their distance from it."""
    most, steps = 9, 16
    step = (0.22 * factors.size.pow(3))[:, None]
    depth = (cells.body.radius * (0.22 - 0.17 * factors.radial))[:, None].clamp(min=0.22)
    start = cells.body.cortex("mitochondrion", most, depth)
    at = curves(cells, "mitochondrion", start, steps=steps, step_um=step, bend=0.5, margin=depth.clamp(max=1.0))
    length = counter.uniform(cells.keys, "mitochondrion.length", most)
    grown = (torch.arange(steps, device=step.device) / steps < (0.35 + 0.65 * length)[..., None]).float()
    there = counted(cells, "mitochondrion", 5 * factors.number, most) * brightness(cells, "mitochondrion", most)
    sigma = max(0.14, 0.6 * cells.grid.pixel_um) * factors.size[:, None].square()
    return 0.7 * tubes(cells.grid, at, (there[..., None] * grown).flatten(1), sigma, step_um=step)


def human_mitochondrion(cells: Cells, factors: Factors) -> Tensor:
    """Many tubes throughout the cytoplasm, denser around the nucleus; `radial` spreads them."""
    most, steps = 44, 12
    step = (0.32 * factors.size.pow(3))[:, None]
    start = chosen(cells, "mitochondrion", most, radial=-1.5 + 4 * factors.radial, margin=0.8)
    at = curves(
        cells,
        "mitochondrion",
        start,
        steps=steps,
        step_um=step,
        bend=0.35,
        margin=0.6,
        flat=0.15,
    )
    there = counted(cells, "mitochondrion", 26 * factors.number, most) * brightness(cells, "mitochondrion", most)
    sigma = max(0.22, 0.55 * cells.grid.pixel_um) * factors.size[:, None]
    tube = tubes(cells.grid, at, there.repeat_interleave(steps, 1), sigma, step_um=step)
    return 0.85 * tube * (1 - 0.85 * cells.share(cells.nucleus))


def yeast_actin(cells: Cells, factors: Factors) -> Tensor:
    """Cortical patches, most of them in the bud, and faint cables; `radial` moves patches from bud to mother."""
    most = 30
    n = counted(cells, "patches", 10 * factors.number, most)
    at = cells.body.cortex("patches", most, torch.full_like(cells.body.radius, 0.16)[:, None])
    if isinstance(cells.body, Yeast):
        at = _towards_bud(cells.body, at, share=0.6 - 0.35 * factors.radial)
    sigma = max(0.12, 0.55 * cells.grid.pixel_um) * factors.size[:, None].square()
    patches = spots(cells.grid, at, n * brightness(cells, "patches", most), sigma)
    steps, cables = 16, 4
    start = cells.body.cortex("cables", cables, torch.full_like(cells.body.radius, 0.3)[:, None])
    step = torch.full_like(sigma, 0.22)
    along = curves(cells, "cables", start, steps=steps, step_um=step, bend=0.15, margin=0.3)
    cable = tubes(cells.grid, along, torch.full_like(along[0], 0.28), sigma, step_um=step)
    return 1.1 * patches + cable


def human_actin(cells: Cells, factors: Factors) -> Tensor:
    """Stress fibres side by side across the cell, and its rim; `radial` moves light to the rim."""
    most, steps = 20, 40
    turn = torch.pi * counter.uniform(cells.keys, "fibres", 1)[..., None]
    size = cells.body.radius[:, None] / 0.4
    offset = 1.5 * size * (counter.uniform(cells.keys, "fibres.offset", most) - 0.5)
    length = size * (0.9 + 0.6 * counter.uniform(cells.keys, "fibres.length", most))
    middle = 0.6 * size * (counter.uniform(cells.keys, "fibres.middle", most) - 0.5)
    lean = turn + 0.12 * counter.normal(cells.keys, "fibres.lean", most)[..., None]
    along = middle[..., None] + length[..., None] * (torch.arange(steps, device=size.device) / (steps - 1) - 0.5)
    y = (along * lean.sin() + offset[..., None] * turn.cos()).flatten(1)
    x = (along * lean.cos() - offset[..., None] * turn.sin()).flatten(1)
    there = counted(cells, "fibres", 10 * factors.number, most) * brightness(cells, "fibres", most)
    sigma = max(0.16, 0.5 * cells.grid.pixel_um) * factors.size[:, None].square()
    weight = (there * length / steps)[..., None].expand(-1, -1, steps).flatten(1)
    fibres = spots(cells.grid, (torch.full_like(y, -1.0), y, x), weight / (sigma * 2.5066), sigma)
    rim = shell(cells.depth - 0.35, 0.4)
    outer = (0.45 * (0.9 * factors.radial).exp()).view(-1, 1, 1, 1)
    return cells.whole * (0.9 * fibres + outer * rim + 0.06)


def yeast_microtubule(cells: Cells, factors: Factors) -> Tensor:
    """The spindle, a bar that lengthens with the cycle, and thin microtubules from its poles."""
    body = cells.body
    assert isinstance(body, Yeast)
    poles = _spindle(body, factors)
    steps = 16
    between = torch.arange(steps, device=body.phase.device) / (steps - 1)
    z, y, x = (first[:, None] + (second - first)[:, None] * between for first, second in poles)
    length = ((poles[1][1] - poles[1][0]).square() + (poles[2][1] - poles[2][0]).square()).sqrt()
    sigma = max(0.10, 0.5 * cells.grid.pixel_um) * factors.size[:, None].square()
    spindle = spots(cells.grid, (z, y, x), (length / steps)[:, None].expand_as(z) / (sigma * 2.5066), sigma)
    most, points = 6, 14
    start = tuple(torch.stack([first, second] * (most // 2), 1) for first, second in poles)
    step = (0.14 * (1 + 0.5 * factors.radial))[:, None].clamp(min=0.05)
    astral = curves(cells, "astral", (start[0], start[1], start[2]), steps=points, step_um=step, bend=0.12, margin=0.15)
    there = counted(cells, "astral", 2.4 * factors.number, most).repeat_interleave(points, 1)
    return 1.25 * spindle + 0.42 * tubes(cells.grid, astral, there, sigma, step_um=step)


def human_microtubule(cells: Cells, factors: Factors) -> Tensor:
    """Long curves from the centrosome towards the rim; `radial` is how far they reach."""
    most, steps = 40, 34
    centre, radius = cells.body.nucleus_centre(), cells.body.nucleus_radius
    turn = 2 * torch.pi * counter.uniform(cells.keys, "pole", 1)
    off = 1.12 * radius[:, None]
    pole = (torch.zeros_like(off), centre[1][:, None] + off * turn.sin(), centre[2][:, None] + off * turn.cos())
    start = (pole[0].expand(-1, most), pole[1].expand(-1, most), pole[2].expand(-1, most))
    step = (cells.body.radius / 0.4 * (0.7 + 0.35 * factors.radial) / steps)[:, None]
    at = curves(cells, "microtubule", start, steps=steps, step_um=step, bend=0.10, margin=0.3, flat=0.1)
    there = counted(cells, "microtubule", 24 * factors.number, most) * brightness(cells, "microtubule", most)
    sigma = max(0.13, 0.45 * cells.grid.pixel_um) * factors.size[:, None].square()
    return 0.55 * tubes(cells.grid, at, there.repeat_interleave(steps, 1), sigma, step_um=step)


def _spindle(
    body: Yeast, factors: Factors
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Ends z, y, x of the spindle: within the nucleus, and from one nucleus to the other after anaphase."""
    first, second = body.nuclei
    towards = torch.atan2(body.bud.y - body.mother.y, body.bud.x - body.mother.x)
    half = first.radius * (0.25 + 0.65 * body.phase) * (0.5 * factors.radial).exp().clamp(max=1.2)
    dy, dx = half * towards.sin(), half * towards.cos()
    return (first.z, second.z), (first.y - dy, second.y + dy), (first.x - dx, second.x + dx)


def _towards_bud(body: Yeast, at: Places, *, share: Tensor) -> Places:
    """Points of budded cells of which the share (B,) is moved to the bud's outline."""
    n = at[0].shape[1]
    moved = (counter.uniform(body.keys, "patches.moved", n) < share[:, None]) & body.budded[:, None]
    turn, up = counter.uniform(body.keys, "patches.bud", 2, n).unbind(1)
    w, flat = 2 * up - 1, (1 - (2 * up - 1).square()).sqrt()
    inner = (1 - 0.14 / body.bud.short[:, None]).clamp(min=0.3)
    angle = 2 * torch.pi * turn
    z, y, x = body.bud.placed((inner * w, inner * flat * angle.sin(), inner * flat * angle.cos()))
    return torch.where(moved, z, at[0]), torch.where(moved, y, at[1]), torch.where(moved, x, at[2])
