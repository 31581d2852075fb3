"""Files on disk: made durable, and described by their size and sha256."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypedDict


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
    """Files below `folder`, sorted; hidden ones at its top are left out.

    Snakemake leaves a time stamp there, file systems leave `.nfs*`: they are not ours.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.relative_to(folder).parts[0].startswith("."):
            yield path


def foreign_files(folder: Path) -> Iterator[Path]:
    """Files below a folder that no stage made, sorted: hidden ones too, for Zarr keeps its metadata in `.zattrs`."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith((".snakemake", ".nfs")):
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
    finally:
        os.close(descriptor)


def write_synced(path: Path, text: str) -> None:
    """Write `text` and wait until it is on disk."""
    path.write_text(text, encoding="utf-8")
    sync(path)


def full_disk(error: BaseException | None) -> str | None:
    """How the system says that there is no room, if that is what `error` is about."""
    while error is not None:
        for number in (errno.ENOSPC, errno.EDQUOT):
            # tensorstore, pyarrow and safetensors say it in the text of errors of other kinds
            if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
                return os.strerror(number)
        error = error.__context__  # torch stumbles over its own clean-up
    return None
