"""DeepLoc, the localization classifier, as Razdaibiedina & Brechalov 2022 use it and as Kraus et al. 2017 made it.

"Learning multi-scale functional representations of proteins from single-cell microscopy data", arXiv 2205.11676: 3x3
convolutions with batch norm in blocks of 2, 2 and 4, each ended by max pooling; dense layers d1 and d2; logits d3. It
pads no convolution and normalizes no dense layer; "Automated analysis of high-content microscopy data with deep
learning", Mol Syst Biol 13, 924, does both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

Padding = Literal["valid", "same"]
_BLOCKS = ((64, 2), (128, 2), (256, 4))


def smallest_crop(padding: Padding = "valid") -> int:
    """Pixels of the smallest square crop that leaves one pixel after the trunk: 52, or 1 with padding."""
    size = 1
    if padding == "valid":
        for _, convolutions in reversed(_BLOCKS):
            size = 2 * size + 2 * convolutions
    return size


class Trunk(nn.Module):
    """The convolutions: (N, in_channels, crop_size, crop_size) to (N, widths[-1], side, side)."""

    def __init__(self, *, in_channels: int, width: float, crop_size: int, padding: Padding = "valid") -> None:
        """`width` multiplies the published 64, 128, 256 channels. Raises ValueError where no pixel would be left.

        With padding `same`, an odd side is halved upwards, as Kraus et al. do: 60, 30, 15, 8.
        """
        super().__init__()
        if crop_size < (least := smallest_crop(padding)):
            raise ValueError(f"crops of {crop_size} pixels are too small for DeepLoc; expected at least {least}")
        padded = padding == "same"
        self.widths = [max(1, round(channels * width)) for channels, _ in _BLOCKS]
        self.side = crop_size
        parts: list[nn.Module] = []
        channels = in_channels
        for outputs, (_, convolutions) in zip(self.widths, _BLOCKS, strict=True):
            for _ in range(convolutions):
                parts += [nn.Conv2d(channels, outputs, 3, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU()]
                channels = outputs
            parts.append(nn.MaxPool2d(2, ceil_mode=padded))
            self.side = -(-self.side // 2) if padded else (self.side - 2 * convolutions) // 2
        self.net = nn.Sequential(*parts)

    @property
    def n_features(self) -> int:
        """Length of the flattened output."""
        return self.widths[-1] * self.side**2

    def blocks(self, x: Tensor) -> list[Tensor]:
        """The output of each block for crops x, after its pooling; the last is the trunk's."""
        found = []
        for part in self.net:
            x = part(x)
            if isinstance(part, nn.MaxPool2d):
                found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps of crops x."""
        return self.blocks(x)[-1]


def block_means(blocks: Sequence[Tensor]) -> dict[str, Tensor]:
    """Layers c1, c2, ... (N, widths[i]), 0 or more: the mean over place of each block's output."""
    return {f"c{number}": block.mean(dim=(-2, -1)) for number, block in enumerate(blocks, start=1)}


class DeepLoc(nn.Module):
    """Classifier of square crops; all its layers are embeddings that can be compared."""

    def __init__(
        self,
        *,
        in_channels: int,
        n_classes: int,
        width: float = 1.0,
        dense: int = 512,
        dense_last: int | None = None,
        crop_size: int = 64,
        dropout: float = 0.0,
        padding: Padding = "valid",
        dense_norm: bool = False,
    ) -> None:
        """`dense` units in d1, `dense_last` (else as many) in d2; `dropout` between d2 and d3.

        `dense_norm` puts batch norm behind d1, d2 and d3, the logits too. Crops are at least `smallest_crop(padding)`
        pixels.
        """
        super().__init__()
        self.trunk = Trunk(in_channels=in_channels, width=width, crop_size=crop_size, padding=padding)
        last = dense if dense_last is None else dense_last
        self.d1 = nn.Linear(self.trunk.n_features, dense)
        self.d2 = nn.Linear(dense, last)
        self.dropout = nn.Dropout(dropout)
        self.d3 = nn.Linear(last, n_classes)
        self.norm1, self.norm2, self.norm3 = (
            nn.BatchNorm1d(units) if dense_norm else nn.Identity() for units in (dense, last, n_classes)
        )

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Layers of crops x (N, in_channels, S, S).

        c1, c2, c3 are the means over place of the blocks, 0 or more; d1 (N, dense) and d2 (N, dense_last) come after
        ReLU; d3 are the logits (N, n_classes).
        """
        blocks = self.trunk.blocks(x)
        d1 = F.relu(self.norm1(self.d1(blocks[-1].flatten(1))))
        d2 = F.relu(self.norm2(self.d2(d1)))
        return block_means(blocks) | {"d1": d1, "d2": d2, "d3": self.norm3(self.d3(self.dropout(d2)))}

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, n_classes) of crops x (N, in_channels, crop_size, crop_size)."""
        return self.features(x)["d3"]
