"""Conditional instance normalization: one affine per condition, everything else shared (Dumoulin et al. 2017).

"A Learned Representation for Artistic Style", ICLR 2017, arXiv 1610.07629, equation 5:
z = gamma_i * (x - mu(x)) / sigma(x) + beta_i, with mu and sigma of each sample and channel over height and width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EPS = 1e-5


class ConditionalInstanceNorm2d(nn.Module):
    """Instance normalization whose scale and shift are rows of tables, picked by each sample's condition."""

    def __init__(self, channels: int, n_conditions: int) -> None:
        """Tables gamma (ones) and beta (zeros), both (n_conditions, channels)."""
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(n_conditions, channels))
        self.beta = nn.Parameter(torch.zeros(n_conditions, channels))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Normalize x (N, C, H, W) with the rows that `condition` (N,), int64 in [0, n_conditions), names.

        H * W must be above 1, as one pixel has no spread.
        """
        if condition.shape != x.shape[:1]:
            raise ValueError(f"condition has shape {tuple(condition.shape)}; expected one number a sample ({len(x)},)")
        normalized = F.instance_norm(x, eps=_EPS)
        gamma, beta = self.gamma[condition], self.beta[condition]
        return gamma[:, :, None, None] * normalized + beta[:, :, None, None]
