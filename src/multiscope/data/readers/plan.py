"""Fields as they are planned before their pixels are read: which channels of which images make one field."""

from __future__ import annotations

from dataclasses import dataclass

from multiscope.images.image import Image


@dataclass(frozen=True)
class Part:
    """One channel of an image."""

    image: Image
    channel: int


@dataclass(frozen=True)
class LabelSource:
    """Where the cells of a field are marked."""

    image: Image
    name: str | None = None
    """Name of the label image that belongs to `image`; None: `image` is the label image itself."""


@dataclass(frozen=True)
class PlannedField:
    """One field: one time point of an image, or of images of one channel each."""

    name: str
    """As foreign metadata or file names have it; made safe and unique later."""
    protein: str
    plate: str
    well: str
    """E.g. `B03`."""
    site: str
    """Field of view within its well."""
    stack: str
    """The image it was taken from: time points of one image share it."""
    time: int
    parts: tuple[Part, ...]
    """Channels in the order they are stored."""
    labels: LabelSource | None = None
    split: str = ""
    """`train`, `val` or `test` where a sheet says so."""
