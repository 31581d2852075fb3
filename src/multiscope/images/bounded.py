"""Bytes of files that came from elsewhere: from plain files only, and never more than a limit."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from multiscope.errors import InputError

Source = Path | bytes | Callable[[], bytes]
"""A file, its content, or how to get its content whenever it is needed."""


@contextmanager
def opened(source: Source, *, where: str) -> Iterator[BinaryIO]:
    """Open a source for reading; a path that is no plain file is an `InputError`."""
    if not isinstance(source, Path):
        yield io.BytesIO(source if isinstance(source, bytes) else source())
        return
    if source.exists() and not source.is_file():  # opening a pipe would wait for ever
        raise InputError(f"{where}: cannot be read (it is no plain file); name an existing file")
    try:
        file = source.open("rb")
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror}); name an existing file") from None
    with file:
        yield file


def read_bounded(source: Source, *, limit: int, where: str, instead: str) -> bytes:
    """The content of a source of at most `limit` bytes; `instead` says what to do with a larger one."""
    with opened(source, where=where) as file:
        try:
            content = file.read(limit + 1)
        except OSError as error:
            raise InputError(f"{where}: cannot be read ({error.strerror}); copy the file again") from None
    if len(content) > limit:
        raise InputError(f"{where}: is larger than {limit} bytes, the most that is read; {instead}")
    return content
