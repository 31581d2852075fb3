"""Residual image-to-image generator (Johnson et al. 2016; Kupyn et al. 2018; Razdaibiedina et al. 2019).

Two strided convolutions, residual blocks, two nearest upsamplings each followed by a convolution, zero padding. With
conditions, every instance norm is conditional (Dumoulin et al. 2017), which makes it the generator of CIN-GAN; without,
it is the restorer of "Multi-defect microscopy image restoration under limited data conditions", arXiv 1910.14207.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from multiscope.nn.cin import ConditionalInstanceNorm2d
from multiscope.nn.conditional_filter import ConditionalFilter, ConditionalLevel

Output = Literal["half_sum", "residual", "filtered", "stochastic"]

_FLOOR, _QUIET = 0.02, 4.0


class ConvNorm(nn.Module):
    """Convolution that keeps the size (or halves it at stride 2), then instance norm, conditional or not."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, n_conditions: int = 0) -> None:
        """`n_conditions` 0 gives the ordinary instance norm with one affine."""
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2)
        self.norm: nn.InstanceNorm2d | ConditionalInstanceNorm2d
        if n_conditions:
            self.norm = ConditionalInstanceNorm2d(outputs, n_conditions)
        else:
            self.norm = nn.InstanceNorm2d(outputs, affine=True)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        x = self.conv(x)
        normalized: Tensor = self.norm(x) if condition is None else self.norm(x, condition)
        return normalized


class ResidualBlock(nn.Module):
    """x + conv-norm-ReLU-dropout-conv-norm(x)."""

    def __init__(self, channels: int, *, dropout: float, n_conditions: int) -> None:
        """`dropout` is the probability that a value is zeroed in training."""
        super().__init__()
        self.first = ConvNorm(channels, channels, n_conditions=n_conditions)
        self.dropout = nn.Dropout(dropout)
        self.second = ConvNorm(channels, channels, n_conditions=n_conditions)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Shape (N, channels, H, W) in and out."""
        inner = self.dropout(F.relu(self.first(x, condition)))
        residual: Tensor = self.second(inner, condition)
        return x + residual


class ResnetGenerator(nn.Module):
    """Image to image of the same size; height and width are multiples of 4, at least 8."""

    def __init__(
        self,
        *,
        in_channels: int = 1,
        width: int = 64,
        blocks: int = 9,
        dropout: float = 0.5,
        n_conditions: int = 0,
        output: Output = "half_sum",
        lateral: bool = False,
        noise_planes: int = 0,
    ) -> None:
        """`width` channels in the first layer, 4 times as many in the `blocks` residual blocks.

        `lateral` adds the encoder's features to the decoder's of the same size (Ronneberger et al. 2015, without new
        weights): what is finer than the bottleneck, noise above all, can be taken out only if the decoder sees it.
        `noise_planes` planes of white noise, drawn anew at each call, stand beside the input: a generator without any
        makes one degraded image of each clean one, and photon noise is not like that.

        `output`: "half_sum" is (tanh(net) + x) / 2, the paper's; "residual" is x + net with a last convolution that
        starts at zero, so that the untrained network is the identity. "filtered", for generators with conditions, is
        K x + c * net with a linear filter K of the condition and the contrast c of the patch: instance norm makes net
        the same for a dim patch and a bright one. "stochastic" is K x + c * (net + s * white noise) with a map of
        spreads s that the network makes too, on top of a level of the condition, as noise that depends on the light is.
        Both start near the identity, with s about 0.02.
        """
        super().__init__()
        if output in ("filtered", "stochastic") and not n_conditions:
            raise ValueError(f"output '{output}' needs conditions: its filter is one of a condition")
        n = n_conditions
        self.n_conditions, self.output, self.lateral, self.noise_planes = n_conditions, output, lateral, noise_planes
        self.encoder = nn.ModuleList(
            [
                ConvNorm(in_channels + noise_planes, width, kernel=7, n_conditions=n),
                ConvNorm(width, 2 * width, stride=2, n_conditions=n),
                ConvNorm(2 * width, 4 * width, stride=2, n_conditions=n),
            ]
        )
        self.blocks = nn.ModuleList(ResidualBlock(4 * width, dropout=dropout, n_conditions=n) for _ in range(blocks))
        self.decoder = nn.ModuleList(
            [ConvNorm(4 * width, 2 * width, n_conditions=n), ConvNorm(2 * width, width, n_conditions=n)]
        )
        maps = 2 if output == "stochastic" else 1
        self.last = nn.Conv2d(width, maps * in_channels, 7, padding=3)
        self.filter = ConditionalFilter(n) if output in ("filtered", "stochastic") else None
        self.level = ConditionalLevel(n, -_QUIET) if output == "stochastic" else None
        if output != "half_sum":
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map x (N, in_channels, H, W) in [-1, 1] to its like.

        `condition`, exactly where conditions are: int64 (N,), or weights (N, n_conditions) by which they are blended.
        """
        self._check(x, condition)
        net, finer = x, []
        if self.noise_planes:
            net = torch.cat([x, torch.randn_like(x[:, :1].expand(-1, self.noise_planes, -1, -1))], dim=1)
        for layer in self.encoder:
            net = F.relu(layer(net, condition))
            finer.append(net)
        for block in self.blocks:
            net = block(net, condition)
        for layer, same_size in zip(self.decoder, finer[-2::-1], strict=True):
            net = F.relu(layer(F.interpolate(net, scale_factor=2.0, mode="nearest"), condition))
            if self.lateral:
                net = net + same_size
        last: Tensor = self.last(net)
        if self.output == "half_sum":
            return (torch.tanh(last) + x) / 2
        if self.filter is None:
            return x + last
        filtered: Tensor = self.filter(x, condition)
        if self.level is None:
            return filtered + contrast(x) * last
        change, spread = last.chunk(2, dim=1)
        noise = F.softplus(self.level(spread, condition)) * torch.randn_like(x)
        return filtered + contrast(x) * (change + noise)

    def _check(self, x: Tensor, condition: Tensor | None) -> None:
        if (condition is None) != (self.n_conditions == 0):
            raise ValueError(f"a generator of {self.n_conditions} conditions got condition {condition}")
        height, width = x.shape[-2:]
        if height % 4 or width % 4 or min(height, width) < 8:
            raise ValueError(f"image of {height} x {width} pixels; expected multiples of 4, at least 8: pad it first")


def contrast(x: Tensor) -> Tensor:
    """Spread of coarse structure, (N, C, 1, 1), of images x (N, C, H, W) in [-1, 1]: what pixel noise hardly changes.

    The standard deviation of means over 4 x 4 pixels, with a floor of a hundredth of the range.
    """
    return (F.avg_pool2d(x, 4).var(dim=(-2, -1), keepdim=True, correction=0) + _FLOOR**2).sqrt()
