"""A matrix of samples and features on disk, block by block: the X of an AnnData table, or one that is soon removed.

One chunk a block, so that readers of AnnData, which know nothing of shards, take few steps; crc32c makes damage an
error.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorstore as ts
import zarr

from multiscope.folders.journal import Journal
from multiscope.folders.parts import WHOLE, Part
from multiscope.stores.chunks import CONTEXT, Chunks, compressors, spec_of
from multiscope.stores.heap import give_back

Values = npt.NDArray[np.float32]
# what anndata expects of an array in a table
_ATTRIBUTES: dict[str, Any] = {"encoding-type": "array", "encoding-version": "0.2.0"}


class Matrix:
    """Read access to a matrix (N, d) that `MatrixWriter` wrote."""

    def __init__(self, path: Path) -> None:
        """Open the array at `path`."""
        self._chunks = Chunks(path)
        self.shape: tuple[int, int] = (self._chunks.shape[0], self._chunks.shape[1])
        self.block_rows = self._chunks.chunk_shape[0]

    def block(self, number: int) -> Values:
        """Rows from `number * block_rows` on, (block_rows, d) or fewer at the end; damage is an `InputError`."""
        start = number * self.block_rows
        return self._chunks.read(slice(start, min(start + self.block_rows, self.shape[0])))


class MatrixWriter:
    """Writes matrices with the same rows block by block, each block once; a context manager.

    ```
    with MatrixWriter({path: n_features}, n_rows=n_rows, block_rows=4096, journal=made.journal) as writer:
        for number in writer.missing:
            writer.write(number, lambda: {path: values})
    ```
    A thread of its own makes and packs a block while the caller goes on; two are in memory. With the journal of a
    stage, blocks are kept when the job is killed: started again, only the others are `missing`; of a `part`, only its
    own are.
    """

    def __init__(
        self,
        widths: Mapping[Path, int],
        *,
        n_rows: int,
        block_rows: int,
        journal: Journal | None = None,
        part: Part = WHOLE,
    ) -> None:
        """Matrices (n_rows, width) float32 at each path of `widths`; block k holds `block_rows` rows."""
        self.n_rows, self.block_rows = n_rows, block_rows
        self._widths, self._journal = dict(widths), journal
        self._name = "" if journal is None else f"{next(iter(widths)).relative_to(journal.folder).as_posix()} block "
        known = set() if journal is None else {facts["block"] for facts in journal.facts(self._name)}
        self.missing = [number for number in part.share(range(-(-n_rows // block_rows))) if number not in known]
        if journal is None:
            for path in widths:
                shutil.rmtree(path, ignore_errors=True)
        for path, width in widths.items():
            self._create(path, width)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="matrix")
        self._writing: Future[None] | None = None

    def rows(self, number: int) -> tuple[int, int]:
        """The first row of a block, and the first after it."""
        start = number * self.block_rows
        return start, min(start + self.block_rows, self.n_rows)

    def write(self, number: int, make: Callable[[], Mapping[Path, Values]]) -> None:
        """Begin to write what `make` returns as block `number` of each matrix; an error of that before is raised."""
        self._wait()
        self._writing = self._pool.submit(self._write, number, make)

    def __enter__(self) -> MatrixWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """Wait until everything is written."""
        self._pool.shutdown(wait=True)
        if kind is None:
            self._wait()

    def _create(self, path: Path, width: int) -> None:
        zarr.create_array(
            path,
            shape=(self.n_rows, width),
            chunks=(self.block_rows, width),
            dtype=np.float32,
            compressors=compressors(4, counts=False),
            fill_value=0,
            chunk_key_encoding={"name": "default", "separator": "."},
            attributes=_ATTRIBUTES,
            zarr_format=3,
        )

    def _write(self, number: int, make: Callable[[], Mapping[Path, Values]]) -> None:
        (start, stop), values = self.rows(number), make()
        for path, width in self._widths.items():
            if values[path].shape != (stop - start, width):
                raise ValueError(f"{path}: block {number} is {values[path].shape}, expected {(stop - start, width)}")
            spec = {**spec_of(path), "store_data_equal_to_fill_value": True}
            ts.open(spec, open=True, context=CONTEXT).result()[start:stop].write(values[path]).result()
        if self._journal is not None:
            files = [path / f"c.{number}.0" for path in self._widths]
            self._journal.finish(f"{self._name}{number}", files, {"block": number})
        give_back()

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
        self._writing = None
