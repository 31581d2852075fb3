"""TIFF files without dimensions in their metadata: pages of one size are a stack, smaller copies its pyramid."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

import tifffile

from multiscope.errors import InputError
from multiscope.images.bounded import Source
from multiscope.images.tiff.layout import Layout, PartFile
from multiscope.images.tiff.pages import PageKind, PageRef, check_run, kind_of, page_at
from multiscope.images.units import micrometres, plausible_pixel
from multiscope.stores.pixel_size import PixelSize

UNKNOWN_AXIS = "what its planes are is not said: taken as z"
_UNITS = {2: "inch", 3: "cm"}
_STK_PLANES, _LSM = 33629, 34412


@dataclass
class _Stack:
    kind: PageKind
    pages: list[PageRef] = field(default_factory=list)
    n_levels: int = 1


def plain_layouts(tiff: tifffile.TiffFile, source: Source, offsets: list[int], *, where: str) -> list[Layout]:
    """Stacks of pages of one size and type."""
    first = page_at(tiff, offsets[0])
    if _LSM in first.tags and tiff.filehandle.size >= 2**32:
        raise InputError(f"{where}: is an LSM file beyond 4 GiB, which does not say where its planes are; export it")
    stacks = _stacks(tiff, offsets, where)
    n_run = _run_length(first)
    if n_run > 1 and len(offsets) == 1:
        check_run(first, n_run, stacks[0].kind, tiff.filehandle.size, where=where)
        stacks[0].pages = [PageRef(0, offsets[0], number) for number in range(n_run)]
    described = _described(first.description) if len(stacks) == 1 else {}
    return [
        _layout(
            stack,
            source,
            format="MetaMorph STK" if _STK_PLANES in first.tags else "TIFF",
            pixel_size=PixelSize(None, *resolution(page_at(tiff, stack.pages[0].offset))),
            described=described,
        )
        for stack in stacks
    ]


def resolution(page: tifffile.TiffPage, unit: str | None = None) -> tuple[float | None, float | None]:
    """Height and width of a pixel in micrometres by the tags of resolution; None where they are a printer's.

    A `unit` that the metadata names is taken at its word.
    """
    named = unit or _UNITS.get(int(page.tags.valueof(296, 2)), "")
    sizes = []
    for code in (283, 282):
        value = page.tags.valueof(code)
        if not (isinstance(value, tuple) and len(value) == 2 and value[0] and value[1]):
            return None, None
        um = micrometres(value[1] / value[0], named)
        sizes.append(um if unit and unit not in _UNITS.values() else plausible_pixel(um))
    return sizes[0], sizes[1]


def _stacks(tiff: tifffile.TiffFile, offsets: list[int], where: str) -> list[_Stack]:
    stacks: dict[PageKind, _Stack] = {}
    n_reduced = 0
    for offset in offsets:
        page = page_at(tiff, offset)
        if page.is_reduced:
            n_reduced += 1
            continue
        kind = kind_of(page, where=where)
        stacks.setdefault(kind, _Stack(kind)).pages.append(PageRef(0, offset))
    if not stacks:
        raise InputError(f"{where}: is damaged: it holds no image; copy or export the file again")
    found = _without_levels(list(stacks.values()))
    if len(found) == 1 and len(found[0].pages) == 1:
        found[0].n_levels += n_reduced
    return found


def _without_levels(stacks: list[_Stack]) -> list[_Stack]:
    """Stacks that are no smaller copies (by a factor of 2 to 4) of those before them."""
    kept: list[_Stack] = []
    above: PageKind | None = None
    for stack in stacks:
        if above is not None and len(stack.pages) == len(kept[-1].pages) and _is_smaller_copy(stack.kind, above):
            kept[-1].n_levels += 1
        else:
            kept.append(stack)
        above = stack.kind
    return kept


def _is_smaller_copy(kind: PageKind, above: PageKind) -> bool:
    if (kind.samples, kind.dtype) != (above.samples, above.dtype):
        return False
    return any(
        abs(above.height / factor - kind.height) <= 1 and abs(above.width / factor - kind.width) <= 1
        for factor in (2, 3, 4)
    )


def _run_length(page: tifffile.TiffPage) -> int:
    """Planes after a directory of MetaMorph (a stack is one page there), or of tifffile."""
    tag = page.tags.get(_STK_PLANES)
    if tag is not None:
        return int(tag.count)
    shape = _described(page.description).get("shape")
    if isinstance(shape, list) and all(isinstance(size, int) and 0 < size < 2**31 for size in shape):
        return max(1, math.prod(shape) // math.prod(page.shape))
    return 1


def _described(text: str) -> dict[str, object]:
    """What tifffile says of an array in its own words, `{"shape": [3, 64, 64], "axes": "CYX"}`."""
    if not text.startswith('{"shape"') or len(text) > 10_000:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _layout(
    stack: _Stack, source: Source, *, format: str, pixel_size: PixelSize, described: dict[str, object]
) -> Layout:
    n = len(stack.pages)
    axes, sizes = _axes(described, n)
    by_axis = dict(zip(axes, sizes, strict=True)) or {"z": n}
    return Layout(
        format=format,
        sizes=(by_axis.get("t", 1), by_axis.get("c", 1), by_axis.get("z", 1)),
        pages=tuple(reordered(stack.pages, axes or "z", sizes or [n])),
        files=(PartFile(source),),
        axes="".join(axis for axis, size in by_axis.items() if size > 1),
        pixel_size=pixel_size,
        n_levels=stack.n_levels,
        remarks=(UNKNOWN_AXIS,) if n > 1 and not axes else (),
    )


def _axes(described: dict[str, object], n: int) -> tuple[str, list[int]]:
    """Axes of the pages and their sizes, where tifffile's description tells them."""
    axes, shape = described.get("axes"), described.get("shape")
    if not isinstance(axes, str) or not isinstance(shape, list) or len(axes) != len(shape):
        return "", []
    axes = axes.lower().removesuffix("s")
    sizes = [int(size) for size in shape[: len(axes)]]
    if axes[-2:] != "yx" or not set(axes) <= set("tczyx") or len(set(axes)) < len(axes) or math.prod(sizes[:-2]) != n:
        return "", []
    return axes[:-2], sizes[:-2]


def reordered(pages: list[PageRef], axes: str, sizes: list[int]) -> list[PageRef]:
    """Pages in the order t, c, z; `axes` are those they are in, the last running fastest."""
    strides = {axis: math.prod(sizes[number + 1 :]) for number, axis in enumerate(axes)}
    by_axis = dict(zip(axes, sizes, strict=True))
    return [
        pages[t * strides.get("t", 0) + c * strides.get("c", 0) + z * strides.get("z", 0)]
        for t in range(by_axis.get("t", 1))
        for c in range(by_axis.get("c", 1))
        for z in range(by_axis.get("z", 1))
    ]
