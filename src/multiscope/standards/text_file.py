"""Text files of publishers: read up to a limit, unpacked up to a limit, faults named with their line."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from multiscope.errors import InputError
from multiscope.images.bounded import read_bounded

MAX_FILE_BYTES = 256 * 2**20
MAX_TEXT_BYTES = 256 * 2**20
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class TextFile:
    """A file of text, at most `MAX_TEXT_BYTES` after unpacking."""

    path: Path
    content: bytes
    """Unpacked, not decoded."""
    sha256: str
    """Of the file as it lies there, packed or not."""

    @classmethod
    def read(cls, path: Path, *, limit: int = MAX_FILE_BYTES, text_limit: int = MAX_TEXT_BYTES) -> TextFile:
        """Read a plain or gzipped file of at most `limit` bytes and `text_limit` bytes of text."""
        content = read_bounded(path, limit=limit, where=str(path), instead="cut it into several files")
        sha256 = hashlib.sha256(content).hexdigest()
        return cls(path, _unpacked(path, content, text_limit) if content.startswith(_GZIP) else content, sha256)

    def encoding(self, *, latin1: bool = False) -> str:
        """UTF-8; Latin-1 where it is no UTF-8 and `latin1` allows for it, else an `InputError`."""
        try:
            self.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            if latin1:
                return "latin-1"
            before = self.content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            number = before.count(b"\n") + 1
            raise InputError(f"{self.path}: line {number} is not UTF-8; save the file as UTF-8") from None
        return "utf-8-sig"

    def text(self) -> str:
        """The whole content."""
        return self.content.decode(self.encoding())

    def lines(self, *, latin1: bool = False) -> Iterator[tuple[int, str]]:
        """Lines that are not blank, with their numbers; they may end with LF, CR LF or CR."""
        # not splitlines(), which also splits at signs that may stand in names
        with io.TextIOWrapper(io.BytesIO(self.content), self.encoding(latin1=latin1), newline=None) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line.removesuffix("\n")

    def rows(
        self, delimiter: str = "\t", *, columns: tuple[int, int], expected: str, comment: str = "", latin1: bool = False
    ) -> Iterator[tuple[int, list[str]]]:
        """Rows of between `columns` (first, last) fields without outer blanks; another number is an error.

        Lines that start with `comment` are skipped. Fields between commas may be quoted, as CSV files have them.
        """
        for number, line in self.lines(latin1=latin1):
            if comment and line.startswith(comment):
                continue
            row = self._cells(delimiter, number, line)
            if not columns[0] <= len(row) <= columns[1] or "\0" in line:
                raise self.fault(number, f"has {len(row)} columns ({shown(line)})", expected)
            yield number, row

    def table(
        self, delimiter: str = "\t", *, expected: str, latin1: bool = False
    ) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
        """The header in the first line, and the rows below it, which have as many fields."""
        header = self.header(delimiter, latin1=latin1)
        width = (len(header), len(header))
        rows = self.rows(delimiter, columns=width, expected=expected, latin1=latin1)
        next(rows, None)
        return header, rows

    def header(self, delimiter: str = "\t", *, latin1: bool = False) -> list[str]:
        """Fields of the first line; empty for a file without lines."""
        return next((self._cells(delimiter, *line) for line in self.lines(latin1=latin1)), [])

    def fault(self, number: int, what: str, expected: str) -> InputError:
        """The error of a line."""
        return InputError(f"{self.path}: line {number} {what}; expected {expected}")

    def _cells(self, delimiter: str, number: int, line: str) -> list[str]:
        if delimiter != ",":
            return [cell.strip() for cell in line.split(delimiter)]
        try:
            return [cell.strip() for cell in next(csv.reader([line], strict=True))]
        except csv.Error:
            raise self.fault(number, f"is no CSV ({shown(line)})", "quotes in pairs, each row on one line") from None


def _unpacked(path: Path, content: bytes, limit: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            plain = file.read(limit + 1)
    except (OSError, EOFError, zlib.error):
        raise InputError(f"{path}: is damaged (no whole gzip file); get it anew") from None
    if len(plain) > limit:
        raise InputError(
            f"{path}: unpacks to more than {limit} bytes, the most that is read; cut it into several files"
        )
    return plain


def shown(text: str, length: int = 60) -> str:
    """A foreign text in quotes, on one line, cut short."""
    return ascii(text if len(text) <= length else text[: length - 3] + "...")
