"""Generator of pix2pix (Isola et al. 2017).

"Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017, arXiv 1611.07004, appendix 6.1.1: a U-Net
of 4x4 convolutions that goes down to a single pixel.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from multiscope.nn.gaussian_init import gaussian_init

_DEEPEST = 8
"""Halvings of the paper's network for 256 pixels."""
_WIDEST = 8
"""Widths double up to this multiple of the first."""


def downs_for(size: int) -> int:
    """Halvings that patches of `size` pixels allow: 6 for 64, 7 for 128, 5 for 96; 8 at most."""
    return min((size & -size).bit_length() - 1, _DEEPEST)


class Pix2PixUNet(nn.Module):
    """Image to image of the same size; height and width are multiples of 2**downs."""

    def __init__(self, *, in_channels: int = 1, width: int = 64, downs: int = 7, dropout: float = 0.5) -> None:
        """`width` channels after the first halving, up to 8 times as many below; `downs` is 2 or more.

        `dropout` is that of the decoder's inner layers, all but the first of those as wide as can be. It works in
        training only: the paper leaves it on for its results to vary, which a restoration should not.
        """
        super().__init__()
        widths = [width * min(2**i, _WIDEST) for i in range(downs)]
        self.down = nn.ModuleList([nn.Conv2d(in_channels, width, 4, stride=2, padding=1, bias=False)])
        for i, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            # one pixel has no spread: the innermost layer has no norm
            norm = [nn.BatchNorm2d(outputs)] if i < downs - 1 else []
            conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
            self.down.append(nn.Sequential(nn.LeakyReLU(0.2), conv, *norm))
        self.up = nn.ModuleList()
        for i in reversed(range(1, downs)):
            inputs = widths[i] * (1 if i == downs - 1 else 2)
            conv_up = nn.ConvTranspose2d(inputs, widths[i - 1], 4, stride=2, padding=1, bias=False)
            dropped = [nn.Dropout(dropout)] if 4 <= i < downs - 1 else []
            self.up.append(nn.Sequential(nn.ReLU(), conv_up, nn.BatchNorm2d(widths[i - 1]), *dropped))
        self.last = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose2d(2 * width, in_channels, 4, stride=2, padding=1), nn.Tanh()
        )
        gaussian_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (N, in_channels, H, W), meant to be in [-1, 1], to its like in (-1, 1)."""
        height, width = x.shape[-2:]
        multiple = 2 ** len(self.down)
        if height % multiple or width % multiple:
            raise ValueError(f"image of {height} x {width} pixels; expected multiples of {multiple}: pad it first")
        net, skipped = x, []
        for layer in self.down:
            net = layer(net)
            skipped.append(net)
        skipped.pop()
        for layer in self.up:
            net = torch.cat([layer(net), skipped.pop()], dim=1)
        made: Tensor = self.last(net)
        return made
