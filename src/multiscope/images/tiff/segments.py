"""Strips and tiles of a TIFF page: all there, and none that unpacks to more than its share of the image."""

from __future__ import annotations

import math
import struct

import numpy as np
import tifffile

from multiscope.errors import InputError

_AGAIN = "copy or export the file again"
_TILE_BYTES = 2**26
_OLD_JPEG, _JPEG, _JPEG_2000 = 6, (7, 33007, 34892), (33003, 33004, 33005, 34712)
_NO_SIZE = (0xC4, 0xC8, 0xCC)
"""Markers among those of JPEG's frames that are none."""


def check_segments(page: tifffile.TiffPage, dtype: np.dtype[np.generic], *, where: str) -> None:
    """Refuse parts that are left out (they would be read as zeros), and parts that unpack beyond the image's size."""
    offsets, counts = page.dataoffsets, page.databytecounts
    n_parts, n_bytes = math.prod(page.chunked), page.size * dtype.itemsize
    if min(len(offsets), len(counts)) < n_parts or min(counts) <= 0 or min(offsets) <= 0:
        raise InputError(f"{where}: is damaged: a part of its pixels is left out; {_AGAIN}")
    if max(offset + count for offset, count in zip(offsets, counts, strict=False)) > page.parent.filehandle.size:
        raise InputError(f"{where}: is damaged: it ends before the last of its pixels; {_AGAIN}")
    # a tile may be larger than its image, but not by much
    if not 0 < math.prod(page.chunks) * dtype.itemsize <= max(2 * n_bytes, _TILE_BYTES):
        raise InputError(f"{where}: is damaged: its parts are {page.chunks} pixels; {_AGAIN}")
    if page.compression == tifffile.COMPRESSION.NONE:
        if sum(counts) < _stored_bytes(page):
            raise InputError(f"{where}: is damaged: it holds less data than pixels; {_AGAIN}")
        return
    if sum(counts) > 2 * n_bytes + 2**16:
        raise InputError(f"{where}: is damaged: it holds more data than pixels; {_AGAIN}")
    _check_sizes_within(page, where)


def _stored_bytes(page: tifffile.TiffPage) -> int:
    """Bytes of the uncompressed pixels; each row fills whole bytes."""
    bits = page.bitspersample
    if not isinstance(bits, int):
        return 0
    contiguous = page.samplesperpixel if page.planarconfig == 1 else 1
    row = -(-page.imagewidth * contiguous * bits // 8)
    return page.imagelength * row * (1 if page.planarconfig == 1 else page.samplesperpixel)


def _check_sizes_within(page: tifffile.TiffPage, where: str) -> None:
    """JPEG and JPEG 2000 say their own size, which is allocated: it has to be that of a strip or tile."""
    kind = int(page.compression)
    if kind == _OLD_JPEG:
        raise InputError(f"{where}: is compressed by the old kind of JPEG; export it without compression")
    if kind not in (*_JPEG, *_JPEG_2000):
        return
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    file = page.parent.filehandle
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        file.seek(offset)
        data = file.read(min(count, 2**18))
        height, width = _jpeg_size(data) if kind in _JPEG else _jpeg_2000_size(data)
        if not (0 < height <= rows and 0 < width <= columns):
            raise InputError(
                f"{where}: is damaged: a part of {rows} x {columns} pixels holds {height} x {width}; {_AGAIN}"
            )


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Height and width of a JPEG stream; 0 where it does not say."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return height, width
        at += 1 if marker == 0xFF else 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return 0, 0


def _jpeg_2000_size(data: bytes) -> tuple[int, int]:
    """Height and width of a JPEG 2000 stream; 0 where it does not say."""
    at = data.find(b"\xff\x4f\xff\x51")
    if at < 0 or at + 24 > len(data):
        return 0, 0
    width, height, left, top = struct.unpack_from(">4I", data, at + 8)
    return height - top, width - left
