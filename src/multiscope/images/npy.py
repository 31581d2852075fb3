"""Arrays as NumPy writes them: headers checked before anything is allocated, nothing unpickled, pixels mapped."""

from __future__ import annotations

import math
import os
import warnings
import zipfile
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.images.bounded import opened

Array = npt.NDArray[Any]
_MAX_DIMENSIONS = 8


class Header(NamedTuple):
    """What an array says of itself before its numbers."""

    shape: tuple[int, ...]
    order: str
    dtype: np.dtype[Any]
    size: int
    """Bytes of the header itself."""

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers."""
        return math.prod(self.shape) * self.dtype.itemsize


def open_npy(path: Path) -> Array:
    """The array in a `.npy` file, mapped; a file cut short, or of anything but numbers, is an `InputError`."""
    with opened(path, where=str(path)) as file:
        header = read_header(file, str(path))
        found = file.seek(0, os.SEEK_END) - header.size
    check(header, found, str(path))
    return mapped(path, header, header.size)


def read_header(file: IO[bytes], where: str) -> Header:
    """The header at the start of `file`, which is left behind it; anything else there is an `InputError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # files of Python 2
            version = np.lib.format.read_magic(file)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, fortran, dtype = read(file)
        shape = tuple(int(size) for size in shape)
    except zipfile.BadZipFile:
        raise
    except Exception as error:  # whatever a hostile header makes of the parser
        raise InputError(f"{where}: is no array of NumPy ({line(error)}); save it again with np.save") from None
    return Header(shape, "F" if fortran else "C", dtype, file.tell())


def check(header: Header, found: int, where: str) -> None:
    """Refuse what is not numbers, has no pixel, or another size than the `found` bytes."""
    if header.dtype.kind not in "biuf" or header.dtype.itemsize == 0:
        what = "Python objects" if header.dtype.hasobject else str(header.dtype)[:60]
        raise InputError(f"{where}: holds {what}; expected an array of integers or floats: save the pixels alone")
    check_size(header, found, where)


def check_size(header: Header, found: int, where: str) -> None:
    """Refuse a shape without pixels, and another size than the `found` bytes."""
    if len(header.shape) > _MAX_DIMENSIONS or any(size < 1 for size in header.shape):
        raise InputError(f"{where}: has shape {_shown(header.shape)}; expected some pixels: save it again")
    if header.nbytes != found:
        raise InputError(
            f"{where}: is damaged: its header says {_shown(header.shape)} {header.dtype}, but it holds {found} bytes "
            "instead; copy the file again"
        )


def mapped(path: Path, header: Header, offset: int) -> Array:
    """The numbers that begin at `offset` of a file, read when they are needed."""
    order: Any = header.order
    try:
        array = np.memmap(path, dtype=header.dtype, mode="r", offset=offset, shape=header.shape, order=order)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be mapped ({line(error)}); allow more memory, or copy it again") from None
    return array.view(np.ndarray)


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{size:.6g}" if abs(size) > 10**12 else str(size) for size in shape[:_MAX_DIMENSIONS]) or "()"


def line(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())[:160] or type(error).__name__
