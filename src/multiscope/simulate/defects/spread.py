"""Gaussian point spread functions of another width for each image of a batch."""

from __future__ import annotations

import torch
from torch import Tensor

_CUT = 4.0
"""Kernels end there, in standard deviations, as scipy's do."""
_BLOCK = 128
_LEAST_WIDTH = 1e-3
_LEAST_EXPONENT = -40.0
"""Below it arithmetic on exponentials becomes slow; kernels end long before."""


def spread(batch: Tensor, sigma: Tensor) -> Tensor:
    """A batch (N, Y, X) convolved along both axes with Gaussians of `sigma` (N, 1, 1) pixels."""
    return spread_rows(spread_rows(batch, sigma).mT, sigma).mT


def spread_rows(batch: Tensor, sigma: Tensor) -> Tensor:
    """A batch (N, Y, X) convolved along Y with Gaussians of `sigma` (N, 1, 1) pixels, mirrored at the borders.

    Block by block as products with a band matrix, which is the same for all blocks.
    """
    height = batch.shape[1]
    sigma = sigma.to(batch).clamp(min=_LEAST_WIDTH)
    radius = (_CUT * sigma + 0.5).floor()
    reach = int(radius.max())
    padded = batch[:, _mirrored(height, reach, batch.device)]
    size = min(_BLOCK, height)
    distance = torch.arange(size + 2 * reach, device=batch.device) - torch.arange(size, device=batch.device)[:, None]
    distance = (distance - reach).to(batch.dtype)
    band = torch.where(
        distance.abs() <= radius, (distance / sigma).square().mul_(-0.5).clamp_(min=_LEAST_EXPONENT).exp_(), 0.0
    )
    band = band / band[:, :1].sum(2, keepdim=True)
    starts = range(0, height, size)
    blocks = [(start, min(size, height - start)) for start in starts]
    return torch.cat([band[:, :n, : n + 2 * reach] @ padded[:, i : i + n + 2 * reach] for i, n in blocks], dim=1)


def _mirrored(n: int, reach: int, device: torch.device) -> Tensor:
    """Indices from `-reach` to `n + reach - 1`, mirrored at the borders of 0 ... n - 1 as often as needed."""
    place = torch.arange(-reach, n + reach, device=device) % (2 * n)
    return torch.where(place < n, place, 2 * n - 1 - place)
