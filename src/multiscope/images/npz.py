"""Archives of arrays, NumPy's `.npz`: sizes checked before anything is unpacked, checksums verified.

`np.savez`, and so CARE's `save_training_data`, stores its arrays uncompressed: these are mapped, and reading one image
of them costs one image. Compressed arrays are unpacked into memory, up to a limit.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.images.bounded import opened
from multiscope.images.npy import Header, check, check_size, line, mapped, read_header

Array = npt.NDArray[Any]
MAX_UNPACKED = 2**30
"""Most bytes of compressed arrays that are unpacked from one file."""
_PACKS_TO = 1032
"""No deflated byte becomes more bytes than this."""
_ENCRYPTED = 0x1
_PIECE = 2**20
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
)


class Npz:
    """The arrays in a `.npz` file by their names."""

    def __init__(self, path: Path) -> None:
        """List the arrays; what is no whole archive, or has two arrays of one name, is an `InputError`."""
        self.path = path
        try:
            with opened(path, where=str(path)):
                self._file = zipfile.ZipFile(path)  # open as long as this: its table of contents is read once
            members = [member for member in self._file.infolist() if member.filename.endswith(".npy")]
        except _FAULTS as error:
            raise InputError(f"{path}: is no whole .npz file ({line(error)}); copy it again") from None
        self._members = {member.filename.removesuffix(".npy"): member for member in members}
        if len(self._members) != len(members):
            raise InputError(f"{path}: has two arrays of one name; save it again")
        self.names = sorted(self._members)
        self._unpacked = 0

    def where(self, name: str) -> str:
        """How to name an array in a message."""
        return f"{self.path}: {ascii(name)[1:-1]}"

    def holds_numbers(self, name: str) -> bool:
        """Whether the array `name` has two or more axes of numbers, as images have."""
        header = self._header(name)
        return header.dtype.kind in "biuf" and len(header.shape) >= 2

    def array(self, name: str) -> Array:
        """The array `name`, its checksum verified: mapped where it is stored as it is, else unpacked."""
        return self.source(name)()

    def source(self, name: str) -> Callable[[], Array]:
        """How to get the array `name`, its checksum verified now: nothing is held open where it is mapped."""
        member, header = self._members[name], self._header(name)
        check(header, member.file_size - header.size, self.where(name))
        try:
            if member.compress_type == zipfile.ZIP_STORED:
                self._verify(member)
                return partial(mapped, self.path, header, self._start(member) + header.size)
            array = self._unpack(member, header)
            return lambda: array
        except _FAULTS as error:
            raise InputError(f"{self.where(name)}: is damaged ({line(error)}); copy the file again") from None

    def text(self, name: str) -> str | None:
        """The text that the array `name` holds, up to 64 characters; None where there is no such array."""
        if name not in self._members:
            return None
        header, where = self._header(name), self.where(name)
        if header.dtype.kind not in "US" or not 0 < header.nbytes <= 64 * 4:
            raise InputError(f"{where}: holds {header.dtype} {header.shape}; expected a short text: save it again")
        check_size(header, self._members[name].file_size - header.size, where)
        try:
            content = self._file.read(self._members[name])[header.size :]
        except _FAULTS as error:
            raise InputError(f"{where}: is damaged ({line(error)}); copy the file again") from None
        try:
            # one text, or an array of single characters
            pieces = np.frombuffer(content, dtype=header.dtype).tolist()
            return "".join(piece if isinstance(piece, str) else piece.decode("ascii") for piece in pieces)
        except ValueError:
            raise InputError(f"{where}: is no text; expected letters: save it again") from None

    def _header(self, name: str) -> Header:
        member, where = self._members[name], self.where(name)
        if member.flag_bits & _ENCRYPTED or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"{where}: is packed in a way that NumPy does not use; save it with np.savez")
        if member.file_size > _PACKS_TO * member.compress_size + _PIECE or (
            member.compress_type == zipfile.ZIP_STORED and member.file_size != member.compress_size
        ):
            raise InputError(f"{where}: is damaged: its sizes contradict each other; copy the file again")
        try:
            with self._file.open(member) as content:
                return read_header(content, where)
        except _FAULTS as error:
            raise InputError(f"{where}: is damaged ({line(error)}); copy the file again") from None

    def _start(self, member: zipfile.ZipInfo) -> int:
        """Where the content of a member begins in the file."""
        with self.path.open("rb") as file:
            file.seek(member.header_offset)
            n_name, n_extra = struct.unpack("<26x2H", file.read(30))
        return member.header_offset + 30 + int(n_name) + int(n_extra)

    def _verify(self, member: zipfile.ZipInfo) -> None:
        with self._file.open(member) as content:
            while content.read(_PIECE):
                pass

    def _unpack(self, member: zipfile.ZipInfo, header: Header) -> Array:
        self._unpacked += header.nbytes
        if self._unpacked > MAX_UNPACKED:
            raise InputError(
                f"{self.path}: its arrays are compressed and have {self._unpacked} bytes or more unpacked; expected up "
                f"to {MAX_UNPACKED}: save it with np.savez, not np.savez_compressed, or as .npy files"
            )
        content = bytearray(header.nbytes)
        view, done = memoryview(content), 0
        with self._file.open(member) as stream:
            stream.read(header.size)
            while some := stream.read(_PIECE):
                view[done : done + len(some)] = some
                done += len(some)
        array = np.frombuffer(content, dtype=header.dtype)
        return array.reshape(header.shape, order="F" if header.order == "F" else "C")
