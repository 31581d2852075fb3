"""PatchGAN, the critic of pix2pix, CycleGAN and DeblurGAN (Isola et al. 2017; Zhu et al. 2017; Kupyn et al. 2018).

"Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017, arXiv 1611.07004, section 3.2.2 and
appendix 6.1.2. pix2pix uses batch norm and shows it both images side by side; the other two use instance norm without
affine and the image alone.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from multiscope.nn.gaussian_init import gaussian_init

Norm = Literal["none", "instance", "batch"]


def layers_for(size: int) -> int:
    """Halvings for patches of `size` pixels, 16 or more: the published 3, or 2 where 3 leave one score or none."""
    return 3 if size >= 32 else 2


class PatchGan(nn.Module):
    """4x4 convolutions, LeakyReLU 0.2, norms from the second on; with 3 layers a score sees 70 x 70 pixels."""

    def __init__(self, *, in_channels: int = 1, width: int = 64, layers: int = 3, norm: Norm = "instance") -> None:
        """`layers` convolutions of stride 2 and two of stride 1; widths double up to 8 times `width`."""
        super().__init__()
        widths = [width * min(2**i, 8) for i in range(layers + 1)]
        parts: list[nn.Module] = [nn.Conv2d(in_channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for i, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            stride = 2 if i < layers else 1
            # batch norm has a shift of its own
            parts.append(nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1, bias=norm != "batch"))
            parts += [*_norm(norm, outputs), nn.LeakyReLU(0.2)]
        parts.append(nn.Conv2d(widths[-1], 1, 4, padding=1))
        self.net = gaussian_init(nn.Sequential(*parts))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Score map (N, 1, H / 2**layers - 2, W / 2**layers - 2), rounded down, unbounded, of x (N, in_channels, H, W).

        There are no conditions: `condition` is what `multiscope.nn.gradient_penalty` hands on, and must be None.
        """
        if condition is not None:
            raise ValueError("this critic has no conditions")
        scores: Tensor = self.net(x)
        return scores


def _norm(norm: Norm, channels: int) -> list[nn.Module]:
    if norm == "none":
        return []
    return [nn.BatchNorm2d(channels) if norm == "batch" else nn.InstanceNorm2d(channels)]
