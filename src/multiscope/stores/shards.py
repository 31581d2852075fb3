"""Writing an array of samples shard by shard: one sample a chunk, thousands a shard.

Layout and codecs follow measurements: blosc-lz4 with bitshuffle is the fastest and smallest for camera counts, whose
lower bits are noise; crc32c makes damage an error.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore as ts

from multiscope.stores.chunks import CONTEXT, Array, spec_of
from multiscope.stores.heap import give_back

_SHARD_BYTES = 64 * 2**20
_SHARD_ROWS = (256, 4096)
_AT_ONCE = 2


class ShardWriter:
    """An array (N, ...) written shard by shard, each once and whole, when N is not yet known.

    `zarr.json` comes last, so that what is not complete is no array.
    """

    def __init__(self, path: Path, sample: tuple[int, ...], dtype: np.dtype[Any], *, stored: int = 0) -> None:
        """Write to the folder `path`, of which `stored` rows, whole shards, are on disk already."""
        self.path, self.sample, self.dtype, self.stored = path, sample, dtype, stored
        self.shard_rows = shard_rows(sample, dtype)
        self.rows = stored
        self._waiting: Array = np.empty((0, *sample), dtype)
        self._writing: deque[tuple[int, ts.WriteFutures]] = deque()

    def append(self, values: Array, *, row: int) -> None:
        """Add `values` (n, ...), which begin at `row`; those before the end of what is stored are known already."""
        values = values[max(0, self.rows - row) :]
        while len(values):
            waiting = self.rows % self.shard_rows
            part = values[: self.shard_rows - waiting]
            if not waiting:
                self._waiting = np.empty((self.shard_rows, *self.sample), self.dtype)
            self._waiting[waiting : waiting + len(part)] = part
            self.rows += len(part)
            if waiting + len(part) == self.shard_rows:
                self._write(self._waiting)
            values = values[len(part) :]

    def close(self) -> None:
        """Write the last, ragged shard, then what describes the array."""
        self._write(self._waiting[: self.rows % self.shard_rows])
        self._wait(0)
        spec = {**spec_of(self.path), "metadata": self._metadata(self.rows)}
        ts.open(spec, create=True, context=CONTEXT).result()

    def shards(self, start: int) -> list[Path]:
        """Files of the whole shards from row `start` on."""
        numbers = range(start // self.shard_rows, self.stored // self.shard_rows)
        return [self.path / ".".join(["c", str(number), *("0" for _ in self.sample)]) for number in numbers]

    def _write(self, values: Array) -> None:
        """Begin to write the last `values` before `rows`; one shard is packed while the next is filled."""
        if not len(values):
            return
        self._wait(_AT_ONCE - 1)
        # the metadata are assumed, not written: each shard is complete in itself
        spec = {**spec_of(self.path), "metadata": self._metadata(self.rows), "store_data_equal_to_fill_value": True}
        array = ts.open(spec, open=True, assume_metadata=True, context=CONTEXT).result()
        self._writing.append((self.rows, array[self.rows - len(values) : self.rows].write(values)))

    def _wait(self, n: int) -> None:
        """Wait until only `n` shards are being written."""
        while len(self._writing) > n:
            end, future = self._writing.popleft()
            future.result()
            self.stored = end
            give_back()

    def _metadata(self, rows: int) -> dict[str, Any]:
        little = {"name": "bytes", "configuration": {"endian": "little"}}
        blosc = {"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle", "typesize": self.dtype.itemsize, "blocksize": 0}
        sharding = {
            "chunk_shape": [1, *self.sample],
            "codecs": [little, {"name": "blosc", "configuration": blosc}, {"name": "crc32c"}],
            "index_codecs": [little, {"name": "crc32c"}],
            "index_location": "end",
        }
        grid = {"chunk_shape": [self.shard_rows, *self.sample]}
        return {
            "shape": [rows, *self.sample],
            "data_type": self.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": grid},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
            "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
            "fill_value": False if self.dtype.kind == "b" else 0,
        }


def shard_rows(sample: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """How many samples make a shard: 64 MiB of them, but 256 at least and 4096 at most."""
    nbytes = max(1, int(np.prod(sample)) * dtype.itemsize)
    return int(np.clip(_SHARD_BYTES // nbytes, *_SHARD_ROWS))
