"""A plain convolutional autoencoder on DeepLoc's trunk, the unsupervised counterpart to the classifier.

After Hinton & Salakhutdinov 2006; the decoder upsamples by nearest neighbour and convolves, which avoids the
checkerboards of transposed convolutions (Odena et al. 2016).
"""

from __future__ import annotations

from torch import Tensor, nn

from multiscope.nn.deeploc import Trunk, block_means


class Autoencoder(nn.Module):
    """Crop to latent vector and back."""

    def __init__(self, *, in_channels: int, width: float, latent: int, crop_size: int) -> None:
        """`width` multiplies the trunk's channels; `latent` is the length of the embedding."""
        super().__init__()
        self.encoder = Trunk(in_channels=in_channels, width=width, crop_size=crop_size)
        self.latent = nn.Linear(self.encoder.n_features, latent)
        self.decoder = Decoder(latent=latent, widths=self.encoder.widths, out_channels=in_channels, crop_size=crop_size)

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Layers of crops x (N, in_channels, crop_size, crop_size).

        c1, c2, c3 are the means over place of the trunk's blocks, `latent` the latent vectors (N, latent), unbounded.
        """
        blocks = self.encoder.blocks(x)
        return block_means(blocks) | {"latent": self.latent(blocks[-1].flatten(1))}

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction (same shape as x, unbounded) and latent vectors (N, latent)."""
        latent = self.features(x)["latent"]
        return self.decoder(latent), latent


class Decoder(nn.Module):
    """The trunk mirrored: one doubling and convolution for each of its poolings."""

    def __init__(self, *, latent: int, widths: list[int], out_channels: int, crop_size: int) -> None:
        """`widths` are the trunk's, from its input on; they are walked backwards."""
        super().__init__()
        self.crop_size = crop_size
        side = -(-crop_size // 2 ** len(widths))
        backwards = widths[::-1]
        parts: list[nn.Module] = [
            nn.Linear(latent, backwards[0] * side**2),
            nn.Unflatten(1, (backwards[0], side, side)),
            nn.ReLU(),
        ]
        for inputs, outputs in zip(backwards, [*backwards[1:], backwards[-1]], strict=True):
            parts += [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1)]
            parts += [nn.BatchNorm2d(outputs), nn.ReLU()]
        parts.append(nn.Conv2d(backwards[-1], out_channels, 3, padding=1))
        self.net = nn.Sequential(*parts)

    def forward(self, latent: Tensor) -> Tensor:
        """Images (N, out_channels, crop_size, crop_size) of latent vectors (N, latent)."""
        images: Tensor = self.net(latent)
        return images[..., : self.crop_size, : self.crop_size]
