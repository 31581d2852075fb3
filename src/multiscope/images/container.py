"""Folders and zip archives of files that came from elsewhere: listed and read in place, never unpacked."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from multiscope.errors import InputError

_MEMBER_BYTES = 2**30 + 2**20
_TOTAL_BYTES = 2**36
_ENCRYPTED = 0x1


class Container(Protocol):
    """Files by name."""

    path: Path
    names: list[str]
    """Sorted paths within, with `/`; hidden files and links in archives are left out."""

    def read(self, name: str) -> Path | bytes:
        """Where to read a file from: its path, or its content."""

    def where(self, name: str) -> str:
        """How to name a file in a message."""


class Folder:
    """All files below a folder."""

    def __init__(self, path: Path) -> None:
        """List the folder."""
        self.path = path
        found = (Path(at, name).relative_to(path).as_posix() for at, _, files in os.walk(path) for name in files)
        self.names = sorted(name for name in found if _visible(name))

    def read(self, name: str) -> Path:
        """The file's path."""
        return self.path / name

    def where(self, name: str) -> str:
        """The file's path."""
        return str(self.path / name)


class Archive:
    """The files in an open zip archive."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        """List the archive."""
        self.path, self._file = path, file
        self._members = {m.filename: m for m in file.infolist() if _is_file(m) and _visible(m.filename)}
        self.names = sorted(self._members)
        self._taken = 0

    def read(self, name: str) -> bytes:
        """The content of a member, checked against its CRC; bounded in size, one by one and together."""
        member = self._members[name]
        self._taken += member.file_size
        if member.file_size > _MEMBER_BYTES or self._taken > _TOTAL_BYTES:
            raise InputError(
                f"{self.where(name)}: is too large unpacked ({member.file_size} bytes, {self._taken} with those before "
                f"it; expected up to {_MEMBER_BYTES} and {_TOTAL_BYTES}); unpack the archive and name the folder"
            )
        if member.flag_bits & _ENCRYPTED:
            raise InputError(f"{self.where(name)}: is encrypted; make the archive without a password")
        try:
            return self._file.read(member)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, ValueError) as error:
            raise InputError(
                f"{self.where(name)}: cannot be unpacked ({_line(error)}); copy the archive again"
            ) from None

    def where(self, name: str) -> str:
        """`archive.zip: member`; control characters of the foreign name are made visible."""
        return f"{self.path}: {ascii(name)[1:-1]}"


@contextmanager
def open_container(path: Path, *, key: str) -> Iterator[Container]:
    """Open the folder or zip archive that the config names under `key`."""
    if path.is_dir():
        yield Folder(path)
        return
    if not path.is_file():
        raise InputError(f"{path}: does not exist; name an existing folder or zip archive under {key}")
    try:
        file = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"{path}: is no whole zip archive ({_line(error)}); name a folder or a zip archive under {key}"
        ) from None
    with file:
        yield Archive(path, file)


def _is_file(member: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(member.external_attr >> 16)
    return not member.is_dir() and kind in (0, stat.S_IFREG)


def _visible(name: str) -> bool:
    return not any(part == "__MACOSX" or (part.startswith(".") and part != "..") for part in name.split("/"))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
