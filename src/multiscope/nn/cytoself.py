"""A vector-quantized autoencoder that names the protein, after cytoself (Kobayashi et al. 2022).

"Self-supervised deep learning encodes high-resolution features of protein subcellular localization", Nature Methods 19,
995-1003. As there: two encoders in a row, each followed by a layer of codes; a decoder of the coarse codes to the fine
vectors and one of both to the image; the protein is named from the coarse codes. Other than there: the encoders are
blocks of two padded 3x3 convolutions with batch norm and a pooling, as DeepLoc's, in place of an EfficientNet-B0 cut in
two (so that the coarse level has a 16th of the side, where theirs has 4 of 100 pixels); the decoders are convolutions
without residuals; the image is decoded from the codes, not from the vectors before them; the fine vectors are not drawn
to what is decoded from the coarse codes; and codes are running means (`vector_quantizer`).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from multiscope.nn.vector_quantizer import Quantized, VectorQuantizer, histogram

SMALLEST_CROP = 16


class Found(NamedTuple):
    """What the losses of a batch are made of; the scalars are summed as they are."""

    reconstruction: Tensor
    """Like the crops (N, in_channels, S, S), unbounded; its error is to be divided by the variance of the crops."""
    logits: Tensor
    """(N, n_proteins)."""
    quantization: Tensor
    """Commitment of both levels to their codes, weighed, a scalar."""
    between: Tensor
    """Mean squared error of the fine vectors as decoded from the coarse codes, a scalar."""


class Cytoself(nn.Module):
    """Crop to codes at two levels, and from them to the crop and to the name of the protein."""

    def __init__(
        self,
        *,
        in_channels: int,
        n_proteins: int,
        width: float,
        codes: int,
        dims: int,
        fc: int,
        crop_size: int,
        commitment: float,
    ) -> None:
        """`width` multiplies 64, 128 and 256 channels; `codes` codes of `dims` numbers at each level.

        `fc` units stand before the logits; `commitment` weighs `quantization`. Crops are at least 16 pixels.
        """
        super().__init__()
        if crop_size < SMALLEST_CROP:
            raise ValueError(
                f"crops of {crop_size} pixels are too small for cytoself; expected at least {SMALLEST_CROP}"
            )
        first, second, third = (max(1, round(channels * width)) for channels in (64, 128, 256))
        self.commitment = commitment
        self.fine_encoder = nn.Sequential(_down(in_channels, first), _down(first, second), nn.Conv2d(second, dims, 1))
        self.fine_codes = VectorQuantizer(codes=codes, dims=dims)
        self.coarse_encoder = nn.Sequential(_down(dims, third), _down(third, third), nn.Conv2d(third, dims, 1))
        self.coarse_codes = VectorQuantizer(codes=codes, dims=dims)
        self.coarse_decoder = nn.Sequential(_convolution(dims, third), nn.Conv2d(third, dims, 3, padding=1))
        self.fine_decoder = nn.Sequential(
            _convolution(2 * dims, second),
            nn.Upsample(scale_factor=2),
            _convolution(second, first),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(first, in_channels, 3, padding=1),
        )
        side = crop_size
        for _ in range(4):
            side = -(-side // 2)
        self.names = nn.Sequential(nn.Linear(dims * side**2, fc), nn.ReLU(), nn.Linear(fc, n_proteins))

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Layers of crops x (N, in_channels, S, S).

        vq1 (N, codes): share of the places that take each fine code; vq2 (N, dims * side^2): the coarse codes place by
        place, side being S / 16 rounded up.
        """
        _, fine, coarse = self._encode(x)
        return {"vq1": histogram(fine.codes, len(self.fine_codes.book)), "vq2": coarse.vectors.flatten(1)}

    def forward(self, x: Tensor) -> Found:
        """Both codes of crops x (N, in_channels, crop_size, crop_size), and what is made of them."""
        vectors, fine, coarse = self._encode(x)
        widened = F.interpolate(coarse.vectors, size=vectors.shape[-2:], mode="nearest")
        image = self.fine_decoder(torch.cat([fine.vectors, widened], dim=1))
        height, width = x.shape[-2:]
        return Found(
            reconstruction=image[..., :height, :width],
            logits=self.names(coarse.vectors.flatten(1)),
            quantization=self.commitment * (fine.commitment + coarse.commitment),
            between=F.mse_loss(self.coarse_decoder(widened), vectors.detach()),
        )

    def _encode(self, x: Tensor) -> tuple[Tensor, Quantized, Quantized]:
        """Fine vectors (N, dims, S/4, S/4), and the codes of both levels, (S/4)^2 and (S/16)^2 of them."""
        vectors: Tensor = self.fine_encoder(x)
        fine, coarse = self.fine_codes(vectors), self.coarse_codes(self.coarse_encoder(vectors))
        return vectors, fine, coarse


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    """A padded 3x3 convolution with batch norm and ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


def _down(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions and a pooling that halves the side, upwards."""
    return nn.Sequential(_convolution(inputs, outputs), _convolution(outputs, outputs), nn.MaxPool2d(2, ceil_mode=True))
