"""Where the planes of one image are, in one TIFF file or a set of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from multiscope.errors import InputError
from multiscope.images.bounded import Source
from multiscope.images.tiff.pages import PageKind, PageRef
from multiscope.stores.pixel_size import PixelSize


class PartFile(NamedTuple):
    """A file of a set."""

    source: Source
    name: str = ""
    """In its folder; empty for the file that was opened."""


@dataclass(frozen=True)
class Layout:
    """What the metadata of a file says of one image."""

    format: str
    sizes: tuple[int, int, int]
    """Of time, pages a plane (a page may hold several channels), z."""
    pages: tuple[PageRef, ...]
    """In the order of `sizes`, z running fastest."""
    files: tuple[PartFile, ...]
    axes: str
    """Of the pages, without the axes within them."""
    channels: tuple[str, ...] = ()
    pixel_size: PixelSize = field(default_factory=PixelSize)
    n_levels: int = 1
    remarks: tuple[str, ...] = ()
    place: tuple[str, str, str] = ("", "", "")
    """Plate, well, site."""
    plane: tuple[int, int] | None = None
    """Height and width, where the metadata says."""
    samples: int | None = None
    """Channels in a page, where the metadata says."""

    def page(self, time: int, page: int, z: int) -> PageRef:
        """Where a plane is."""
        return self.pages[(time * self.sizes[1] + page) * self.sizes[2] + z]

    def check(self, kind: PageKind, *, where: str) -> None:
        """Hold what the metadata says against a page."""
        size = (kind.height, kind.width)
        if self.plane not in (None, size) or self.samples not in (None, kind.samples):
            raise InputError(
                f"{where}: its metadata says {_said(self.plane or size, self.samples)}, its pages are "
                f"{_said(size, kind.samples)}; export it again"
            )


def _said(size: tuple[int, int], samples: int | None) -> str:
    return f"{size[0]} x {size[1]}" + (f" of {samples} channels" if samples else "")
