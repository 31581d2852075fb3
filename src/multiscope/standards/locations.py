"""Tables of locations: a gene a row, where it is in one or more columns (Huh et al. 2003, the Human Protein Atlas).

Columns are parted by tabs or commas; in ProCope's copy of Huh 2003 the first blank parts gene and locations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from multiscope import config
from multiscope.config.faults import did_you_mean
from multiscope.errors import InputError
from multiscope.standards.annotations import Annotations
from multiscope.standards.id_space import ENSEMBL, HUMAN_SYMBOL, YEAST_ORF
from multiscope.standards.standard import UNKNOWN
from multiscope.standards.taxon import HUMAN, YEAST
from multiscope.standards.text_file import TextFile, shown

_RELIABILITY = "Reliability"
_ROWS = "as many columns as the first line has"
_SEPARATORS = (";", "|", ",")


@dataclass(frozen=True)
class _Known:
    """A published table whose columns are known."""

    symbol: str
    systematic: str
    places: tuple[str, ...]
    organism: str
    symbols_are: str
    systematic_are: str


_HUH = _Known("yORF", "yORF", ("localization summary",), YEAST, YEAST_ORF, YEAST_ORF)
_ATLAS = _Known("Gene name", "Gene", ("Main location", "Additional location"), HUMAN, HUMAN_SYMBOL, ENSEMBL)


def parse_locations(file: TextFile, section: config.StandardFile) -> Annotations:
    """Genes by location; genes without a location are counted, and rows of a reliability that `section` drops."""
    header, rows = _table(file)
    found, gene, names = _columns(header, section)
    places = [_index(file, header, name) for name in names]
    if not places:
        raise InputError(f"{file.path}: has columns {shown(', '.join(header))}; name 'location_columns'")
    located = list(_located(file, rows, _index(file, header, gene), places, found, _dropped(file, header, section)))
    for value in section.drop_evidence:
        if _loss(value) not in found.losses:
            raise InputError(f"{file.path}: drop_evidence: no row has {_RELIABILITY} {shown(value)}; remove it")
    separator = section.separator or _separator(said for _, said in located)
    for name, said in located:
        parts = said.replace(separator, "\n").split("\n") if separator else said.split("\n")
        locations = list(filter(None, (part.strip() for part in parts)))
        found.losses["genes without a location"] += not locations
        for location in locations:
            found.add(location, [name])
    return found


def split_header(line: str) -> list[str]:
    """Headers of the columns, which are parted by tabs, commas or the first blank."""
    parts = line.split(_delimiter(line)) if "\t" in line or "," in line else line.split(" ", 1)
    return [part.strip() for part in parts]


def is_known(header: list[str]) -> bool:
    """Whether it is the header of Huh 2003 or of the Human Protein Atlas."""
    return any({known.symbol, *known.places} <= set(header) for known in (_HUH, _ATLAS))


def _delimiter(line: str) -> str:
    return "\t" if "\t" in line else ","


def _table(file: TextFile) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    _, first = next(file.lines(), (1, ""))
    if "\t" in first or "," in first:
        return file.table(_delimiter(first), expected=_ROWS)
    lines = ((number, [cell.strip() for cell in line.partition(" ")[::2]]) for number, line in file.lines())
    return next(lines, (1, [""]))[1], lines


def _columns(header: list[str], section: config.StandardFile) -> tuple[Annotations, str, list[str]]:
    """What is known of the table, its column of genes and its columns of locations."""
    known = next((known for known in (_HUH, _ATLAS) if {known.symbol, *known.places} <= set(header)), None)
    others = [name for name in header[1:] if len(header) == 2]
    if known is None:
        return Annotations(), section.gene_column or header[0], section.location_columns or others
    systematic = section.genes is not None or section.id_type == "systematic"
    gene, ids = (known.systematic, known.systematic_are) if systematic else (known.symbol, known.symbols_are)
    found = Annotations(organism=known.organism, evidence="images")
    found.id_type = UNKNOWN if section.gene_column else ids
    return found, section.gene_column or gene, section.location_columns or list(known.places)


def _index(file: TextFile, header: list[str], name: str) -> int:
    if header.count(name) != 1:
        what = "no column" if name not in header else "more than one column"
        raise InputError(f"{file.path}: has {what} {shown(name)}{did_you_mean(name, header)[:200]}")
    return header.index(name)


def _dropped(file: TextFile, header: list[str], section: config.StandardFile) -> tuple[int, frozenset[str]]:
    """The column of the reliability and its values that are dropped."""
    if not section.drop_evidence:
        return 0, frozenset()
    return _index(file, header, _RELIABILITY), frozenset(section.drop_evidence)


def _located(
    file: TextFile,
    rows: Iterable[tuple[int, list[str]]],
    gene: int,
    places: list[int],
    found: Annotations,
    dropped: tuple[int, frozenset[str]],
) -> Iterator[tuple[str, str]]:
    """Genes and what the rows say of their places, a row and column each."""
    for number, row in rows:
        if not row[gene]:
            raise file.fault(number, f"has no gene ({shown(' '.join(row))})", "a gene in each row")
        said = row[dropped[0]]
        if said in dropped[1]:
            found.losses[_loss(said)] += 1
        else:
            yield row[gene], "\n".join(row[place] for place in places)


def _loss(value: str) -> str:
    return f"rows of reliability {value}"


def _separator(said: Iterable[str]) -> str:
    text = "\n".join(said)
    return next((sign for sign in _SEPARATORS if sign in text), "")
