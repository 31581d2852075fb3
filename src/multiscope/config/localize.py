"""The sections `localize` and `embed`: encoders and what is made with them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from multiscope.config.section import Channels, Name, Section, Source


class Encoder(Section):
    """A network trained on crops."""

    epochs: int = Field(12, ge=1)
    """Passes over the training cells."""
    batch_size: int = Field(64, ge=2)
    """Crops per step; 128 in the paper."""
    lr: float = Field(1e-3, gt=0, le=1)
    """Learning rate of Adam, cosine schedule."""
    channels: Channels | None = None
    """Channels that are used; all where left out."""
    draw: Literal["uniform", "balanced", "weighted"] = "uniform"
    """Training cells of an epoch: all once, each class of `draw_by` equally often, or by the weights in `draw_by`."""
    draw_by: Name = "localization"
    """Column of the table of crops that `draw` goes by: classes such as localization, protein or plate, or weights."""
    symmetry: Literal["none", "flips", "all"] = "flips"
    """How each training crop is turned at random: not, flipped along y and x, or by quarter turns too."""


class DeepLoc(Encoder):
    """The localization classifier of the second paper."""

    kind: Literal["deeploc"]
    """Localization classifier."""
    width: float = Field(0.25, gt=0, le=4)
    """Factor on the widths of the convolutions; 1 in the paper."""
    dense: int = Field(128, ge=8, le=4096)
    """Units of the dense layers d1 and d2; 512 in the paper."""
    layer: Literal["d1", "d2", "d3"] = "d2"
    """Layer whose output is the embedding."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Label smoothing of the cross-entropy."""


class Autoencoder(Encoder):
    """A plain convolutional autoencoder on the same trunk."""

    kind: Literal["autoencoder"]
    """Autoencoder."""
    width: float = Field(0.25, gt=0, le=4)
    """Factor on the widths of the convolutions."""
    latent: int = Field(128, ge=2, le=4096)
    """Size of the latent vector, which is the embedding."""
    layer: Literal["latent"] = "latent"
    """Layer whose output is the embedding."""


EncoderConfig = Annotated[DeepLoc | Autoencoder, Field(discriminator="kind")]


class Localize(Section):
    """Encoders trained on single-cell crops."""

    data: Name
    """The data set: fields (through `crop`) or crops."""
    train_on: Source = "clean"
    """Which crops the encoders learn from; all sources are embedded."""
    encoders: dict[Name, EncoderConfig] = Field(
        default={
            "deeploc": DeepLoc(kind="deeploc"),
            "autoencoder": Autoencoder(kind="autoencoder"),
        },
        min_length=1,
    )
    """The encoders that are compared, by name."""


class Embed(Section):
    """Embeddings of cells and profiles of proteins."""

    profile_split: Literal["test", "all"] = "test"
    """Cells that a protein's profile averages: those of the test side, or all."""
