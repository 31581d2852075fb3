"""The sections `segment` and `crop`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from multiscope.config.acquisition import Flatten
from multiscope.config.section import Name, Section, Source

SMALLEST_CROP = 56
"""Pixels; the valid convolutions of DeepLoc leave nothing of 48, and sizes are multiples of 8."""


class Segment(Section):
    """Cells found in the clean fields of a data set that comes without label images."""

    data: Name
    """The data set, one of fields."""
    method: Literal["threshold", "cellpose", "stardist"] = "threshold"
    """`threshold`: smoothing, Otsu's threshold and a watershed on the distance (scikit-image), for bright objects on a
    dark background such as nuclei. The others need their own environment (envs/) and bring their own models."""
    channel: Name | None = None
    """Channel in which cells are found; the first where left out."""
    z: Flatten = "max"
    """How stacks are flattened before."""
    sigma: float = Field(1.0, ge=0, le=50)
    """`threshold`: Gaussian smoothing before the threshold, in pixels."""
    min_distance: int = Field(7, ge=1, le=500)
    """`threshold`: least distance of the centres of two cells, in pixels."""
    min_area: int = Field(30, ge=1)
    """Smaller objects are removed (pixels)."""
    model: str | None = None
    """`cellpose`, `stardist`: name or path of the model; left out: Cellpose's own default, `2D_versatile_fluo`."""
    diameter: float | None = Field(None, gt=0)
    """`cellpose`: diameter of a cell in pixels, by which images are scaled; left out: images as they are."""


class Crop(Section):
    """Single-cell crops from fields and their label images."""

    data: Name
    """The data set, one of fields with labels, or one that `segment` works on."""
    sources: list[Source] = Field(default=["clean"], min_length=1)
    """Which images are cut: `clean`, `degraded`, `restored:cgan`."""
    size: int = Field(64, ge=16, le=512, multiple_of=8)
    """Height and width of a crop in pixels; 56 or more for the encoders."""
    z: Flatten = "max"
    """How z-stacks are flattened."""
    border: Literal["drop", "pad"] = "drop"
    """Cells whose crop leaves the field: dropped, or padded with the edge's values (how far stands in `n_padded`).
    Cells that touch the border themselves are always dropped: they are not whole."""
    neighbours: Literal["keep", "mask"] = "keep"
    """Other cells in a crop: kept, or set to the field's background (the median outside of cells) where it is cut."""
    min_area: int = Field(50, ge=1)
    """Smaller objects are dropped and counted (pixels)."""
    max_area: int | None = Field(None, ge=1)
    """Larger objects are dropped and counted (pixels)."""
    min_solidity: float = Field(0.0, ge=0, le=1)
    """Debris: objects that fill less than this share of their convex hull are dropped."""
    min_contrast: float = Field(0.0, ge=0)
    """Debris and empty cells: dropped where no channel's mean inside exceeds its background by this many of the
    background's standard deviations."""
    min_sharpness: float = Field(0.0, ge=0)
    """Out of focus: dropped where the variance of the Laplacian inside the cell, over the variance of its pixels, is
    below this in every channel."""
    max_saturated: float = Field(1.0, ge=0, le=1)
    """Dropped where, in a channel, a larger share of the cell's pixels is at the largest value of the field's type, or
    of the field where values pile up there."""
