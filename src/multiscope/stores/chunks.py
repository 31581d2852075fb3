"""Reading and writing the chunks of one Zarr array with tensorstore, so that damage is an error and never zeros."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorstore as ts
from zarr.codecs import BloscCodec, Crc32cCodec

from multiscope.errors import InputError

Array = npt.NDArray[Any]
# holds the indices of the shards read last; decoded chunks pass through it too, which makes a larger one slower
_CACHE_BYTES = 8 * 2**20
# what is in flight at once takes memory, which must not grow with the number of cores
_THREADS = min(4, os.cpu_count() or 1)
_FILES_AT_ONCE = 8
CONTEXT = ts.Context(
    {
        "cache_pool": {"total_bytes_limit": _CACHE_BYTES},
        "data_copy_concurrency": {"limit": _THREADS},
        "file_io_concurrency": {"limit": _FILES_AT_ONCE},
    }
)


def compressors(itemsize: int, *, counts: bool) -> list[BloscCodec | Crc32cCodec]:
    """Codecs of an image's chunks, a checksum last.

    `counts`: camera counts, whose lower bits are noise that no codec shortens, so that the fastest one will do.
    """
    if counts:
        return [BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle", typesize=itemsize), Crc32cCodec()]
    return [BloscCodec(cname="zstd", clevel=1, shuffle="shuffle", typesize=itemsize), Crc32cCodec()]


class Chunks:
    """A Zarr v3 array on disk, open for reading."""

    def __init__(self, path: Path) -> None:
        """Open the array at `path`; anything that tensorstore refuses is an `InputError`."""
        self.path = path
        spec = {**spec_of(path), "fill_missing_data_reads": False, "recheck_cached_data": "open"}
        try:
            self._array = ts.open(spec, open=True, read=True, write=False, context=CONTEXT).result()
        except ValueError as error:
            raise self._damaged(error) from None
        self.shape: tuple[int, ...] = tuple(self._array.shape)
        self.dtype: np.dtype[Any] = self._array.dtype.numpy_dtype
        shard: Any = self._array.chunk_layout.write_chunk.shape
        self.shard_shape: tuple[int, ...] = tuple(shard)
        chunk: Any = self._array.chunk_layout.read_chunk.shape
        self.chunk_shape: tuple[int, ...] = tuple(chunk)

    def read(self, index: Any = ...) -> Array:
        """The values at `index`; a missing or damaged shard is an `InputError` that names it.

        An array of rows may be in any order: tensorstore reads them in the order of their shards.
        """
        try:
            return np.asarray(self._array[index].read().result())
        except ValueError as error:
            raise self._damaged(error) from None

    def _damaged(self, error: ValueError) -> InputError:
        text = str(error).splitlines()[0]
        where = re.search(rf'"{re.escape(str(self.path.resolve()))}/([^"]+)"', text)
        shard = f"{where[1]}: " if where else ""
        state = "cannot be read" if "PERMISSION_DENIED" in text else "damaged"
        return InputError(f"{self.path}: {state}: {shard}{text[:300]}; make the store again")


def write_chunks(path: Path, values: Array) -> None:
    """Fill the existing array at `path`, also where `values` equal the fill value: what is missing is damage."""
    spec = {**spec_of(path), "store_data_equal_to_fill_value": True}
    ts.open(spec, open=True, read=False, write=True).result()[...].write(values).result()


def spec_of(path: Path) -> dict[str, Any]:
    """What tensorstore has to know of the array at `path`."""
    return {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path.resolve()}/"}}
