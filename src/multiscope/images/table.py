"""Tables that people write, CSV or TSV: every fault named with its line."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from multiscope.errors import InputError
from multiscope.images.bounded import read_bounded

_MAX_BYTES = 2**26
_MAX_COLUMNS = 1000
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    where: str
    """`sheet.csv: line 7`."""
    cells: dict[str, str]
    """The cell of every column that is used, without blanks around it; empty where the table has no such column."""

    def __getitem__(self, column: str) -> str:
        return self.cells[column]


@dataclass(frozen=True)
class Table:
    """What a table says."""

    path: Path
    columns: tuple[str, ...]
    """Columns that are used, as they stand in the table."""
    unused: tuple[str, ...]
    """Columns that nobody asked for."""
    rows: list[Row]


def read_table(
    path: Path, *, required: Sequence[str], optional: Sequence[str] = (), may_be_empty: Collection[str] = ()
) -> Table:
    """Read a table in UTF-8 whose first line names the columns; `,`, `;` and tabs separate cells.

    Columns in `required` must be there, and their cells filled unless they `may_be_empty`. Columns beyond these and
    the `optional` are left alone, unless one looks like a misspelt one. Any fault is an `InputError` with its line.
    """
    text = _text(path)
    delimiter = _delimiter(text, [*required, *optional])
    lines = _lines(text, delimiter, path)
    if not lines:
        raise InputError(f"{path}: is empty; expected a line with the columns {', '.join(required)}, then rows")
    at, header = lines[0]
    names = [name.strip().lower() for name in header]
    _check_header(names, f"{path}: line {at}", required, optional)
    rows = [_row(cells, names, [*required, *optional], f"{path}: line {number}") for number, cells in lines[1:]]
    if not rows:
        raise InputError(f"{path}: has no rows below its header; add some")
    for row in rows:
        for column in required:
            if not row[column] and column not in may_be_empty:
                raise InputError(f"{row.where}: has nothing in the column '{column}'; fill it, or remove the row")
    used = tuple(name for name in names if name in (*required, *optional))
    return Table(path, used, tuple(name for name in names if name and name not in used), rows)


def _text(path: Path) -> str:
    content = read_bounded(path, limit=_MAX_BYTES, where=str(path), instead="cut the table into parts")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(content[: error.start + 1].splitlines())
        raise InputError(f"{path}: line {line}: is not UTF-8; save the table as 'CSV UTF-8'") from None


def _delimiter(text: str, known: list[str]) -> str:
    """The sign that makes most known columns of the first line; the first of these where several do."""
    first = next((line for line in text.splitlines() if line.strip()), "")

    def columns(delimiter: str) -> tuple[int, int]:
        names = [name.strip(' "').lower() for name in first.split(delimiter)]
        return sum(name in known for name in names), len(names)

    return max(_DELIMITERS, key=columns)


def _lines(text: str, delimiter: str, path: Path) -> list[tuple[int, list[str]]]:
    """Number of the first line and the cells of each row; rows without any cell filled are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((before + 1, cells))
            before = reader.line_num
    except csv.Error as error:
        raise InputError(f"{path}: line {before + 1}: cannot be read ({error}); mend its quotes") from None
    return found


def _check_header(names: list[str], where: str, required: Sequence[str], optional: Sequence[str]) -> None:
    known = [*required, *optional]
    if len(names) > _MAX_COLUMNS:
        raise InputError(f"{where}: has {len(names)} columns; expected up to {_MAX_COLUMNS}")
    for name in names:
        if name and names.count(name) > 1:
            raise InputError(f"{where}: has two columns {name!r}; remove or rename one")
        lacking = [column for column in known if column not in names]
        near = difflib.get_close_matches(name, lacking, n=1, cutoff=0.75)
        if name not in known and near:
            raise InputError(f"{where}: has an unknown column {name!r}; did you mean '{near[0]}'?")
    missing = [column for column in required if column not in names]
    if missing:
        there = ", ".join(repr(name) for name in names[:8])
        raise InputError(f"{where}: has no column '{missing[0]}' (but {there}); add it, or mend the header")


def _row(cells: list[str], names: list[str], known: list[str], where: str) -> Row:
    if len(cells) != len(names):
        raise InputError(
            f"{where}: has {len(cells)} cells, but the header names {len(names)} columns; expected as many: mend it, "
            "with quotes around cells that hold the separator"
        )
    filled = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
    if filled.get(""):
        raise InputError(f"{where}: has {filled['']!r} in a column without a name; name the column, or clear the cell")
    for name in known:
        if not filled.get(name, "").isprintable():
            raise InputError(f"{where}: has a line break or another sign that cannot be shown in '{name}'; remove it")
    return Row(where, {name: filled.get(name, "") for name in known})
