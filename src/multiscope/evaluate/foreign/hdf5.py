"""HDF5 files from elsewhere, read dataset by dataset: no link, no other file, no boundless size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError

_AGAIN = "write it again"
_TEXT_BYTES = 64  # of a text of unknown length: a reference and a short string
_MOST_CHUNK_BYTES = 2**28


@dataclass(frozen=True)
class Hdf5Node:
    """A group or a dataset of an open file."""

    path: Path
    node: h5py.Group | h5py.Dataset

    @property
    def where(self) -> str:
        """How to name it in a message."""
        return f"{self.path}/{ascii((self.node.name or '').strip('/'))[1:-1]}".rstrip("/")

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What the writer attached."""
        attributes: Mapping[str, Any] = self.node.attrs
        return attributes

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Shape of a dataset; None for a group."""
        return tuple(self.node.shape or ()) if isinstance(self.node, h5py.Dataset) else None

    def child(self, name: str) -> Hdf5Node | None:
        """What is called `name` in this group; a link is an `InputError`."""
        if not isinstance(self.node, h5py.Group) or "/" in name or name in ("", ".", ".."):
            return None
        link = self.node.get(name, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise InputError(f"{self.where}: {ascii(name)[:60]} is a link, which is not followed; {_AGAIN} without")
        return Hdf5Node(self.path, self.node[name])

    @property
    def n_bytes(self) -> int:
        """Bytes that reading the dataset allocates, texts of unknown length as short ones."""
        dataset = self._dataset
        if dataset.is_virtual or dataset.external:
            raise InputError(f"{self.where}: takes its values from other files, which are not read; {_AGAIN}")
        if dataset.dtype.kind not in "biufSUO" or (dataset.dtype.kind == "O" and not self._is_text):
            raise InputError(f"{self.where}: holds {dataset.dtype}; expected numbers or text: {_AGAIN}")
        size = max(dataset.dtype.itemsize, _TEXT_BYTES if self._is_text else 1)
        chunk = math.prod(dataset.chunks or ()) * size
        if chunk > _MOST_CHUNK_BYTES:
            raise InputError(f"{self.where}: has chunks of {chunk} bytes; expected up to {_MOST_CHUNK_BYTES}: {_AGAIN}")
        allocated: int = math.prod(map(max, self.shape or (), dataset.chunks or self.shape or ())) * size
        return allocated

    def read(self, most: int) -> npt.NDArray[Any]:
        """The values, of at most `most` bytes; more is an `InputError`."""
        if self.n_bytes > most:
            raise self._too_much(most)
        return self._texts(most) if self._is_text else np.asarray(self._dataset[...])

    @property
    def _dataset(self) -> h5py.Dataset:
        if not isinstance(self.node, h5py.Dataset) or self.node.shape is None:
            raise InputError(f"{self.where}: is no array of values; {_AGAIN}")
        return self.node

    @property
    def _is_text(self) -> bool:
        facts = h5py.check_string_dtype(self._dataset.dtype)
        return facts is not None and facts.length is None

    def _texts(self, most: int) -> npt.NDArray[Any]:
        """Texts, so few at a time that all of them together cannot be larger than `most`: none exceeds the file."""
        dataset, found, size = self._dataset, [], 0
        if dataset.ndim != 1:
            raise InputError(f"{self.where}: has {dataset.ndim} axes; expected a column: {_AGAIN}")
        at_once = max(1, most // max(1, self.path.stat().st_size))
        for start in range(0, len(dataset), at_once):
            part = dataset[start : start + at_once]
            size += sum(map(len, part))
            if size > most:
                raise self._too_much(most)
            found += [text.decode("utf-8", errors="replace") if isinstance(text, bytes) else text for text in part]
        return np.array(found, dtype=object)

    def _too_much(self, most: int) -> InputError:
        return InputError(f"{self.where}: claims more than {most} bytes; expected up to that: cut it into parts")
