"""The section `restore`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from multiscope.config.augment import Content
from multiscope.config.section import Section


class CGan(Section):
    """The restorer: a residual generator, adversarial and content loss."""

    width: int = Field(16, ge=2, le=256)
    """Channels of the first layer; 64 in the paper."""
    blocks: int = Field(3, ge=1, le=32)
    """Residual blocks; 9 in the paper."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout in the residual blocks; 0.5 in the paper."""
    critic_width: int = Field(16, ge=2, le=256)
    """Channels of the discriminator's first layer."""
    skip: Literal["residual", "half_sum"] = "residual"
    """Output: input + network, or the paper's (input + tanh(network)) / 2."""
    lateral: bool = True
    """Add the encoder's features to the decoder's; not in the paper. Without, fine noise cannot be taken out."""
    steps: int = Field(600, ge=1)
    """Training steps, whatever the number of pairs; 3000 in the paper's example."""
    batch_size: int = Field(8, ge=1)
    """Patches per step."""
    lr: float = Field(5e-4, gt=0, le=1)
    """Learning rate of Adam; 1e-4 in the paper."""
    content_weight: float = Field(1.0, ge=0)
    """Weight of the distance of content features."""
    adversarial_weight: float = Field(0.1, ge=0)
    """Weight of the adversarial term; the paper's lambda 10 is content 1 to adversarial 0.1."""
    pixel_weight: float = Field(1.0, ge=0)
    """Weight of the L1 distance of pixels; 0 in the paper."""
    ema: float = Field(0.99, ge=0, lt=1)
    """Decay of the averaged weights used for restoring; 0 uses the last weights."""


class Restore(Section):
    """Restoration of several defects by one network."""

    content: Content = Content()
    """The content network."""
    cgan: CGan = CGan()
    """The conditional GAN."""
