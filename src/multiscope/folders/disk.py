"""Files on disk: made durable, and described by their size and sha256."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict
from uuid import uuid4

_SILLY = ".nfs"
"""How NFS calls a removed file that a process still has open; it goes by itself, and not before."""
_LITTLE = 2**20


class FileRow(TypedDict):
    """A file of a folder: its path below it, with `/`."""

    path: str
    bytes: int
    sha256: str


def describe(path: Path, folder: Path) -> FileRow:
    """Size and sha256 of the file `path` somewhere below `folder`."""
    return {"path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": sha256(path)}


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def visible_files(folder: Path) -> Iterator[Path]:
    """Files below `folder`, sorted; hidden ones at its top are left out, and `.nfs*` anywhere.

    Snakemake leaves a time stamp there, file systems leave `.nfs*`: they are not ours.
    """
    for path in sorted(folder.rglob("*")):
        if is_silly(path) or path.relative_to(folder).parts[0].startswith("."):
            continue
        if path.is_file():
            yield path


def is_silly(path: Path) -> bool:
    """Whether `path` is what NFS keeps of a removed file that is still open."""
    return path.name.startswith(_SILLY)


def foreign_files(folder: Path) -> Iterator[Path]:
    """Files below a folder that no stage made, sorted: hidden ones too, for Zarr keeps its metadata in `.zattrs`."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not is_silly(path) and not path.name.startswith(".snakemake"):
            yield path


def sync_files(files: Iterable[Path], folder: Path) -> None:
    """Make `files` below `folder` survive a power failure: their content, and the names that lead to them."""
    folders = {folder}
    for path in files:
        sync(path)
        folders |= {parent for parent in path.parents if parent.is_relative_to(folder)}
    for parent in folders:
        sync(parent)


def sync(path: Path) -> None:
    """Wait until the file, or the names in the folder, `path` are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # some network file systems cannot sync a folder: they send its names as they are made
        unable = error.errno in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
        if not unable or not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise
    finally:
        os.close(descriptor)


def write_synced(path: Path, text: str) -> None:
    """Write `text` and wait until it is on disk."""
    path.write_text(text, encoding="utf-8")
    sync(path)


def share(path: Path) -> None:
    """Give a file that was made as a temporary one, for its owner alone, the permissions that the umask asks for."""
    umask = os.umask(0o077)
    os.umask(umask)
    path.chmod(0o666 & ~umask)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place when the context is left without an error.

    Whatever happens, `path` is the old file or the new one, whole.
    """
    partial = path.with_name(f".partial.{path.name}")  # the ending says to some writers what to write
    try:
        yield partial
        sync(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync(path.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder, so that its name is free.

    What another process has open NFS keeps under another name (`.nfs*`) in its folder, which then cannot go: it is
    moved aside, hidden, and removed the next time.
    """
    for left in folder.parent.glob(f".{folder.name}.*.removed"):
        shutil.rmtree(left, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        folder.rename(folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.removed"))


def full_disk(error: BaseException | None) -> str | None:
    """How the system says that there is no room, if that is what `error` is about."""
    while error is not None:
        for number in (errno.ENOSPC, errno.EDQUOT):
            # tensorstore, pyarrow and safetensors say it in the text of errors of other kinds
            if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
                return os.strerror(number)
        error = error.__context__  # torch stumbles over its own clean-up
    return None


def where_full(folder: Path) -> str:
    """Which disk has no room, that of `folder` or that of temporary files, and whether it lacks bytes or inodes."""
    for place in (folder, Path(tempfile.gettempdir())):
        found = os.statvfs(place)
        if found.f_files and not found.f_favail:
            return f"{place}: the disk has no inodes left (too many files)"
        if found.f_bavail * found.f_frsize < _LITTLE:
            return f"{place}: the disk is full"
    return f"{folder}: the disk is full"  # or one's share of it
