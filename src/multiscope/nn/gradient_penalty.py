"""Gradient penalty of Wasserstein GANs: the critic's slope is held at 1 between real and fake (Gulrajani et al. 2017).

"Improved Training of Wasserstein GANs", arXiv 1704.00028, equation 3, without its weight lambda.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor, Tensor | None], Tensor]


def gradient_penalty(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    condition: Tensor | None = None,
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Mean over samples of (norm of the critic's gradient - 1)^2, a scalar that can be differentiated.

    `real` and `fake` are (N, C, H, W); each sample is mixed with one random share. The norm runs over all values of a
    sample. A sample's score is the mean of its score map, as in the Wasserstein loss. `generator`, a CPU one, draws
    the shares; left out, torch's own does.
    """
    share = torch.rand(len(real), 1, 1, 1, generator=generator).to(real)
    mixed = torch.lerp(fake.detach(), real.detach(), share).requires_grad_()
    scores = critic(mixed, condition).reshape(len(real), -1).mean(dim=1)
    (slope,) = torch.autograd.grad(scores.sum(), mixed, create_graph=True)
    penalty: Tensor = (torch.linalg.vector_norm(slope.flatten(1), dim=1) - 1).square().mean()
    return penalty
