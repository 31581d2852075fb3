"""CIN-GAN as in the published code, where that differs from the paper (Razdaibiedina et al. 2019).

Only the three layers of the encoder are conditional, and they normalise over channels too, with one scale and one shift
a defect: 18 conditional numbers for three defects. The residual blocks have plain instance norm, the decoder has none.
The critic has no norm and is not told the defect. 14,918,419 and 3,722,825 parameters at width 64 and 128 pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from multiscope.nn.cin import ConditionalNorm

_EPS = 1e-3  # added to the standard deviation, not to the variance


class PublishedCinGenerator(nn.Module):
    """Image to image of the same size; height and width are multiples of 4, at least 8."""

    def __init__(self, *, n_conditions: int, width: int = 64, blocks: int = 12, dropout: float = 0.5) -> None:
        """`width` channels in the first layer, 4 times as many in the `blocks` residual blocks."""
        super().__init__()
        self.n_conditions = n_conditions
        widths = [1, width, 2 * width, 4 * width]
        self.encoder = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2)
            for inputs, outputs, kernel, stride in zip(widths[:3], widths[1:], (7, 3, 3), (1, 2, 2), strict=True)
        )
        self.norms = nn.ModuleList(ScalarConditionalNorm(n_conditions) for _ in self.encoder)
        self.blocks = nn.ModuleList(_Block(4 * width, dropout) for _ in range(blocks))
        self.decoder = nn.ModuleList(
            [nn.Conv2d(4 * width, 2 * width, 3, padding=1), nn.Conv2d(2 * width, width, 3, padding=1)]
        )
        self.last = nn.Conv2d(width, 1, 7, padding=3)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Map x (N, 1, H, W) in [-1, 1] to its like; `condition` is int64 (N,) or weights (N, n_conditions)."""
        height, width = x.shape[-2:]
        if height % 4 or width % 4 or min(height, width) < 8:
            raise ValueError(f"image of {height} x {width} pixels; expected multiples of 4, at least 8: pad it first")
        net = x
        for layer, norm in zip(self.encoder, self.norms, strict=True):
            net = F.relu(norm(layer(net), condition))
        for block in self.blocks:
            net = block(net)
        for layer in self.decoder:
            net = F.relu(layer(F.interpolate(net, scale_factor=2.0, mode="nearest")))
        return (torch.tanh(self.last(net)) + x) / 2


class ScalarConditionalNorm(ConditionalNorm):
    """Normalization of each sample over height, width and channels; one scale and one shift a condition."""

    def __init__(self, n_conditions: int) -> None:
        """Tables gamma (ones) and beta (zeros), both (n_conditions, 1)."""
        super().__init__(n_conditions, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Normalize x (N, C, H, W) with the rows that `condition` names; see `ConditionalNorm.scaled`."""
        return self.scaled(_normalized(x, (1, 2, 3)), condition)


class PublishedCinCritic(nn.Module):
    """Image (N, 1, size, size) to one score (N, 1), unbounded."""

    def __init__(self, *, size: int = 128, width: int = 64, dense: int = 1024) -> None:
        """Widths `width`, `width`, 2, 4 and 8 times `width`; `size` is that of the patches."""
        super().__init__()
        side = (size + 7) // 8
        widths, strides = [1, width, width, 2 * width, 4 * width, 8 * width], (2, 2, 2, 1, 1)
        parts: list[nn.Module] = []
        for number, stride in enumerate(strides):
            parts += [nn.Conv2d(widths[number], widths[number + 1], 3, stride=stride, padding=1), nn.LeakyReLU(0.2)]
            parts += [nn.Dropout(0.25)] if number else []
        parts += [nn.Conv2d(widths[-1], 8, 3, padding=1), nn.Flatten()]
        parts += [nn.Linear(8 * side**2, dense), nn.Linear(dense, 1)]
        self.net = nn.Sequential(*parts)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Scores of images x; `condition` is there to be like other critics and must be None."""
        if condition is not None:
            raise ValueError("this critic is not told the condition; expected None")
        scores: Tensor = self.net(x)
        return scores


class _InstanceNorm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * _normalized(x, (2, 3)) + self.shift


class _Block(nn.Module):
    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            _InstanceNorm(channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv2d(channels, channels, 3, padding=1),
            _InstanceNorm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.net(x)
        return x + residual


def _normalized(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    centred = x - x.mean(dims, keepdim=True)
    # the root of 0 has no finite slope, and flat channels are common in dark patches
    return centred / ((centred.square().mean(dims, keepdim=True) + 1e-12).sqrt() + _EPS)
