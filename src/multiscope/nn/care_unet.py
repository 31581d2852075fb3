"""CARE's U-Net (Weigert et al. 2018).

"Content-aware image restoration: pushing the limits of fluorescence microscopy", Nature Methods 15, 1090-1097: two
poolings, two convolutions a level, ReLU, nearest upsampling and concatenation, no norms, Glorot's initialization. The
network adds a correction to its input, so that with zero weights it is the identity. As published, the second
convolution below the last pooling and the last one of each level on the way up already have the width of the level
above.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CareUNet(nn.Module):
    """Image to image of the same size; height and width are multiples of 4."""

    def __init__(self, *, in_channels: int = 1, width: int = 32, kernel: int = 5) -> None:
        """`width` channels on the first level, 2 and 4 times as many below; `kernel` is odd."""
        super().__init__()
        self.kernel = kernel
        w = width
        self.down = nn.ModuleList([_pair(in_channels, w, w, kernel), _pair(w, 2 * w, 2 * w, kernel)])
        self.middle = _pair(2 * w, 4 * w, 2 * w, kernel)
        self.up = nn.ModuleList([_pair(4 * w, 2 * w, w, kernel), _pair(2 * w, w, w, kernel)])
        self.last = nn.Conv2d(w, in_channels, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    @property
    def receptive(self) -> int:
        """How far an output sees, in pixels: convolutions, and up to 3 pixels because pooling is by blocks of 4."""
        reach = self.kernel // 2
        return 2 * reach * (1 + 2 + 4 + 2 + 1) + 3

    def forward(self, x: Tensor) -> Tensor:
        """Map x (N, in_channels, H, W), meant to be in [-1, 1], to its like, unbounded."""
        height, width = x.shape[-2:]
        if height % 4 or width % 4:
            raise ValueError(f"image of {height} x {width} pixels; expected multiples of 4: pad it first")
        net, skipped = x, []
        for level in self.down:
            net = level(net)
            skipped.append(net)
            net = F.max_pool2d(net, 2)
        net = self.middle(net)
        for level, same_size in zip(self.up, reversed(skipped), strict=True):
            net = level(torch.cat([F.interpolate(net, scale_factor=2.0, mode="nearest"), same_size], dim=1))
        correction: Tensor = self.last(net)
        return x + correction


def _pair(inputs: int, between: int, outputs: int, kernel: int) -> nn.Sequential:
    """Two convolutions of one level, each with a ReLU."""
    padding = kernel // 2
    return nn.Sequential(
        nn.Conv2d(inputs, between, kernel, padding=padding),
        nn.ReLU(),
        nn.Conv2d(between, outputs, kernel, padding=padding),
        nn.ReLU(),
    )
