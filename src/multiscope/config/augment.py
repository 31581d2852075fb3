"""The sections `augment` and, below them, the content network."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from multiscope.config.section import Name, Section


class Content(Section):
    """The network whose features the content loss compares."""

    vgg16: Path | None = None
    """Weights of torchvision's VGG16 (`vgg16-397923af.pth`). Left out: its place in the torch cache, and where there
    is none, a small autoencoder trained on the run's own training patches. The manifest says which was used."""
    steps: int = Field(200, ge=1)
    """Training steps of the small autoencoder."""
    width: int = Field(16, ge=2, le=256)
    """Channels of its first layer."""


class CinGan(Section):
    """The generator of defects: one network, conditional instance normalization per defect, WGAN-GP."""

    width: int = Field(12, ge=2, le=256)
    """Channels of the first layer; 64 in the paper."""
    blocks: int = Field(2, ge=1, le=32)
    """Residual blocks; 12 in the published code."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout in the residual blocks; 0.5 in the published code."""
    skip: Literal["residual", "half_sum"] = "residual"
    """Output: input + network, or the paper's (input + tanh(network)) / 2."""
    lateral: bool = True
    """Add the encoder's features to the decoder's; not in the paper."""
    noise_planes: int = Field(1, ge=0, le=8)
    """Planes of white noise beside the clean image; 0 in the paper, whose generator has one answer to each image."""
    critic_width: int = Field(12, ge=2, le=256)
    """Channels of the critic's first layer."""
    steps: int = Field(300, ge=1)
    """Generator steps; 3000 in the paper's example."""
    critic_steps: int = Field(3, ge=1, le=100)
    """Critic steps per generator step; 5 in the paper."""
    batch_size: int = Field(8, ge=1)
    """Patches per step."""
    lr: float = Field(2e-4, gt=0, le=1)
    """Learning rate of Adam, beta 0.5 and 0.9; 1e-5 in the published code."""
    gradient_penalty: float = Field(10.0, ge=0)
    """Weight of the gradient penalty."""
    adversarial_weight: float = Field(0.1, ge=0)
    """Weight of the Wasserstein term in the generator's loss."""
    content_weight: float = Field(1.0, ge=0)
    """Weight of the L1 distance of content features to the clean input."""
    style_weight: float = Field(1.0, ge=0)
    """Weight of the distance of Gram matrices to unpaired degraded images."""


class Pairs(Section):
    """The training pairs of the restorer."""

    setting: Literal["paired", "unpaired"] = "paired"
    """`paired`: `n_pairs` real pairs of each defect; `unpaired`: none, every pair is synthetic."""
    n_pairs: int = Field(40, ge=1)
    """Real pairs of each defect; in the unpaired setting the number that the synthetic ones are counted from."""
    alpha: float = Field(0.5, gt=0, le=1)
    """Share of real pairs in the mix: n_pairs / alpha - n_pairs synthetic pairs are added; 1 adds none."""


class Augment(Section):
    """Training pairs, real and synthetic, for `restore`."""

    data: Name
    """The data set, one with `defects`."""
    patch_size: int = Field(64, ge=16, le=1024, multiple_of=4)
    """Height and width of a patch in pixels; 128 in the paper."""
    content: Content = Content()
    """The content network."""
    cin_gan: CinGan = CinGan()
    """The generator of synthetic defects; not trained where alpha is 1."""
    pairs: Pairs = Pairs()
    """How pairs are mixed."""
