"""Generator of CycleGAN and of DeblurGAN (Johnson et al. 2016; Zhu et al. 2017; Kupyn et al. 2018).

"Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", ICCV 2017, arXiv 1703.10593, and
"DeblurGAN: Blind Motion Deblurring Using Conditional Adversarial Networks", CVPR 2018, arXiv 1711.07064. Both are one
network: reflection padding, instance norm without affine, transposed convolutions. DeblurGAN has dropout and adds its
input. Each image is normalized by its own statistics in training and in use; DeblurGAN's published code also tracks
running ones, which differ from what training saw.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from multiscope.nn.gaussian_init import gaussian_init


class ReflectResnet(nn.Module):
    """Image to image of the same size; height and width are multiples of 4, at least 8."""

    def __init__(
        self, *, in_channels: int = 1, width: int = 64, blocks: int = 9, dropout: float = 0.0, skip: bool = False
    ) -> None:
        """`width` channels in the first layer, 4 times as many in the `blocks` residual blocks.

        `skip` False gives tanh(net), CycleGAN's output; True gives tanh(net) + x cut to [-1, 1], DeblurGAN's.
        """
        super().__init__()
        self.skip = skip
        w = width
        self.net = nn.Sequential(
            *_conv(in_channels, w, 7, stride=1),
            *_conv(w, 2 * w, 3, stride=2),
            *_conv(2 * w, 4 * w, 3, stride=2),
            *[ResidualBlock(4 * w, dropout=dropout) for _ in range(blocks)],
            *_doubled(4 * w, 2 * w),
            *_doubled(2 * w, w),
            nn.ReflectionPad2d(3),
            nn.Conv2d(w, in_channels, 7),
            nn.Tanh(),
        )
        gaussian_init(self.net)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (N, in_channels, H, W), meant to be in [-1, 1], to its like in [-1, 1]."""
        height, width = x.shape[-2:]
        if height % 4 or width % 4 or min(height, width) < 8:
            raise ValueError(f"image of {height} x {width} pixels; expected multiples of 4, at least 8: pad it first")
        made: Tensor = self.net(x)
        return torch.clamp(x + made, -1, 1) if self.skip else made


class ResidualBlock(nn.Module):
    """x + conv-norm-ReLU-dropout-conv-norm(x), both convolutions of DeblurGAN's paper.

    Its published code loses the second one where there is dropout.
    """

    def __init__(self, channels: int, *, dropout: float) -> None:
        """`dropout` is the probability that a value is zeroed in training."""
        super().__init__()
        self.net = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, channels, H, W) in and out."""
        residual: Tensor = self.net(x)
        return x + residual


def _conv(inputs: int, outputs: int, kernel: int, *, stride: int) -> list[nn.Module]:
    """Convolution, norm, ReLU; as published, only the one that keeps the size is padded by reflection."""
    if stride == 1:
        first = [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(inputs, outputs, kernel)]
    else:
        first = [nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2)]
    return [*first, nn.InstanceNorm2d(outputs), nn.ReLU()]


def _doubled(inputs: int, outputs: int) -> list[nn.Module]:
    """Transposed convolution to twice the size, norm, ReLU."""
    up = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return [up, nn.InstanceNorm2d(outputs), nn.ReLU()]
