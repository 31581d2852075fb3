"""Stacks and hyperstacks that ImageJ and Fiji save: dimensions and unit are text in the first page."""

from __future__ import annotations

import re
from typing import Any

import tifffile

from multiscope.errors import InputError
from multiscope.images.bounded import Source
from multiscope.images.tiff.layout import Layout, PartFile
from multiscope.images.tiff.pages import MAX_PAGES, PageRef, check_run, kind_of
from multiscope.images.tiff.plain import UNKNOWN_AXIS, reordered, resolution
from multiscope.images.units import micrometres
from multiscope.stores.pixel_size import PixelSize

_ORDERS = {
    "czt": "tzc", "default": "tzc", "ctz": "ztc", "zct": "tcz", "ztc": "ctz", "tcz": "zct", "tzc": "czt",
}  # fmt: skip
_SLICE_LABEL = re.compile(r"\s*([czt]:\d+/\d+\s*)+(- )?")


def imagej_layouts(
    tiff: tifffile.TiffFile, page: tifffile.TiffPage, source: Source, offsets: list[int], *, where: str
) -> list[Layout]:
    """The one image of the file."""
    meta: dict[str, Any] = tiff.imagej_metadata or {}
    sizes = {axis: _count(meta, key, where) for axis, key in (("t", "frames"), ("z", "slices"), ("c", "channels"))}
    kind = kind_of(page, where=where)
    if sizes["c"] == kind.samples > 1:
        sizes["c"] = 1  # channels within the page
    pages = _pages(tiff, page, offsets, _count(meta, "images", where), sizes, where)
    n = sizes["t"] * sizes["z"] * sizes["c"]
    remarks = []
    if n == 1 < len(pages):
        sizes["z"], n = len(pages), len(pages)
        remarks.append(UNKNOWN_AXIS)
    if n != len(pages):
        raise InputError(
            f"{where}: holds {len(pages)} planes, but its metadata says {sizes['t']} time points x {sizes['z']} "
            f"slices x {sizes['c']} channels; save it again in ImageJ"
        )
    axes = _ORDERS.get(str(meta.get("order", "czt")).lower(), "tzc")
    return [
        Layout(
            format="ImageJ TIFF",
            sizes=(sizes["t"], sizes["c"], sizes["z"]),
            pages=tuple(reordered(pages, axes, [sizes[axis] for axis in axes])),
            files=(PartFile(source),),
            axes="".join(axis for axis in axes if sizes[axis] > 1),
            channels=_channels(meta, sizes, axes),
            pixel_size=_pixel_size(page, meta, sizes["z"]),
            remarks=tuple(remarks),
        )
    ]


def _count(meta: dict[str, Any], key: str, where: str) -> int:
    value = meta.get(key, 1)
    if not isinstance(value, int) or not 1 <= value <= MAX_PAGES:
        raise InputError(
            f"{where}: its ImageJ metadata says {key}={ascii(value)[:40]}; expected 1 to {MAX_PAGES}: save it again"
        )
    return int(value)


def _pages(
    tiff: tifffile.TiffFile, page: tifffile.TiffPage, offsets: list[int], images: int, sizes: dict[str, int], where: str
) -> list[PageRef]:
    """All pages, or the run of planes after the one page of a stack beyond 4 GB."""
    n = max(images, sizes["t"] * sizes["z"] * sizes["c"])
    if len(offsets) > 1 or n == 1:
        return [PageRef(0, offset) for offset in offsets]
    check_run(page, n, kind_of(page, where=where), tiff.filehandle.size, where=where)
    return [PageRef(0, offsets[0], number) for number in range(n)]


def _channels(meta: dict[str, Any], sizes: dict[str, int], axes: str) -> tuple[str, ...]:
    """Names of the channels, where the labels of the slices are such: different, and the same in all slices."""
    labels, n = meta.get("Labels"), sizes["t"] * sizes["z"] * sizes["c"]
    if sizes["c"] == 1 or not isinstance(labels, list) or len(labels) != n or axes[-1] != "c":
        return ()
    names = [_SLICE_LABEL.sub("", " ".join(str(label).split()), count=1) for label in labels]
    first = names[: sizes["c"]]
    if names != first * (n // sizes["c"]) or len(set(first)) < sizes["c"] or not all(first):
        return ()
    return tuple(first)


def _pixel_size(page: tifffile.TiffPage, meta: dict[str, Any], n_slices: int) -> PixelSize:
    unit = str(meta.get("unit", ""))
    y, x = resolution(page, unit or None)
    spacing = meta.get("spacing")
    z = micrometres(float(spacing), str(meta.get("zunit", unit))) if isinstance(spacing, int | float) else None
    return PixelSize(z if n_slices > 1 else None, y, x)
