"""The network of Paired Cell Inpainting (Lu et al. 2019).

"Learning unsupervised feature representations for single cell microscopy images with paired cell inpainting", PLoS
Comput Biol 15, e1007348. From the protein and the marker in a source cell, and the marker alone in a target cell, it
predicts the protein in the target cell. Padded 3x3 convolutions, ReLU and then batch norm in both encoders, no norm in
the decoder.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_SOURCE, _TARGET, _DECODER = (96, 256, 384, 384, 256), (16, 32, 32), (256, 384, 384, 256, 96)
_POOLINGS = 2
SMALLEST_CROP = 2**_POOLINGS


class PairedInpainting(nn.Module):
    """Source cell and target marker to target protein; the source's encoder is the embedding."""

    def __init__(
        self, *, in_channels: int = 2, width: float = 1.0, crop_size: int = 64, protein: int = 0, marker: int = 1
    ) -> None:
        """`protein` and `marker` are the places of both among `in_channels`; `width` multiplies the published widths.

        Crops of any size from 4 pixels on are taken.
        """
        super().__init__()
        if crop_size < SMALLEST_CROP:
            raise ValueError(
                f"crops of {crop_size} pixels are too small for paired inpainting; expected at least {SMALLEST_CROP}"
            )
        if protein == marker or not {protein, marker} <= set(range(in_channels)):
            raise ValueError(f"protein {protein} and marker {marker}; expected two of {in_channels} channels")
        self.chosen = [protein, marker]
        source, target, decoder = (
            [max(1, round(channels * width)) for channels in widths] for widths in (_SOURCE, _TARGET, _DECODER)
        )
        self.source = Encoder(2, source)
        self.target = Encoder(1, target)
        inputs = [source[-1] + target[-1], *decoder]
        self.decoder = nn.ModuleList(nn.Conv2d(*pair, 3, padding=1) for pair in zip(inputs, decoder, strict=False))
        self.last = nn.Conv2d(decoder[-1], 1, 1)

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Layers of crops x (N, in_channels, S, S) as sources: conv1 to conv5, the maximum over place, 0 or more.

        As published, each is taken after the ReLU and before the batch norm.
        """
        active, _ = self.source(x[:, self.chosen])
        return {f"conv{number}": maps.amax(dim=(-2, -1)) for number, maps in enumerate(active, start=1)}

    def forward(self, source: Tensor, target_marker: Tensor) -> Tensor:
        """Protein (N, 1, S, S), unbounded, of targets whose marker is (N, 1, S, S).

        `source` (N, 2, S, S) is another cell's protein and marker, in this order.
        """
        _, maps = self.source(source)
        _, given = self.target(target_marker)
        net = torch.cat([maps, given], dim=1)
        height, width = source.shape[-2:]
        for level, layer in enumerate(self.decoder):
            if (ups := len(self.decoder) - level) <= _POOLINGS:
                size = (height // 2 ** (ups - 1), width // 2 ** (ups - 1))
                net = F.interpolate(net, size=size, mode="nearest")
            net = F.relu(layer(net))
        protein: Tensor = self.last(net)
        return protein


class Encoder(nn.Module):
    """Convolutions with ReLU and then batch norm; the first two are followed by max pooling."""

    def __init__(self, in_channels: int, widths: list[int]) -> None:
        """`widths` are the channels of the convolutions."""
        super().__init__()
        inputs = [in_channels, *widths]
        self.convolutions = nn.ModuleList(nn.Conv2d(*pair, 3, padding=1) for pair in zip(inputs, widths, strict=False))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in widths)

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Maps of images x after each ReLU, and the last after its norm, (N, widths[-1], S/4, S/4) rounded down."""
        active = []
        for level, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            active.append(F.relu(convolution(x)))
            x = norm(active[-1])
            if level < _POOLINGS:
                x = F.max_pool2d(x, 2)
        return active, x
