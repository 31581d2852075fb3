"""DeepLoc, the localization classifier (Kraus et al. 2017), as Razdaibiedina & Brechalov 2022 use it.

"Learning multi-scale functional representations of proteins from single-cell microscopy data", arXiv 2205.11676.
Unpadded 3x3 convolutions with batch norm in blocks of 2, 2 and 4, each ended by max pooling; dense layers d1 and d2;
logits d3.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

_BLOCKS = ((64, 2), (128, 2), (256, 4))


def smallest_crop() -> int:
    """Pixels of the smallest square crop that leaves one pixel after the trunk (52)."""
    size = 1
    for _, convolutions in reversed(_BLOCKS):
        size = 2 * size + 2 * convolutions
    return size


class Trunk(nn.Module):
    """The convolutions: (N, in_channels, crop_size, crop_size) to (N, widths[-1], side, side)."""

    def __init__(self, *, in_channels: int, width: float, crop_size: int) -> None:
        """`width` multiplies the published 64, 128, 256 channels. Raises ValueError where no pixel would be left."""
        super().__init__()
        if crop_size < smallest_crop():
            raise ValueError(
                f"crops of {crop_size} pixels are too small for DeepLoc; expected at least {smallest_crop()}"
            )
        self.widths = [max(1, round(channels * width)) for channels, _ in _BLOCKS]
        self.side = crop_size
        parts: list[nn.Module] = []
        channels = in_channels
        for outputs, (_, convolutions) in zip(self.widths, _BLOCKS, strict=True):
            for _ in range(convolutions):
                parts += [nn.Conv2d(channels, outputs, 3), nn.BatchNorm2d(outputs), nn.ReLU()]
                channels = outputs
            parts.append(nn.MaxPool2d(2))
            self.side = (self.side - 2 * convolutions) // 2
        self.net = nn.Sequential(*parts)

    @property
    def n_features(self) -> int:
        """Length of the flattened output."""
        return self.widths[-1] * self.side**2

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps of crops x."""
        maps: Tensor = self.net(x)
        return maps


class DeepLoc(nn.Module):
    """Classifier of square crops; its layers d1, d2 and d3 are the embeddings that are compared."""

    def __init__(
        self,
        *,
        in_channels: int,
        n_classes: int,
        width: float = 1.0,
        dense: int = 512,
        crop_size: int = 64,
        dropout: float = 0.0,
    ) -> None:
        """`dense` units in d1 and d2; `dropout` between d2 and d3. Crops are at least `smallest_crop()` pixels."""
        super().__init__()
        self.trunk = Trunk(in_channels=in_channels, width=width, crop_size=crop_size)
        self.d1 = nn.Linear(self.trunk.n_features, dense)
        self.d2 = nn.Linear(dense, dense)
        self.dropout = nn.Dropout(dropout)
        self.d3 = nn.Linear(dense, n_classes)

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Layers of crops x (N, in_channels, S, S): d1 and d2 (N, dense) after ReLU, d3 the logits (N, n_classes)."""
        d1 = F.relu(self.d1(self.trunk(x).flatten(1)))
        d2 = F.relu(self.d2(d1))
        return {"d1": d1, "d2": d2, "d3": self.d3(self.dropout(d2))}

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, n_classes) of crops x (N, in_channels, crop_size, crop_size)."""
        return self.features(x)["d3"]
