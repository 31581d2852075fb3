"""Sample stores: arrays indexed by sample, row i of every array and of the Parquet table beside them is sample i.

`crops.zarr` holds arrays (N, C, Y, X) or (N, C, Z, Y, X), raw as acquired, `crops.parquet` the table. tensorstore moves
the bytes, and reports a missing or damaged shard instead of answering zeros.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from multiscope.errors import InputError
from multiscope.folders.journal import Journal
from multiscope.stores.chunks import Array, Chunks
from multiscope.stores.shards import ShardWriter

SCHEMA: dict[str, Any] = {"name": "multiscope.samples", "version": 2}
_METADATA_BYTES = 2**24


def write_samples(
    path: Path, arrays: Mapping[str, Array], table: pd.DataFrame, attributes: Mapping[str, Any] | None = None
) -> None:
    """Write the store `path` of `arrays`, each (N, ...), and `table` with N rows; `SampleWriter` for more than fits.

    The table lands beside it, e.g. `crops.zarr` and `crops.parquet`.
    """
    with SampleWriter(path, attributes=attributes) as writer:
        writer.append(arrays, table)


class SampleWriter:
    """Writes a sample store piece by piece; about one shard of each array is in memory, and the table.

    ```
    with SampleWriter(made.path / "crops.zarr", journal=made.journal) as writer:
        for number in range(writer.position or 0, n_fields):
            writer.append({"image": images, "mask": masks}, table, position=number + 1)
    ```
    With the journal of a stage, whole shards are kept when the job is killed: started again, `position` is what was
    given with the last piece that is wholly on disk (None at the start), and `rows` the number of samples up to there.
    The caller has to append the same again from there on; the store is then the same as if nothing had happened.
    """

    def __init__(
        self, path: Path, *, attributes: Mapping[str, Any] | None = None, journal: Journal | None = None
    ) -> None:
        """Write the group `path` and the table beside it; `attributes` may be changed until the end."""
        self.path = path
        self.attributes: dict[str, Any] = dict(attributes or {})
        self.rows = 0
        self.position: Any = None
        self._arrays: dict[str, ShardWriter] = {}
        self._tables: list[pa.Table] = []  # of the rows that are kept
        self._fresh: list[pa.Table] = []
        self._pieces: list[tuple[int, Any]] = []  # ends and positions of the pieces that are not yet kept
        self._kept: dict[str, Any] = {"rows": 0, "arrays": {}}
        self._journal = journal
        self._name = "" if journal is None else path.relative_to(journal.folder).as_posix()

    def __enter__(self) -> SampleWriter:
        """Begin anew, or go on where the journal says."""
        found = [] if self._journal is None else self._journal.facts(f"{self._name} rows ")
        if found:
            self._go_on(found)
        else:
            shutil.rmtree(self.path, ignore_errors=True)
            self._table_path.unlink(missing_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """Complete the store; after an error it is left half made, and cannot be opened."""
        if kind is None:
            self._close()

    def append(self, arrays: Mapping[str, Array], table: pd.DataFrame, *, position: Any = None) -> None:
        """Add n samples: `arrays`, each (n, ...), the same ones each time, and n rows of `table`.

        `position`, any JSON value, is what the caller wants to know to go on after them.
        """
        native = {name: _native(array) for name, array in arrays.items()}
        self._expect(native, len(table))
        for name, array in native.items():
            self._arrays[name].append(array, row=self.rows)
        self._fresh.append(pa.Table.from_pandas(table, preserve_index=False))
        self.rows, self.position = self.rows + len(table), position
        self._pieces.append((self.rows, position))
        if self._journal is not None:
            self._keep(self._journal)

    def _expect(self, arrays: Mapping[str, Array], n: int) -> None:
        for name, array in arrays.items():
            if len(array) != n:
                raise ValueError(f"{self.path}: array '{name}' has {len(array)} samples, the table {n} rows")
        if not self._arrays:
            self._arrays = {
                name: ShardWriter(self.path / name, array.shape[1:], array.dtype) for name, array in arrays.items()
            }
        given = {name: (array.shape[1:], array.dtype) for name, array in arrays.items()}
        expected = {name: (writer.sample, writer.dtype) for name, writer in self._arrays.items()}
        if given != expected:
            raise ValueError(f"{self.path}: was given {given}, expected {expected} as in the first piece")

    def _keep(self, journal: Journal) -> None:
        """Write down the pieces of which everything is on disk, once there are more whole shards of every array."""
        stored = min(writer.stored for writer in self._arrays.values())
        pieces = [piece for piece in self._pieces if self._kept["rows"] < piece[0] <= stored]
        if not pieces:
            return
        before, (rows, position) = self._kept, pieces[-1]
        part = journal.scratch / f"{self._name.replace('/', '_')}-{rows}.parquet"
        part.parent.mkdir(exist_ok=True)
        fresh, n = _joined(self._fresh), rows - before["rows"]
        _write_table(fresh.slice(0, n), part)
        # read again, so that the types are those that a restarted writer would see
        self._tables.append(pq.read_table(part))
        self._fresh = [fresh.slice(n)]
        files = [part]
        for name, writer in self._arrays.items():
            files += writer.shards(before["arrays"].get(name, {"stored": 0})["stored"])
        self._kept = {
            "rows": rows,
            "position": position,
            "part": part.relative_to(journal.folder).as_posix(),
            "arrays": {name: {**_described(writer), "stored": writer.stored} for name, writer in self._arrays.items()},
        }
        self._pieces = [piece for piece in self._pieces if piece[0] > rows]
        journal.finish(f"{self._name} rows {rows}", files, self._kept)

    def _go_on(self, found: list[dict[str, Any]]) -> None:
        assert self._journal is not None
        self._kept = found[-1]
        self.rows, self.position = self._kept["rows"], self._kept["position"]
        self._tables = [pq.read_table(self._journal.folder / facts["part"]) for facts in found]
        self._arrays = {
            name: ShardWriter(
                self.path / name, tuple(array["sample"]), np.dtype(array["dtype"]), stored=array["stored"]
            )
            for name, array in self._kept["arrays"].items()
        }

    def _close(self) -> None:
        if not self._arrays:
            raise ValueError(f"{self.path}: nothing was appended, so that no array is known")
        for writer in self._arrays.values():
            writer.close()
        _write_table(_joined(self._tables + self._fresh), self._table_path)
        arrays = {name: _described(writer) for name, writer in self._arrays.items()}
        attributes = {"schema": SCHEMA, "arrays": arrays, **self.attributes}
        group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        # last: without it, it is no store
        (self.path / "zarr.json").write_text(json.dumps(group, indent=1, allow_nan=False), encoding="utf-8")

    @property
    def _table_path(self) -> Path:
        return self.path.with_suffix(".parquet")


def _native(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _described(writer: ShardWriter) -> dict[str, Any]:
    return {"sample": list(writer.sample), "dtype": writer.dtype.name}


def _joined(tables: list[pa.Table]) -> pa.Table:
    """One table; a column that is empty in one piece takes its type from another."""
    tables = [table for table in tables if table.num_rows] or tables[:1]
    return pa.concat_tables(tables, promote_options="permissive").unify_dictionaries().combine_chunks()


def _write_table(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)


class SampleStore:
    """Read access to a sample store: its table, and rows of its arrays."""

    def __init__(self, path: Path) -> None:
        """Open `path`, a group written by `SampleWriter`; what does not fit together is an `InputError`."""
        self.path = path
        self._table_path = path.with_suffix(".parquet")
        try:
            self.attributes = _read_attributes(path)
            self._rows = int(pq.read_metadata(self._table_path).num_rows)
        except (OSError, ValueError, RecursionError) as error:
            fault = " ".join(str(error).split())[:300]
            raise InputError(f"{path}: cannot be opened as a sample store ({fault}); make it again") from None
        if self.attributes.get("schema") != SCHEMA or not isinstance(self.attributes.get("arrays"), dict):
            raise InputError(f"{path}: is not a sample store of schema {SCHEMA}; make it with this version")
        self._arrays = {name: self._open(name, array) for name, array in self.attributes["arrays"].items()}

    def _open(self, name: str, described: Any) -> Chunks:
        if Path(name).name != name:
            raise InputError(f"{self.path}: damaged: '{ascii(name)[:60]}' is no name of an array; make it again")
        array = Chunks(self.path / name)
        n = array.shape[0] if array.shape else 0
        if n != self._rows:
            raise InputError(f"{self.path}: array '{name}' has {n} samples, its table {self._rows} rows; make it again")
        is_as_described = {"sample": list(array.shape[1:]), "dtype": array.dtype.name} == described
        if not is_as_described or array.chunk_shape != (1, *array.shape[1:]):
            raise InputError(
                f"{self.path}: damaged: array '{name}' has samples {array.shape[1:]} {array.dtype}, "
                f"expected {described}; make it again"
            )
        return array

    @cached_property
    def table(self) -> pd.DataFrame:
        """The table, one row a sample."""
        try:
            table: pd.DataFrame = pq.read_table(self._table_path, page_checksum_verification=True).to_pandas()
            return table
        except (OSError, ValueError) as error:
            fault = " ".join(str(error).split())[:300]
            raise InputError(f"{self._table_path}: damaged: {fault}; make it again") from None

    def __len__(self) -> int:
        """Number of samples."""
        return self._rows

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of an array, (N, ...)."""
        return self._array(name).shape

    def take(self, name: str, rows: npt.ArrayLike | None = None) -> Array:
        """Rows of an array in the order asked for, also the same one twice; all of them without `rows`.

        A row that is not there is an `IndexError`, a missing or damaged shard an `InputError` that names it.
        """
        array = self._array(name)
        if rows is None:
            return array.read() if len(self) else np.empty(array.shape, array.dtype)
        index = np.asarray(rows)
        if len(index) == 0:
            return np.empty((0, *array.shape[1:]), dtype=array.dtype)
        if index.dtype.kind not in "iu" or index.ndim != 1 or index.min() < 0 or index.max() >= len(self):
            raise IndexError(f"{self.path}: rows have to be whole numbers from 0 to {len(self) - 1}")
        return array.read(index.astype(np.int64, copy=False))

    def _array(self, name: str) -> Chunks:
        if name not in self._arrays:
            raise InputError(f"{self.path}: has no array '{name}'; it has {', '.join(self._arrays)}")
        return self._arrays[name]


def _read_attributes(path: Path) -> dict[str, Any]:
    with (path / "zarr.json").open("rb") as file:
        text = file.read(_METADATA_BYTES + 1)
    if len(text) > _METADATA_BYTES:
        raise ValueError(f"zarr.json has more than {_METADATA_BYTES} bytes")
    group = json.loads(text)
    if not isinstance(group, dict) or not isinstance(group.get("attributes"), dict):
        raise ValueError("zarr.json does not describe a group")
    return dict(group["attributes"])
