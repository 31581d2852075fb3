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
from multiscope.images.natural import natural

_MEMBER_BYTES = 2**30 + 2**20
_TOTAL_BYTES = 2**36
_ENCRYPTED = 0x1
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What Python unpacks piece by piece: a small piece of bzip2 or LZMA may become gigabytes."""
_DEEPEST = 64
_ZARR_MARKERS = {"zarr.json", ".zgroup", ".zarray", ".zattrs"}


class Container(Protocol):
    """Files by name."""

    path: Path
    names: list[str]
    """Paths within, with `/`, in natural order; without hidden files, links in archives, and what is in Zarr stores."""

    def read(self, name: str) -> Path | bytes:
        """Where to read a file from: its path, or its content."""

    def where(self, name: str) -> str:
        """How to name a file in a message."""


class Folder:
    """All files below a folder."""

    def __init__(self, path: Path) -> None:
        """List the folder."""
        self.path = path
        found: list[str] = []
        self.stores: list[str] = []
        """Folders below that are Zarr stores, whose files are not listed."""
        for at, folders, files in os.walk(path):
            inside = Path(at).relative_to(path).as_posix()
            if inside != "." and (inside.endswith(".zarr") or _ZARR_MARKERS & set(files)):
                self.stores.append(inside)
                folders.clear()
                continue
            folders[:] = [name for name in folders if _visible(name)]
            found += [name if inside == "." else f"{inside}/{name}" for name in files if _visible(name)]
        self.names = sorted(found, key=path_order)
        self.stores.sort(key=path_order)

    def read(self, name: str) -> Path:
        """The file's path."""
        return self.path / name

    def where(self, name: str) -> str:
        """The file's path; control characters of a foreign name are made visible."""
        shown = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name)
        return str(self.path / shown)


class Archive:
    """The files in an open zip archive."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        """List the archive."""
        self.path, self._file = path, file
        members = [m for m in file.infolist() if _is_file(m)]
        stores = {found for m in members if (found := _store_of(m.filename))}
        self.stores = sorted((s for s in stores if not _is_below(s, stores)), key=path_order)
        self._members = {m.filename: m for m in members if _visible(m.filename) and not _is_below(m.filename, stores)}
        self.names = sorted(self._members, key=path_order)
        self._read: set[str] = set()
        self._taken = 0

    def read(self, name: str) -> bytes:
        """The content of a member, checked against its CRC; bounded in size, one by one and together."""
        member = self._members[name]
        if name not in self._read:
            self._read.add(name)
            self._taken += member.file_size
        if member.file_size > _MEMBER_BYTES or self._taken > _TOTAL_BYTES:
            raise InputError(
                f"{self.where(name)}: is too large unpacked ({member.file_size} bytes, {self._taken} with those before "
                f"it; expected up to {_MEMBER_BYTES} and {_TOTAL_BYTES}); unpack the archive and name the folder"
            )
        if member.flag_bits & _ENCRYPTED:
            raise InputError(f"{self.where(name)}: is encrypted; make the archive without a password")
        if member.compress_type not in _PACKED:
            raise InputError(f"{self.where(name)}: is not packed by 'deflate'; make the archive without bzip2 or LZMA")
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
def open_container(path: Path, *, key: str) -> Iterator[Folder | Archive]:
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


def path_order(name: str) -> list[tuple[tuple[int, int, str], ...]]:
    """Sort key of paths: natural, folder by folder."""
    return [natural(part) for part in name.split("/")]


def _store_of(name: str) -> str:
    """The Zarr store that a member tells of, going by the names of folders and of metadata files; empty if none."""
    parts = name.split("/", maxsplit=_DEEPEST)
    for depth, part in enumerate(parts[:-1], start=1):
        if part.endswith(".zarr") or parts[depth] in _ZARR_MARKERS:
            return "/".join(parts[:depth])
    return ""


def _is_below(name: str, stores: set[str]) -> bool:
    parts = name.split("/", maxsplit=_DEEPEST)
    return bool(stores) and any("/".join(parts[:depth]) in stores for depth in range(1, len(parts)))


def _is_file(member: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(member.external_attr >> 16)
    return not member.is_dir() and kind in (0, stat.S_IFREG)


def _visible(name: str) -> bool:
    return not any(part == "__MACOSX" or (part.startswith(".") and part != "..") for part in name.split("/"))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
