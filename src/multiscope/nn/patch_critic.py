"""Critic that scores overlapping patches of an image (Isola et al. 2017, PatchGAN), conditioned on a label.

The label enters as planes beside the image: one plane a condition, 1 everywhere for the sample's own and 0 else
(Mirza & Osindero 2014, conditional GAN, in the image form of Isola et al. 2017). There is no batch norm, because the
gradient penalty is a demand on each sample alone (Gulrajani et al. 2017, section 4).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PatchCritic(nn.Module):
    """Strided 4x4 convolutions with LeakyReLU 0.2, then one score for each place."""

    def __init__(self, *, in_channels: int, width: int = 64, layers: int = 3, n_conditions: int = 0) -> None:
        """`layers` halvings, widths `width`, 2 and 4 times `width`, and no more than that."""
        super().__init__()
        self.n_conditions = n_conditions
        widths = [width * min(2**i, 4) for i in range(layers)]
        parts: list[nn.Module] = []
        for inputs, outputs in zip([in_channels + n_conditions, *widths], widths, strict=False):
            parts += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        parts.append(nn.Conv2d(widths[-1], 1, 3, padding=1))
        self.net = nn.Sequential(*parts)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Score map (N, 1, H // 2**layers, W // 2**layers), unbounded, of images x (N, in_channels, H, W).

        `condition` (N,), int64 in [0, n_conditions), is given exactly where the critic has conditions.
        """
        if (condition is None) != (self.n_conditions == 0):
            raise ValueError(f"a critic of {self.n_conditions} conditions got condition {condition}")
        if condition is not None:
            x = torch.cat([x, _label_planes(condition, self.n_conditions, like=x)], dim=1)
        scores: Tensor = self.net(x)
        return scores


def _label_planes(condition: Tensor, n_conditions: int, *, like: Tensor) -> Tensor:
    """One-hot planes (N, n_conditions, H, W) of the size, type and device of `like`."""
    one_hot = F.one_hot(condition, n_conditions).to(like)
    return one_hot[:, :, None, None].expand(-1, -1, *like.shape[-2:])
