"""What drawings are made of: shells, spots and curves, for many cells at once."""

from __future__ import annotations

import torch
from torch import Tensor

from multiscope.simulate import counter
from multiscope.simulate.cells.cell import Cells
from multiscope.simulate.cells.geometry import SLAB_UM, Grid, Places
from multiscope.simulate.smooth import gaussian

_TRIES = 4
_MOST_STACKED = 2.0


def each(value: Tensor) -> Tensor:
    """Values (B,) that broadcast over maps."""
    return value.view(-1, 1, 1, 1)


def shell(depth: Tensor, width: Tensor | float) -> Tensor:
    """A membrane at depth 0, as wide (standard deviation) as `width`; 0 to 1."""
    return gaussian(depth, width)


def tilt(edge: Tensor, radial: Tensor) -> Tensor:
    """Weight of places from 0 (middle) to 1 (edge): towards the edge where `radial` (B,) is above 0."""
    return (1.2 * each(radial) * (edge - 0.5)).exp()


def spots(grid: Grid, at: Places, weight: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian spots (B, L, H, W) of height `weight` (B, N) and width `sigma` (B, 1) or (B, N) at points (B, N).

    The light of a spot between two planes is shared by them.
    """
    z, y, x = at
    rows = gaussian(grid.rows - y[..., None], sigma[..., None])
    columns = gaussian(grid.columns - x[..., None], sigma[..., None])
    planes = _planes(grid, z) * weight[:, None, :]
    left = planes[:, :, None, :] * rows.transpose(1, 2)[:, None]
    return torch.bmm(left.flatten(1, 2), columns).view(len(z), len(grid.z_um), grid.height, grid.width)


def _planes(grid: Grid, z: Tensor) -> Tensor:
    """Share of each plane (B, L, N) in points at heights z (B, N); those beyond the last plane belong to it."""
    if len(grid.z_um) == 1:
        return torch.ones_like(z)[:, None]
    heights = torch.tensor(grid.z_um, device=z.device)
    z = (z.abs() if grid.mirrored else z).clamp(grid.z_um[0], grid.z_um[-1])
    shares = (1 - (z[:, None] - heights[None, :, None]).abs() / grid.slab_um).clamp(min=0)
    if grid.mirrored:
        shares[:, 1:] *= 0.5
    return shares * (SLAB_UM / grid.slab_um)


def counted(cells: Cells, name: str, mean: Tensor, most: int) -> Tensor:
    """1 for the structures that a cell has, else 0 (B, most): about `mean` (B,), its fraction drawn, at least 1."""
    n = (mean + counter.uniform(cells.keys, f"{name}.count", 1)[:, 0]).floor().clamp(1, most)
    return (torch.arange(most, device=mean.device) < n[:, None]).float()


def brightness(cells: Cells, name: str, n: int, ends: tuple[float, float] = (0.6, 1.2)) -> Tensor:
    """How bright single structures are (B, n)."""
    return ends[0] + (ends[1] - ends[0]) * counter.uniform(cells.keys, f"{name}.bright", n)


def chosen(cells: Cells, name: str, n: int, *, radial: Tensor, margin: float, off_nucleus: float = 0.1) -> Places:
    """`n` points in the cytoplasm (B, n): off outline, nucleus and vacuole, the best of four tries each.

    `radial` (B,) likes places towards the outline (1) or the middle (-1).
    """
    at = cells.body.inside(name, n * _TRIES)
    depth, nucleus = cells.body.depth(at), cells.body.nucleus(at)
    room = torch.minimum(depth - margin, -off_nucleus - nucleus)
    if cells.body.has_vacuole:
        room = torch.minimum(room, -0.1 - cells.body.vacuole(at, depth=depth, nucleus=nucleus))
    edge = 1 - depth / cells.body.radius[:, None]
    luck = counter.uniform(cells.keys, f"{name}.luck", n * _TRIES)
    score = 4 * room.clamp(max=0) + 1.2 * radial[:, None] * edge + 0.5 * luck
    best = score.view(-1, n, _TRIES).argmax(2, keepdim=True)
    z, y, x = (part.view(-1, n, _TRIES).gather(2, best)[..., 0] for part in at)
    return z, y, x


def curves(
    cells: Cells,
    name: str,
    start: Places,
    *,
    steps: int,
    step_um: Tensor,
    bend: float,
    margin: Tensor | float,
    flat: float = 0.4,
) -> Places:
    """Curves that wander from `start` (B, N) and stay inside the outline: points (B, N * steps).

    Args:
        cells: the cells.
        name: of the random numbers.
        start: where they begin.
        steps: points of a curve.
        step_um: distance between points (B, 1).
        bend: standard deviation of the turn at a step (radians).
        margin: least depth, one or (B, 1).
        flat: how much they move in z beside the plane.
    """
    n = start[0].shape[1]
    first = 2 * torch.pi * counter.uniform(cells.keys, f"{name}.direction", n)
    turns, rise = counter.normal_pair(cells.keys, f"{name}.turns", n, steps)
    heading = first[..., None] + bend * turns.cumsum(2)
    length = step_um[..., None]
    z = start[0][..., None] + (flat * length * rise).cumsum(2)
    y = start[1][..., None] + (length * heading.sin()).cumsum(2)
    x = start[2][..., None] + (length * heading.cos()).cumsum(2)
    margin = margin if isinstance(margin, Tensor) else torch.full_like(step_um, margin)
    return cells.body.confined((z.flatten(1), y.flatten(1), x.flatten(1)), margin)


def tubes(grid: Grid, at: Places, weight: Tensor, sigma: Tensor, *, step_um: Tensor) -> Tensor:
    """Curves of points (B, N) `step_um` (B, 1) apart as tubes of height about 1, up to 2 where they cross or curl."""
    return spots(grid, at, weight * (step_um / (sigma * 2.5066)), sigma).clamp_(
        max=_MOST_STACKED * SLAB_UM / grid.slab_um
    )
