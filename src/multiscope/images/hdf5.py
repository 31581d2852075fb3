"""Arrays of numbers in HDF5 files of unknown origin: no links out of the file, all parts there, sizes checked first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from h5py import h5d, h5z

from multiscope.errors import InputError
from multiscope.images.bounded import opened

Array = npt.NDArray[Any]
_MAX_CHUNK_BYTES = 2**28
_MAX_ROW_BYTES = 2**26
_MAX_TEXTS = 1000
_LONGEST_TEXT = 1000
_PIECE_BYTES = 2**26
_FAULTS = (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError, OverflowError)


class Hdf5:
    """An open HDF5 file."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        """`file` was opened for reading from `path`."""
        self.path, self._file = path, file
        self.names: list[str] = sorted(str(name) for name in file)

    def rows(self, name: str) -> Hdf5Rows:
        """The dataset `name` at the root, its pixels not yet read; one that is not plainly in the file is refused."""
        where = f"{self.path}: {ascii(name)[1:-1]}"
        try:
            found = self._plain(name, where)
            _check_numbers(found, where)
            _check_storage(found, where)
        except _FAULTS as error:
            raise InputError(f"{where}: is damaged ({_line(error)}); copy the file again") from None
        return Hdf5Rows(found, where)

    def texts(self, name: str) -> list[str] | None:
        """The list of short texts that the attribute or dataset `name` at the root holds; None where there is none."""
        where = f"{self.path}: {ascii(name)[1:-1]}"
        try:
            if name in self._file.attrs:
                attribute = self._file.attrs.get_id(name)
                _check_texts(attribute.shape, attribute.dtype, where)
                return _texts(self._file.attrs[name], where)
            if name in self.names:
                found = self._plain(name, where)
                _check_texts(found.shape, found.dtype, where)
                return _texts(found[()], where)
        except _FAULTS as error:
            raise InputError(f"{where}: is damaged ({_line(error)}); copy the file again") from None
        return None

    def _plain(self, name: str, where: str) -> h5py.Dataset:
        if name not in self.names:
            there = ", ".join(ascii(other) for other in self.names[:8]) or "nothing"
            raise InputError(f"{self.path}: has no dataset '{name}' (but {there}); name another file")
        if not isinstance(self._file.get(name, getlink=True), h5py.HardLink):
            raise InputError(f"{where}: is a link; expected the pixels themselves: copy them into one file")
        found = self._file[name]
        if not isinstance(found, h5py.Dataset):
            raise InputError(f"{where}: is a group; expected a dataset")
        if found.is_virtual or found.external is not None:
            raise InputError(f"{where}: has its pixels in other files; expected them here: copy them into one file")
        return found


class Hdf5Rows:
    """A dataset (N, ...) whose rows are read in pieces."""

    def __init__(self, dataset: h5py.Dataset, where: str) -> None:
        """`dataset` was checked; `where` names it in messages."""
        self._dataset, self.where, self.name = dataset, where, str(dataset.name).strip("/")
        self.shape: tuple[int, ...] = tuple(int(size) for size in dataset.shape)
        self.dtype: np.dtype[Any] = dataset.dtype.newbyteorder("=")

    def pieces(self) -> Iterator[tuple[int, Array]]:
        """First row and rows (n, ...) of every piece, in order; a piece takes some ten megabytes, whole chunks."""
        row = max(1, math.prod(self.shape[1:]) * self.dtype.itemsize)
        chunk = self._dataset.chunks[0] if self._dataset.chunks else 1
        at_once = max(1, _PIECE_BYTES // row // chunk) * chunk
        at_once = min(at_once, max(1, 4 * _PIECE_BYTES // row))
        for start in range(0, self.shape[0], at_once):
            try:
                yield start, self._dataset[start : start + at_once].astype(self.dtype, copy=False)
            except _FAULTS as error:
                raise InputError(
                    f"{self.where}: rows from {start} on are damaged ({_line(error)}); copy the file again"
                ) from None


@contextmanager
def open_hdf5(path: Path) -> Iterator[Hdf5]:
    """Open an HDF5 file for reading; what is none, or cut short, is an `InputError`."""
    with opened(path, where=str(path)):
        pass
    try:
        file = h5py.File(path, "r", locking="best-effort")
    except _FAULTS as error:
        raise InputError(f"{path}: is no whole HDF5 file ({_line(error)}); copy it again") from None
    with file:
        try:
            opened_file = Hdf5(path, file)
        except _FAULTS as error:
            raise InputError(f"{path}: is damaged ({_line(error)}); copy it again") from None
        yield opened_file


def _check_numbers(found: h5py.Dataset, where: str) -> None:
    """Refuse what is not numbers, and sizes that cannot be."""
    shape, dtype = found.shape, found.dtype
    if shape is None or not shape or any(size < 1 for size in shape):
        raise InputError(f"{where}: has shape {shape}; expected rows of numbers")
    if dtype.kind not in "biuf" or dtype.hasobject:
        raise InputError(f"{where}: holds {str(dtype)[:60]}; expected integers or floats: export it as one of these")
    if math.prod(shape[1:]) * dtype.itemsize > _MAX_ROW_BYTES:
        raise InputError(f"{where}: has rows of {shape[1:]}; expected up to {_MAX_ROW_BYTES} bytes a row")


def _check_storage(found: h5py.Dataset, where: str) -> None:
    """Refuse parts that were never written (they would be read as zeros), unknown filters, and bombs."""
    layout = found.id.get_create_plist()
    stored, nbytes = found.id.get_storage_size(), math.prod(found.shape) * found.dtype.itemsize
    for number in range(layout.get_nfilters()):
        code, _, _, name = layout.get_filter(number)
        if not h5z.filter_avail(code):
            raise InputError(
                f"{where}: is compressed with {ascii(name.decode('latin-1'))[:60]} (filter {code}), which is not "
                "installed; save it with gzip"
            )
    if layout.get_layout() != h5d.CHUNKED:
        if stored != nbytes:
            raise InputError(f"{where}: is damaged: {stored} of {nbytes} bytes are there; copy the file again")
        return
    chunk = math.prod(found.chunks) * found.dtype.itemsize
    if chunk > _MAX_CHUNK_BYTES:
        raise InputError(f"{where}: has chunks of {chunk} bytes; expected up to {_MAX_CHUNK_BYTES}: save smaller ones")
    expected = math.prod(-(-size // part) for size, part in zip(found.shape, found.chunks, strict=True))
    n_chunks = found.id.get_num_chunks()
    if n_chunks != expected:
        raise InputError(f"{where}: is damaged: {n_chunks} of {expected} chunks are there; copy the file again")


def _check_texts(shape: tuple[int, ...] | None, dtype: np.dtype[Any], where: str) -> None:
    info = h5py.check_string_dtype(dtype)
    if info is not None and info.length is None:  # a damaged heap of these makes the HDF5 library run for ever
        raise InputError(f"{where}: holds texts of variable length, which are not read; expected fixed lengths")
    if shape is None or len(shape) != 1 or shape[0] > _MAX_TEXTS or info is None or (info.length or 0) > _LONGEST_TEXT:
        raise InputError(f"{where}: holds {str(dtype)[:60]} of shape {shape}; expected a list of names")


def _texts(values: Any, where: str) -> list[str]:
    try:
        texts = [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values]
    except UnicodeDecodeError:
        raise InputError(f"{where}: is not UTF-8; expected names") from None
    if any(len(text) > _LONGEST_TEXT or not text.isprintable() for text in texts):
        raise InputError(f"{where}: has signs that cannot be shown, or endless texts; expected names")
    return texts


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
