"""The discriminator of the published code of Razdaibiedina et al. 2019: two convolutions and a dense layer.

It sees the image alone, of one fixed size, and has 29,698,305 parameters at 128 pixels and width 64, nearly all of them
in the dense layer.
"""

from __future__ import annotations

from torch import Tensor, nn


class DenseCritic(nn.Module):
    """Image (N, in_channels, size, size) to one score (N, 1), unbounded: the logit that the image is real."""

    def __init__(self, *, in_channels: int = 1, size: int = 128, width: int = 64, dense: int = 256) -> None:
        """`width` channels in the first layer, twice as many in the second; `size` is 16 or more."""
        super().__init__()
        side = ((size + 1) // 2 - 5) // 2 + 1
        self.net = nn.Sequential(
            nn.Conv2d(in_channels, width, 5, stride=2, padding=2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 5, stride=2),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * width * side**2, dense),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.5),
            nn.Linear(dense, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores of images x."""
        score: Tensor = self.net(x)
        return score
