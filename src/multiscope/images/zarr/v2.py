"""Zarr 2 arrays that tensorstore does not read (filters, LZ4, LZMA), by zarr-python; each chunk is bounded first."""

from __future__ import annotations

import io
import json
import lzma
import math
import threading
import warnings
import zlib
from bz2 import BZ2File
from gzip import GzipFile
from pathlib import Path
from typing import Any

import imagecodecs
import zarr
from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore

from multiscope.errors import InputError
from multiscope.images.zarr.header import Header

_opening = threading.Lock()


class _Bounded(LocalStore):
    """A folder of which every chunk is known to unpack to at most `limit` bytes before anybody does so."""

    def __init__(self, path: Path, *, compressor: str | None, limit: int) -> None:
        super().__init__(path, read_only=True)
        self._compressor, self._limit = compressor, limit

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """The content of a file."""
        content = await super().get(key, prototype, byte_range)
        name = key.rpartition("/")[2]
        if content is None or name.startswith(".z") or name == "zarr.json":
            return content
        n = _unpacked(content.to_bytes(), self._compressor, self._limit)
        if not 0 < n <= self._limit:
            raise ValueError(f'chunk "{key}" unpacks to {"nothing" if n == 0 else "more than its size"}')
        return content


def open_v2(path: Path, header: Header) -> zarr.Array[Any]:
    """The array at `path`, whose codecs `header` has checked, open for reading."""
    document = json.loads((path / ".zarray").read_bytes())
    compressor = (document.get("compressor") or {}).get("id")
    # a filter may unpack to another type, of 8 bytes at most
    limit = 8 * math.prod(header.chunk) + 64
    store = _Bounded(path, compressor=compressor, limit=limit)
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is unusual about the metadata is no news to the user
        array = zarr.open_array(store, mode="r", zarr_format=2)
    if array.dtype.newbyteorder("=") != header.dtype:
        raise InputError(f"{path}: its metadata say two things about its type; export the store again")
    return array


def _unpacked(content: bytes, compressor: str | None, limit: int) -> int:
    """How many bytes a chunk unpacks to, or something beyond `limit`; never more than `limit` are unpacked."""
    match compressor:
        case None:
            return len(content)
        case "blosc":
            return int.from_bytes(content[4:8], "little")
        case "lz4":
            return int.from_bytes(content[:4], "little")
        case "zlib":
            return len(zlib.decompressobj().decompress(content, limit + 1))
        case "gzip":
            return len(GzipFile(fileobj=io.BytesIO(content)).read(limit + 1))
        case "bz2":
            return len(BZ2File(io.BytesIO(content)).read(limit + 1))
        case "lzma":
            return len(lzma.LZMAFile(io.BytesIO(content)).read(limit + 1))
        case _:
            return len(imagecodecs.zstd_decode(content, out=bytearray(limit)))
