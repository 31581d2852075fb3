"""The pixels of one foreign Zarr array: by tensorstore, and by zarr-python what tensorstore does not know."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorstore as ts

from multiscope.errors import InputError
from multiscope.images.image import check_bytes
from multiscope.images.zarr.header import Header, read_header
from multiscope.images.zarr.node import Node
from multiscope.images.zarr.v2 import open_v2

Array = npt.NDArray[Any]
_MAX_CHUNKS = 2**19


class ZarrArray:
    """A Zarr array on disk; its metadata are read and bounded, its pixels not yet."""

    def __init__(self, node: Node) -> None:
        """Read the metadata of the array `node`."""
        self.where = node.where
        self.header: Header = read_header(node)
        self._node = node

    @cached_property
    def n_files(self) -> int:
        """Chunks (or shards) that are there; one that leads out of the store is an `InputError`.

        A chunk that is not there is no damage in general: writers leave out what holds the fill value alone.
        """
        try:
            return sum(1 for _ in self._files(self._node.path, "", len(self.header.shape)))
        except OSError as error:
            raise InputError(f"{self.where}: cannot be listed ({error.strerror}); make its folders readable") from None

    def read(self, picks: Sequence[Sequence[int]]) -> Array:
        """The values at the indices picked along each axis (a range or list), in native byte order.

        More than 2^31 bytes, more than 2^19 chunks and damage are an `InputError`; a chunk that is not there is the
        fill value.
        """
        self._check_size(picks)
        _ = self.n_files  # looks for links before anything is opened
        index = tuple(slice(pick[0], pick[-1] + 1) if isinstance(pick, range) else list(pick) for pick in picks)
        try:
            values = self._read(index)
        except InputError:
            raise
        except Exception as error:  # readers raise whatever they stumble over; all of it means a bad file
            raise InputError(f"{self.where}: is damaged ({_fault(error)}); copy or export the store again") from None
        return values.astype(self.header.dtype, copy=False)

    def _read(self, index: tuple[slice | list[int], ...]) -> Array:
        return np.asarray(self._array[index].read().result() if self._by_tensorstore else self._array.oindex[index])

    @property
    def _by_tensorstore(self) -> bool:
        return isinstance(self._array, ts.TensorStore)

    @cached_property
    def _array(self) -> Any:
        driver = "zarr3" if self._node.zarr_format == 3 else "zarr"
        spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{self._node.path}/"}}
        try:
            array: Any = ts.open({**spec, "recheck_cached_data": "open"}, open=True, read=True, write=False).result()
        except Exception:
            if self._node.zarr_format == 3:
                raise
            array = open_v2(self._node.path, self.header)
        if tuple(array.shape) != self.header.shape:
            raise InputError(f"{self.where}: its metadata say two things about its shape; export the store again")
        return array

    def _check_size(self, picks: Sequence[Sequence[int]]) -> None:
        check_bytes(math.prod(map(len, picks)) * self.header.dtype.itemsize, where=self.where)
        n_chunks = math.prod(_n_touched(pick, n) for pick, n in zip(picks, self.header.chunk, strict=True))
        if n_chunks > _MAX_CHUNKS:
            raise InputError(
                f"{self.where}: a time point is in {n_chunks} chunks; expected up to {_MAX_CHUNKS}: name fewer "
                "channels or write larger chunks"
            )

    def _files(self, folder: Path, before: str, depth: int) -> Iterator[str]:
        """Names of the files of chunks below `folder`, whose own name within the array is `before`."""
        with os.scandir(folder) as entries:
            for entry in entries:
                name = before + entry.name
                if entry.is_symlink():
                    self._check_link(Path(entry.path))
                if entry.is_dir():
                    if entry.is_symlink():  # folders of links to themselves have no end
                        shown = f"{self.where}/{ascii(name)[1:-1]}"
                        raise InputError(f"{shown}: is a link to a folder; put a copy of the folder in its place")
                    if depth and self.header.separator == "/":
                        yield from self._files(Path(entry.path), f"{name}/", depth - 1)
                elif self.header.is_chunk(name):
                    if not entry.is_file():
                        raise InputError(f"{self.where}/{name}: is no plain file; copy the store again")
                    yield name

    def _check_link(self, path: Path) -> None:
        try:
            inside = path.resolve().is_relative_to(self._node.root)
        except (OSError, RuntimeError):  # links in a circle
            inside = False
        if not inside:
            name = ascii(path.name)[1:-1]
            raise InputError(
                f"{self.where}/{name}: leads out of the store by a link; copy what it points to into the store"
            )


def _n_touched(pick: Sequence[int], n: int) -> int:
    if isinstance(pick, range):
        return pick[-1] // n - pick[0] // n + 1
    return len({i // n for i in pick})


def _fault(error: Exception) -> str:
    text = str(error).split(" [tensorstore_spec=")[0].split(" [source locations=")[0]
    return " ".join(text.split())[:300] or type(error).__name__
