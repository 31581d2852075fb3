"""A variational autoencoder on DeepLoc's trunk (Kingma & Welling 2014, "Auto-Encoding Variational Bayes")."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from multiscope.nn.autoencoder import Decoder
from multiscope.nn.deeploc import Trunk, block_means


class VariationalAutoencoder(nn.Module):
    """Crop to a Gaussian over latent vectors, and a draw from it back to a crop."""

    def __init__(self, *, in_channels: int, width: float, latent: int, crop_size: int) -> None:
        """`width` multiplies the trunk's channels; `latent` is the length of the embedding."""
        super().__init__()
        self.encoder = Trunk(in_channels=in_channels, width=width, crop_size=crop_size)
        self.mean = nn.Linear(self.encoder.n_features, latent)
        self.log_variance = nn.Linear(self.encoder.n_features, latent)
        self.decoder = Decoder(latent=latent, widths=self.encoder.widths, out_channels=in_channels, crop_size=crop_size)

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Layers of crops x (N, in_channels, crop_size, crop_size).

        c1, c2, c3 are the means over place of the trunk's blocks, `mean` that of the latent vectors (N, latent),
        unbounded.
        """
        blocks = self.encoder.blocks(x)
        return block_means(blocks) | {"mean": self.mean(blocks[-1].flatten(1))}

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction (same shape as x, unbounded), mean and logarithm of the variance (N, latent).

        In training mode the reconstruction is that of a latent vector drawn at random, else that of the mean.
        """
        maps = self.encoder(x).flatten(1)
        mean, log_variance = self.mean(maps), self.log_variance(maps)
        latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if self.training else mean
        return self.decoder(latent), mean, log_variance


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence (N,) from a unit Gaussian, in nats, of Gaussians (N, latent); 0 where they are it.

    Kingma & Welling 2014, appendix B.
    """
    mean, log_variance = mean.float(), log_variance.float()
    # expm1, because near the prior exp(v) - 1 - v is less than the rounding of exp(v)
    return 0.5 * (mean.square() + torch.expm1(log_variance) - log_variance).sum(dim=1)
