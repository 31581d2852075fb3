"""Pages of a TIFF file of unknown origin: found without running in circles, checked, decoded one by one."""

from __future__ import annotations

import logging
import math
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tifffile

from multiscope.errors import InputError
from multiscope.images.bounded import Source, opened
from multiscope.images.image import MAX_BYTES, MAX_PIXELS
from multiscope.images.tiff.segments import check_segments

Array = npt.NDArray[Any]
MAX_PAGES = 100_000
_AGAIN = "copy or export the file again"


class _Reading(threading.local):
    depth = 0


_reading = _Reading()
# what tifffile complains about while we read ends in our one line instead
logging.getLogger("tifffile").addFilter(lambda record: not _reading.depth)


class PageRef(NamedTuple):
    """Where a page is."""

    file: int
    """Number of the file, in a set of files."""
    offset: int
    """Of its directory (IFD) in the file."""
    run: int = 0
    """Number of the plane where one directory describes a run of planes, as ImageJ and MetaMorph write."""


@dataclass(frozen=True)
class PageKind:
    """What pages of one image have in common."""

    height: int
    width: int
    samples: int
    dtype: np.dtype[Any]
    """In native byte order."""

    @property
    def n_bytes(self) -> int:
        """Of the decoded page."""
        return self.height * self.width * self.samples * self.dtype.itemsize


@contextmanager
def opened_tiff(source: Source, *, where: str) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF file; whatever goes wrong inside with it is an `InputError`."""
    _reading.depth += 1
    try:
        # none of what tifffile knows of formats: some of it reads all pages, or other files
        with (
            faults_named(where),
            opened(source, where=where) as file,
            tifffile.TiffFile(file, is_ome=False, is_lsm=False, is_ndpi=False, is_scanimage=False) as tiff,
        ):
            yield tiff
    finally:
        _reading.depth -= 1


@contextmanager
def faults_named(where: str) -> Iterator[None]:
    """Decoders raise whatever they stumble over; all of it means a bad file."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        fault = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{where}: is damaged or not supported ({fault}); {_AGAIN}") from None


def page_offsets(tiff: tifffile.TiffFile, *, where: str) -> list[int]:
    """Offsets of the directories; a circle, and more than 100,000 pages, are an `InputError`."""
    layout, file = tiff.tiff, tiff.filehandle
    order = "<" if tiff.byteorder == "<" else ">"
    one, many = order + ("Q" if layout.offsetsize == 8 else "I"), order + ("Q" if layout.tagnosize == 8 else "H")
    found: dict[int, None] = {}
    file.seek(8 if layout.offsetsize == 8 else 4)
    (offset,) = struct.unpack(one, file.read(layout.offsetsize))
    while offset:
        if offset in found or offset >= file.size:
            raise InputError(f"{where}: is damaged: its pages run in a circle or beyond its end; {_AGAIN}")
        if len(found) == MAX_PAGES:
            raise InputError(f"{where}: holds more than {MAX_PAGES} pages, the most that is read; cut it into parts")
        found[offset] = None
        file.seek(offset)
        (n_tags,) = struct.unpack(many, file.read(layout.tagnosize))
        if n_tags > 4096:
            raise InputError(f"{where}: is damaged: a page has {n_tags} tags; {_AGAIN}")
        file.seek(offset + layout.tagnosize + n_tags * layout.tagsize)
        (offset,) = struct.unpack(one, file.read(layout.offsetsize))
    if not found:
        raise InputError(f"{where}: is damaged: it holds no image; {_AGAIN}")
    return list(found)


def page_at(tiff: tifffile.TiffFile, offset: int) -> tifffile.TiffPage:
    """The page whose directory is at `offset`."""
    tiff.filehandle.seek(offset)
    return tifffile.TiffPage(tiff, index=0)


def kind_of(page: tifffile.TiffPage, *, where: str) -> PageKind:
    """Size and type of a page; what cannot be read is an `InputError`."""
    if page.dtype is None:
        raise InputError(
            f"{where}: holds pixels of {page.bitspersample!a} bits in sample format {page.sampleformat!a}; "
            "expected integers or floats: export it as one of these"
        )
    if page.bitspersample == 24 and page.dtype.kind != "f":  # tifffile gives other numbers
        raise InputError(f"{where}: holds integers of 24 bits; expected 8, 16 or 32: export it as one of these")
    if page.imagedepth != 1:
        raise InputError(f"{where}: holds a volume in one page; expected planes: export it as a stack of planes")
    separate, _, height, width, contiguous = page.shaped
    kind = PageKind(height, width, separate * contiguous, page.dtype.newbyteorder("="))
    check_size((height, width), kind.samples, kind.dtype, where=where)
    return kind


def check_size(shape: tuple[int, int], samples: int, dtype: np.dtype[Any], *, where: str) -> None:
    """Refuse what is empty or too large, before anything is allocated."""
    n_pixels = shape[0] * shape[1]
    if not 0 < n_pixels <= MAX_PIXELS or not 0 < n_pixels * samples * dtype.itemsize <= MAX_BYTES:
        shown = shape if samples == 1 else (*shape, samples)
        raise InputError(f"{where}: has shape {shown}; expected 1 to {MAX_PIXELS} pixels: cut it into parts")


def read_page(tiff: tifffile.TiffFile, ref: PageRef, kind: PageKind, *, where: str) -> Array:
    """The pixels (Y, X, samples) of a page, which has to be of `kind`."""
    page = checked_page(tiff, ref, kind, where=where)
    pixels = _run_of(page, ref.run, kind) if ref.run else page.asarray(maxworkers=1, squeeze=False)
    pixels = pixels.reshape(page.shaped)[:, 0]
    return pixels[0] if pixels.shape[0] == 1 else np.moveaxis(pixels[..., 0], 0, 2)


def checked_page(tiff: tifffile.TiffFile, ref: PageRef, kind: PageKind, *, where: str) -> tifffile.TiffPage:
    """A page of `kind` whose pixels are in the file, as far as its directory tells."""
    page = page_at(tiff, ref.offset)
    found = kind_of(page, where=where)
    if found != kind:
        raise InputError(f"{where}: is damaged: its pages differ ({_said(found)} and {_said(kind)}); {_AGAIN}")
    if ref.run:
        check_run(page, ref.run + 1, kind, tiff.filehandle.size, where=where)
    else:
        check_segments(page, kind.dtype, where=where)
    return page


def check_run(page: tifffile.TiffPage, n: int, kind: PageKind, size: int, *, where: str) -> None:
    """Refuse a run of `n` planes after one directory that is compressed, or longer than the file of `size` bytes."""
    if n > MAX_PAGES:
        raise InputError(f"{where}: describes {n} planes; expected up to {MAX_PAGES}: cut it into parts")
    if not page.is_contiguous or page.predictor != 1 or page.fillorder != 1:
        raise InputError(f"{where}: describes {n} planes but holds one; export it as OME-TIFF")
    if page.dataoffsets[0] + n * kind.n_bytes > size:
        raise InputError(f"{where}: is damaged: it ends before the last of its {n} planes; {_AGAIN}")


def _run_of(page: tifffile.TiffPage, number: int, kind: PageKind) -> Array:
    file = page.parent.filehandle
    file.seek(page.dataoffsets[0] + number * kind.n_bytes)
    pixels: Array = file.read_array(page.parent.byteorder + kind.dtype.char, math.prod(page.shaped))
    return pixels


def _said(kind: PageKind) -> str:
    return f"{kind.height} x {kind.width} x {kind.samples} {kind.dtype}"
