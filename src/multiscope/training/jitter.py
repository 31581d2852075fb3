"""Random changes of training crops that no flip makes: turns by any angle, bent intensities."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from multiscope.training.ranks import SharedRng


def random_rotations(batch: Tensor, *, degrees: float, rng: np.random.Generator | SharedRng) -> Tensor:
    """Turn each sample of `batch` (N, C, Y, X) about its centre by an angle drawn from -`degrees` to `degrees`.

    Bilinear; what comes from outside is reflected. The random numbers are drawn on the CPU, so that devices agree.
    """
    angles = torch.from_numpy(rng.uniform(-degrees, degrees, len(batch)) * math.pi / 180).float()
    cosine, sine, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    height, width = batch.shape[-2:]
    # grids count in half sides, so that in crops that are not square a turn would shear
    rows = (cosine, -sine * height / width, zero, sine * width / height, cosine, zero)
    turns = torch.stack(rows, dim=1).reshape(-1, 2, 3).to(batch)
    grid = F.affine_grid(turns, list(batch.shape), align_corners=False)
    return F.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)


def random_gamma(crops: Tensor, *, strength: float, rng: np.random.Generator | SharedRng) -> Tensor:
    """Raise each channel of each crop (N, C, Y, X) to a power between its own minimum and maximum, which stay.

    Powers lie between 1 / (1 + `strength`) and 1 + `strength`, their logarithms uniform.
    """
    most = math.log1p(strength)
    powers = torch.from_numpy(np.exp(rng.uniform(-most, most, crops.shape[:2]))).to(crops)[..., None, None]
    low, high = crops.amin(dim=(-2, -1), keepdim=True), crops.amax(dim=(-2, -1), keepdim=True)
    spread = (high - low).clamp_min(1e-6)
    return low + ((crops - low) / spread) ** powers * spread
