"""Sample stores: arrays indexed by sample, row i of every array and of the Parquet table beside them is sample i.

Layout and codecs follow measurements: one sample a chunk, thousands a shard, blosc-lz4 with bitshuffle and crc32c.
zarr-python creates and describes; tensorstore moves the bytes, and reports a missing or damaged shard instead of
answering zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from multiscope.errors import InputError
from multiscope.stores.chunks import Array, Chunks, write_chunks

SCHEMA: dict[str, Any] = {"name": "multiscope.samples", "version": 1}
_SHARD_BYTES = 64 * 2**20


def write_samples(
    path: Path, arrays: Mapping[str, Array], table: pd.DataFrame, attributes: Mapping[str, Any] | None = None
) -> None:
    """Write `path`.zarr-like group of `arrays`, each (N, ...), and `table` with N rows as Parquet beside it.

    The table lands as `<stem>.parquet`, e.g. `crops.zarr` and `crops.parquet`.
    """
    n = len(table)
    for name, array in arrays.items():
        if len(array) != n:
            raise ValueError(f"{path}: array '{name}' has {len(array)} samples, the table {n} rows")
    group = zarr.open_group(path, mode="w", zarr_format=3)
    described: dict[str, Any] = {"schema": SCHEMA, "arrays": sorted(arrays), **(attributes or {})}
    group.attrs.update(described)
    for name, array in arrays.items():
        _write_array(path, name, array)
    table.reset_index(drop=True).to_parquet(path.with_suffix(".parquet"), compression="zstd")


def _write_array(path: Path, name: str, array: Array) -> None:
    sample = array.shape[1:]
    nbytes = max(1, int(np.prod(sample)) * array.dtype.itemsize)
    shard = int(np.clip(_SHARD_BYTES // nbytes, 256, 4096))
    zarr.create_array(
        path,
        name=name,
        shape=array.shape,
        dtype=array.dtype,
        chunks=(1, *sample),
        shards=(shard, *sample),
        compressors=[
            BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle", typesize=array.dtype.itemsize),
            Crc32cCodec(),
        ],
        chunk_key_encoding={"name": "default", "separator": "."},
        fill_value=0,
        zarr_format=3,
    )
    if len(array):
        write_chunks(path / name, array)


class SampleStore:
    """Read access to a sample store: its table, and rows of its arrays."""

    def __init__(self, path: Path) -> None:
        """Open `path`, a group written by `write_samples`; what does not fit together is an `InputError`."""
        self.path = path
        table_path = path.with_suffix(".parquet")
        try:
            group = zarr.open_group(path, mode="r")
            self.attributes: dict[str, Any] = dict(group.attrs)
            self.table = pd.read_parquet(table_path)
        except (FileNotFoundError, OSError, ValueError) as error:
            fault = " ".join(str(error).split())[:300]
            raise InputError(f"{path}: cannot be opened as a sample store ({fault}); make it again") from None
        if self.attributes.get("schema") != SCHEMA:
            raise InputError(f"{path}: is not a sample store of schema {SCHEMA}; make it with this version")
        self._arrays = {name: Chunks(path / name) for name in self.attributes["arrays"]}
        for name, array in self._arrays.items():
            if array.shape[0] != len(self.table):
                raise InputError(
                    f"{path}: array '{name}' has {array.shape[0]} samples, its table {len(self.table)} rows"
                )

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.table)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of an array, (N, ...)."""
        return self._arrays[name].shape

    def take(self, name: str, rows: npt.ArrayLike | None = None) -> Array:
        """Rows of an array in the order asked for; all of them without `rows`."""
        array = self._arrays[name]
        index: Any = ... if rows is None else np.asarray(rows, dtype=np.int64)
        if array.shape[0] == 0 or (rows is not None and len(index) == 0):
            return np.empty((0, *array.shape[1:]), dtype=array.dtype)
        return array.read(index)
