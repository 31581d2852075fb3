"""Conditional instance normalization: one affine per condition, everything else shared (Dumoulin et al. 2017).

"A Learned Representation for Artistic Style", ICLR 2017, arXiv 1610.07629, equation 5: z = gamma_i * (x - mu(x)) /
sigma(x) + beta_i, with mu and sigma of each sample and channel over height and width. Rows can be blended, and a
condition can be added by learning a new row alone (section 3.2 there).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EPS = 1e-5


class Conditional(nn.Module):
    """A module all of whose parameters are tables with a row a condition."""


class ConditionalNorm(Conditional):
    """A norm whose scale and shift are rows of tables."""

    def __init__(self, n_conditions: int, channels: int) -> None:
        """Tables gamma (ones) and beta (zeros), both (n_conditions, channels)."""
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(n_conditions, channels))
        self.beta = nn.Parameter(torch.zeros(n_conditions, channels))

    def scaled(self, normalized: Tensor, condition: Tensor) -> Tensor:
        """Scale and shift (N, C, H, W) by the rows that `condition` names.

        `condition` is int64 (N,) in [0, n_conditions), or float (N, n_conditions): the weights by which each sample's
        rows are summed.
        """
        gamma, beta = rows_of(self.gamma, condition, len(normalized)), rows_of(self.beta, condition, len(normalized))
        return gamma[:, :, None, None] * normalized + beta[:, :, None, None]


class ConditionalInstanceNorm2d(ConditionalNorm):
    """Instance normalization of each sample and channel, with a scale and shift of each condition and channel."""

    def __init__(self, channels: int, n_conditions: int) -> None:
        """Tables gamma (ones) and beta (zeros), both (n_conditions, channels)."""
        super().__init__(n_conditions, channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Normalize x (N, C, H, W) with the rows that `condition` names; see `ConditionalNorm.scaled`.

        H * W must be above 1, as one pixel has no spread.
        """
        return self.scaled(F.instance_norm(x, eps=_EPS), condition)


def rows_of(table: Tensor, condition: Tensor, n: int) -> Tensor:
    """Rows (N, C) of a table (n_conditions, C): those that int64 (N,) names, or sums by weights (N, n_conditions)."""
    if condition.is_floating_point():
        if condition.shape != (n, len(table)):
            raise ValueError(f"condition has shape {tuple(condition.shape)}; expected weights of ({n}, {len(table)})")
        return condition.to(table) @ table
    if condition.shape != (n,):
        raise ValueError(f"condition has shape {tuple(condition.shape)}; expected one number a sample ({n},)")
    return table[condition]


def condition_tables(network: nn.Module) -> list[nn.Parameter]:
    """The tables of all conditional modules in a network: a row a condition."""
    return [table for module in network.modules() if isinstance(module, Conditional) for table in module.parameters()]


@torch.no_grad()
def add_conditions(known: nn.Module, extended: nn.Module) -> None:
    """Copy the weights of `known` into `extended`, the same network with more conditions.

    New rows of the tables start at the mean of those that are known.
    """
    weights = known.state_dict()
    for name, own in extended.state_dict().items():
        given = weights[name]
        own[: len(given)] = given
        own[len(given) :] = given.mean(dim=0, keepdim=True)
