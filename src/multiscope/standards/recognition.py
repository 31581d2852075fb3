"""Which format a file is of, told from its first lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from multiscope.errors import InputError
from multiscope.standards import locations
from multiscope.standards.header_words import is_header_of_pairs
from multiscope.standards.id_space import looks_like
from multiscope.standards.standard import UNKNOWN
from multiscope.standards.text_file import TextFile

_LINES = 200
_GO = re.compile(r"GO:\d{7}")
_REFERENCE = re.compile(r"(?:PMID|SGD_REF):")


def recognised(file: TextFile, formats: tuple[str, ...]) -> str:
    """The format of a file's content; where it is not clear, an `InputError` that names all `formats`.

    A name that ends with `.gmt` or `.gaf` is believed, so that faults of the file are named and not its format.
    """
    suffix = Path(file.path.name.lower().removesuffix(".gz")).suffix.removeprefix(".")
    if suffix in ("gmt", "gaf"):
        return suffix
    lines = [line for _, line in islice(file.lines(latin1=True), _LINES)]
    if not lines:
        raise InputError(f"{file.path}: is empty; get it anew")
    rows = [[cell.strip() for cell in line.split("\t")] for line in lines]
    fitting = [name for name, fits in _SIGNS.items() if fits(lines, rows)]
    if not fitting:
        known = ", ".join(name for name in formats if name != "auto")
        raise InputError(f"{file.path}: its format is not clear; say 'format', one of {known}")
    return fitting[0]


def _is_gaf(lines: list[str], rows: list[list[str]]) -> bool:
    if lines[0].lower().startswith("!gaf-version"):
        return True
    data = [row for row in rows if not row[0].startswith("!")]
    return bool(data) and all(
        15 <= len(row) <= 17 and _GO.fullmatch(row[4]) and row[8] in ("C", "F", "P") for row in data
    )


def _is_go_slim(lines: list[str], rows: list[list[str]]) -> bool:
    return all(len(row) == 7 and row[3] in ("C", "F", "P") and _GO.fullmatch(row[5] or "GO:0000000") for row in rows)


def _is_sgd_pathways(lines: list[str], rows: list[list[str]]) -> bool:
    return all(len(row) == 5 for row in rows) and any(_REFERENCE.match(row[4]) for row in rows)


def _is_term_table(lines: list[str], rows: list[list[str]]) -> bool:
    return all(len(row) == 3 and row[1] == str(row[2].removesuffix(",").count(",") + 1) for row in rows)


def _is_locations(lines: list[str], rows: list[list[str]]) -> bool:
    return locations.is_known(locations.split_header(lines[0]))


def _is_member_lists(lines: list[str], rows: list[list[str]]) -> bool:
    """All fields, the first one of a line too, are names of one kind."""
    first, later = looks_like(row[0] for row in rows), looks_like(cell for row in rows for cell in row[1:] if cell)
    return first == later != UNKNOWN


def _is_gmt(lines: list[str], rows: list[list[str]]) -> bool:
    names = [row[0] for row in rows]
    return all(len(row) >= 3 for row in rows) and len(set(names)) == len(names) and _ragged(rows)


def _ragged(rows: list[list[str]]) -> bool:
    """Rows differ in length, as those of tables do not; or there are but a few."""
    return len(rows) < 3 or len({len(row) for row in rows}) > 1


_SIGNS: dict[str, Callable[[list[str], list[list[str]]], bool]] = {
    "gaf": _is_gaf,
    "complex_portal": lambda lines, rows: rows[0][0] == "#Complex ac",
    "pairs": lambda lines, rows: is_header_of_pairs([cell.strip(' "') for cell in re.split("[\t,]", lines[0].strip())]),
    "locations": _is_locations,
    "go_slim": _is_go_slim,
    "sgd_pathways": _is_sgd_pathways,
    "term_table": _is_term_table,
    "member_lists": _is_member_lists,
    "gmt": _is_gmt,
}
