"""Archives from elsewhere, unpacked: no way out of the folder, no links or devices, no bombs."""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Literal, Protocol, cast

from multiscope.errors import InputError

_MOST_MEMBERS = 200_000
_MOST_RATIO = 100
_SMALL = 2**26
_MOST_BYTES = 2**38
_PIECE = 2**20
_LONGEST_PATH = 1000
_LONGEST_NAME = 255
_ENCRYPTED = 0x1
_GZIP = b"\x1f\x8b"
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What Python unpacks piece by piece: a small piece of bzip2 or LZMA may become gigabytes."""


class _Member(Protocol):
    """A file in an archive."""

    name: str
    nbytes: int

    def open(self) -> IO[bytes]:
        """Its content."""


def unpack(archive: Path, folder: Path, kind: Literal["zip", "tar"]) -> None:
    """Unpack the files of `archive` into the new or empty `folder`; what is not plain files is an `InputError`.

    The archive may hold up to 200,000 files, and unpacked 100 times its size (64 MiB at least).
    """
    bound = min(max(_MOST_RATIO * archive.stat().st_size, _SMALL), _MOST_BYTES)
    taken: set[PurePosixPath] = set()
    left = bound
    with _plain_errors(archive):
        for member in (_zip_members if kind == "zip" else _tar_members)(archive):
            path = _safe(member.name)
            if path in taken:
                raise ValueError(f"{_shown(member.name)} is there twice")
            taken.add(path)
            if member.nbytes > left:
                raise ValueError(f"unpacked it is larger than {bound} bytes")
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            left -= _copy(member, target, most=left)


def _copy(member: _Member, target: Path, *, most: int) -> int:
    done = 0
    with member.open() as source, target.open("xb") as out:
        while piece := source.read(_PIECE):
            done += len(piece)
            if done > most:
                raise ValueError("unpacked it is larger than its table of contents says")
            out.write(piece)
    if done != member.nbytes:
        raise ValueError(f"{_shown(member.name)} has {done} bytes, expected {member.nbytes}")
    return done


def _safe(name: str) -> PurePosixPath:
    """The path of a member, which stays below the folder on every system."""
    path = PurePosixPath(name)
    parts = [part for part in path.parts if part != "."]
    wrong = (
        not parts
        or path.is_absolute()
        or len(name) > _LONGEST_PATH
        or any(part == ".." or len(part.encode(errors="replace")) > _LONGEST_NAME for part in parts)
        or any(sign in name for sign in "\\:")
        or not name.isprintable()
    )
    if wrong:
        raise ValueError(f"it has a file named {_shown(name)}")
    return PurePosixPath(*parts)


def _expect_few(number: int) -> None:
    if number >= _MOST_MEMBERS:
        raise ValueError(f"it has more than {_MOST_MEMBERS} files")


class _ZipMember:
    def __init__(self, file: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        self.name, self.nbytes, self._file, self._info = info.filename, info.file_size, file, info

    def open(self) -> IO[bytes]:
        return self._file.open(self._info)


def _zip_members(archive: Path) -> Iterator[_Member]:
    size = archive.stat().st_size
    with zipfile.ZipFile(archive) as file:
        for number, info in enumerate(file.infolist()):
            _expect_few(number)
            if not 0 <= info.header_offset < size:  # Python would seek there, and fail as if the disk were broken
                raise ValueError(f"{_shown(info.filename)} is said to begin outside the file")
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ValueError(f"{_shown(info.filename)} is a link or a device")
            if info.flag_bits & _ENCRYPTED:
                raise ValueError(f"{_shown(info.filename)} is encrypted")
            if info.compress_type not in _PACKED:
                raise ValueError(f"{_shown(info.filename)} is not packed by deflate")
            if not info.is_dir():
                yield _ZipMember(file, info)


class _TarMember:
    def __init__(self, file: tarfile.TarFile, info: tarfile.TarInfo) -> None:
        self.name, self.nbytes, self._file, self._info = info.name, info.size, file, info

    def open(self) -> IO[bytes]:
        content = self._file.extractfile(self._info)
        assert content is not None
        return content


def _tar_members(archive: Path) -> Iterator[_Member]:
    with _decompressed(archive) as stream, tarfile.open(fileobj=cast(BinaryIO, _SmallReads(stream)), mode="r:") as file:
        for number, info in enumerate(file):
            _expect_few(number)
            if not (info.isdir() or info.isreg()):
                raise ValueError(f"{_shown(info.name)} is a link or a device")
            if not info.isdir():
                yield _TarMember(file, info)


def _decompressed(archive: Path) -> BinaryIO:
    with archive.open("rb") as file:
        zipped = file.read(len(_GZIP)) == _GZIP
    return cast(BinaryIO, gzip.open(archive)) if zipped else archive.open("rb")


class _SmallReads:
    """A stream that refuses to be read in one large piece, which a forged header makes tarfile do."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, n: int = -1) -> bytes:
        if not 0 <= n <= 2 * _PIECE:
            raise ValueError("it has a header that is too long")
        return self._stream.read(n)


def _shown(name: str) -> str:
    return ascii(name)[:80]


@contextmanager
def _plain_errors(archive: Path) -> Iterator[None]:
    try:
        yield
    except (
        ValueError,
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        gzip.BadGzipFile,
        EOFError,
        NotImplementedError,
        FileExistsError,
        NotADirectoryError,
        IsADirectoryError,
        RecursionError,
    ) as error:
        text = " ".join(str(error).split()).encode("ascii", "backslashreplace").decode()
        fault = text[:200] or type(error).__name__
        raise InputError(f"{archive}: cannot be unpacked: {fault}; get the archive from its authors again") from None
