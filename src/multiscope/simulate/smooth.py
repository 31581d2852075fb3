"""Smooth random fields on a grid of pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from multiscope.simulate import counter
from multiscope.simulate.cells.geometry import Grid

_FINEST_UM = 0.24
_STEP = 1.33
"""Distance of lattice points, in the finest widths of the kernel: closer ones change nothing that can be seen."""
_LEAST_EXPONENT = -40.0


def smooth_field(keys: Tensor, grid: Grid, name: str, sigma: Tensor | float, *, finest: float = _FINEST_UM) -> Tensor:
    """Gaussian random fields (B, 1, H, W), mean 0 and variance about 1, of coarseness `sigma` micrometres.

    Normal numbers on a coarse lattice, each spread by a Gaussian. `sigma` is one number or (B,), and is not taken finer
    than `finest` or three quarters of a pixel.
    """
    finest = max(finest, 0.75 * grid.pixel_um)
    step = _STEP * finest
    spread = torch.as_tensor(sigma, device=keys.device, dtype=torch.float32).clamp(min=finest).view(-1, 1, 1)
    rows, columns = (_lattice(axis, spread, step) for axis in (grid.rows, grid.columns))
    numbers = counter.normal(keys, name, rows.shape[2], columns.shape[2]) * (step / (spread * torch.pi**0.5))
    return torch.matmul(torch.matmul(rows, numbers), columns.transpose(1, 2))[:, None]


def gaussian(distance: Tensor, width: Tensor | float) -> Tensor:
    """exp(-distance^2 / (2 width^2)), never so small that arithmetic on it becomes slow."""
    return (distance / width).square().mul_(-0.5).clamp_(min=_LEAST_EXPONENT).exp_()


def _lattice(axis: Tensor, spread: Tensor, step: float) -> Tensor:
    """Weights (B or 1, H, n) of lattice points for the pixels of an axis."""
    half = int(float(axis[-1]) / step) + 3
    points = torch.arange(-half, half + 1, device=axis.device) * step
    return gaussian(axis[None, :, None] - points, spread)
