"""Pairs: a table of two columns, each row two proteins that belong together (EFAAR's HuMAP, Reactome, STRING).

A pair becomes a term of two members, `A|B`, and the standard says that it is made of pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from multiscope import config
from multiscope.errors import InputError
from multiscope.standards.annotations import Annotations
from multiscope.standards.header_words import is_header
from multiscope.standards.text_file import TextFile, shown

_ROWS = "two proteins with a comma or a tab between"
SELF = "pairs of a protein with itself"
AGAIN = "pairs that were said before"


def parse_pairs(file: TextFile, section: config.StandardFile) -> Annotations:
    """Pairs of a table with or without a header; both directions of a pair are one, and one with itself is none."""
    found = Annotations(pairs=True)
    rows = file.rows(_delimiter(file), columns=(2, 2), expected=_ROWS)
    # the first row, which need not be the first line
    pairs = [_pair(file, number, row) for count, (number, row) in enumerate(rows) if count or not is_header(row)]
    found.terms = {name: set(pair) for name, pair in pair_terms(pairs, found.losses).items()}
    if not found.terms:
        raise InputError(f"{file.path}: has no pair; expected rows of {_ROWS}")
    return found


def pair_terms(pairs: Iterable[tuple[str, str]], losses: Counter[str]) -> dict[str, frozenset[str]]:
    """Terms `A|B` of pairs, each once; what is left out is counted in `losses`."""
    terms: dict[str, frozenset[str]] = {}
    for pair in pairs:
        first, second = sorted(pair)
        name = f"{first}|{second}"
        if first == second or name in terms:
            losses[SELF if first == second else AGAIN] += 1
        else:
            terms[name] = frozenset(pair)
    return terms


def _delimiter(file: TextFile) -> str:
    first = next(file.lines(), (1, ""))[1]
    return "\t" if "\t" in first else ","


def _pair(file: TextFile, number: int, row: list[str]) -> tuple[str, str]:
    first, second = row
    if not first or not second or "|" in first + second:
        raise file.fault(number, f"is no pair ({shown(f'{first} {second}')})", f"{_ROWS}, without '|' in names")
    return first, second
