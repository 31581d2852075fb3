"""The section `trust`."""

from __future__ import annotations

from pydantic import Field

from multiscope.config.section import Section


class Trust(Section):
    """What test fields say of restored images beside their scores.

    Seeds that disagree, restorations that contradict their input, structures invented or lost, inputs unlike the
    training images.
    """

    sigma: float = Field(1.0, ge=0, le=50)
    """Structures: Gaussian smoothing before Otsu's threshold, in pixels; as in `segment`."""
    min_distance: int = Field(7, ge=1, le=500)
    """Structures: least distance of the centres of two of them, in pixels."""
    min_area: int = Field(30, ge=1)
    """Structures: smaller ones are not counted (pixels)."""
    overlap: float = Field(0.5, ge=0.5, lt=1)
    """Two structures are the same one where their intersection is more than this share of their union; from a half on
    there can be only one such partner."""
    draws: int = Field(2, ge=1, le=100)
    """Degrading again: how often, with other noise each time."""
    patch_size: int = Field(64, ge=16, le=1024)
    """Unlike the training images: height and width of the patches that are compared, in pixels."""
