"""TIFF files: OME-TIFF, ImageJ hyperstacks, MetaMorph stacks and plain ones, with their planes in order t, c, z."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from multiscope.errors import InputError
from multiscope.images.bounded import Source
from multiscope.images.colours import TRANSPARENT, kept_samples
from multiscope.images.image import Image, ImageInfo, asked_for
from multiscope.images.tiff.imagej import imagej_layouts
from multiscope.images.tiff.layout import Layout
from multiscope.images.tiff.ome import ome_layouts, tiff_of_companion
from multiscope.images.tiff.ome_xml import is_ome_xml
from multiscope.images.tiff.pages import (
    PageKind,
    PageRef,
    checked_page,
    kind_of,
    opened_tiff,
    page_at,
    page_offsets,
    read_page,
)
from multiscope.images.tiff.plain import plain_layouts

Array = npt.NDArray[Any]
_JPEG = (6, 7, 33007, 34892)
_PERHAPS_LOSSY = {
    22610: "JPEG XR", 34934: "JPEG XR", 33003: "JPEG 2000", 33004: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000",
    34887: "LERC", 50001: "WebP", 34927: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_RGB, _YCBCR, _WHITE_IS_ZERO = 2, 6, 0


class TiffImage:
    """One image of a TIFF file, or of a set of them; a file is open only while it is read."""

    def __init__(self, info: ImageInfo, layout: Layout, kind: PageKind, samples: tuple[int, ...]) -> None:
        """`samples` are the parts of a page that are channels."""
        self.info = info
        self._layout, self._kind, self._samples = layout, kind, samples

    def read(self, *, time: int = 0, channels: Sequence[int] | None = None) -> Array:
        """Pixels (C, Z, Y, X) of one time point, as stored."""
        chosen = asked_for(self.info, time=time, channels=channels)
        _, _, n_z, height, width = self.info.shape
        wanted: dict[PageRef, list[tuple[int, int, int]]] = {}
        for at, channel in enumerate(chosen):
            page, sample = divmod(channel, len(self._samples))
            for z in range(n_z):
                wanted.setdefault(self._layout.page(time, page, z), []).append((at, z, self._samples[sample]))
        result = np.empty((len(chosen), n_z, height, width), self.info.dtype)
        for ref, pixels in _pages(self._layout, sorted(wanted), self._kind, self.info.where):
            for at, z, sample in wanted[ref]:
                result[at, z] = pixels[..., sample]
        return result

    def read_labels(self, name: str, *, time: int = 0) -> npt.NDArray[np.uint32]:
        """A TIFF file has no label images."""
        raise InputError(f"{self.info.where}: has no labels '{name}': a TIFF file holds none; name a file of labels")


def open_tiff(source: Source, *, where: str, name: str, folder: Path | None) -> list[Image]:
    """The images of a TIFF file; parts of a set are looked for in `folder` alone."""
    with opened_tiff(source, where=where) as tiff:
        offsets = page_offsets(tiff, where=where)
        first = page_at(tiff, offsets[0])
        if is_ome_xml(first.description):
            layouts = ome_layouts(first.description, source, offsets, where=where, name=name, folder=folder)
        elif first.is_imagej:
            layouts = imagej_layouts(tiff, first, source, offsets, where=where)
        else:
            layouts = plain_layouts(tiff, source, offsets, where=where)
    return _images(layouts, where, name)


def open_companion(source: Source, *, where: str, name: str, folder: Path | None) -> list[Image]:
    """The images that the metadata file of a set of OME-TIFF files describes."""
    return _images(tiff_of_companion(source, where=where, name=name, folder=folder), where, name)


def _images(layouts: list[Layout], where: str, name: str) -> list[Image]:
    several = len(layouts) > 1
    return [
        _image(layout, f"{where}: image {number}" if several else where, f"{name}/{number}" if several else name)
        for number, layout in enumerate(layouts)
    ]


def _image(layout: Layout, where: str, name: str) -> TiffImage:
    """Look at the first page for what all pages have in common, and at colours for whether they are any."""
    ref = layout.pages[0]
    with opened_tiff(layout.files[ref.file].source, where=where) as tiff:
        page = page_at(tiff, ref.offset)
        kind = kind_of(page, where=where)
        layout.check(kind, where=where)
        # a file that was cut short is told before its first pixels are needed
        for end in (ref, layout.pages[-1]):
            if end.file == ref.file:
                checked_page(tiff, end, kind, where=where)
        remarks = [*layout.remarks, *_remarks(page)]
        n_levels = layout.n_levels + len(page.subifds or ())
        colour, alpha, lossy = _is_colour(page), _has_alpha(page), int(page.compression) in _JPEG
        axes = layout.axes + _axes_of(page, kind)
    samples = tuple(range(kind.samples))
    if (colour or alpha) and kind.samples > 1:
        planes = (pixels for _, pixels in _pages(layout, layout.pages, kind, where))
        samples = kept_samples(planes, n=kind.samples, alpha=alpha)
        remarks += [TRANSPARENT] if alpha and len(samples) == kind.samples else []
    n_times, n_pages, n_z = layout.sizes
    n_channels = n_pages * len(samples)
    info = ImageInfo(
        name=name,
        where=where,
        format=layout.format,
        shape=(n_times, n_channels, n_z, kind.height, kind.width),
        dtype=kind.dtype,
        channels=layout.channels if len(layout.channels) == n_channels else (),
        axes=axes,
        pixel_size=layout.pixel_size,
        n_levels=n_levels,
        plate=layout.place[0],
        well=layout.place[1],
        site=layout.place[2],
        lossy=lossy,
        remarks=tuple(remarks),
        partners=tuple(sorted(file.name for file in layout.files if file.name not in ("", Path(name).name))),
    )
    return TiffImage(info, layout, kind, samples)


def _pages(layout: Layout, refs: Sequence[PageRef], kind: PageKind, where: str) -> Iterator[tuple[PageRef, Array]]:
    """Pages one by one, one file open at a time."""
    by_file: Callable[[PageRef], int] = lambda ref: ref.file  # noqa: E731
    for number, group in itertools.groupby(refs, key=by_file):
        file = layout.files[number]
        there = f"{where}: {file.name}" if file.name else where
        with opened_tiff(file.source, where=there) as tiff:
            for ref in group:
                yield ref, read_page(tiff, ref, kind, where=there)


def _is_colour(page: tifffile.TiffPage) -> bool:
    return int(page.photometric) in (_RGB, _YCBCR)


def _has_alpha(page: tifffile.TiffPage) -> bool:
    extra = {int(kind) for kind in page.extrasamples}
    return bool(extra & {1, 2}) or (_is_colour(page) and page.samplesperpixel == 4)


def _axes_of(page: tifffile.TiffPage, kind: PageKind) -> str:
    if kind.samples == 1:
        return "yx"
    return "yxc" if page.planarconfig == 1 else "cyx"


def _remarks(page: tifffile.TiffPage) -> list[str]:
    remarks = []
    if int(page.photometric) == _WHITE_IS_ZERO:
        remarks.append("its 0 is white: numbers are as stored, bright is small")
    if int(page.compression) in _PERHAPS_LOSSY:
        remarks.append(f"its compression ({_PERHAPS_LOSSY[int(page.compression)]}) may have changed the numbers")
    orientation = page.tags.valueof(274, 1)
    if orientation != 1:
        remarks.append(f"its orientation tag ({int(orientation)}) is left aside: rows and columns are as stored")
    return remarks
