"""Tables of gene names: SGD's features, HGNC's complete set and the like, or two columns.

SGD_features.tab has 16 columns: SGDID, type, qualifier, systematic name, symbol, aliases with | between, and more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from multiscope.errors import InputError
from multiscope.standards.header_words import is_header
from multiscope.standards.text_file import TextFile, shown

_SGD_ID = re.compile(r"[SL]\d{9}")
_SGD_GENE = re.compile(r"ORF|\w+_gene|pseudogene|blocked_reading_frame")
_SYSTEMATIC = ("systematic", "systematic_name", "orf", "ensembl_gene_id", "gene_stable_id", "hgnc_id")
_SYMBOL = ("symbol", "approved_symbol", "gene_symbol", "gene_name", "standard_name", "gene")
_ALIASES = (
    *("alias", "aliases", "alias_symbol", "alias_symbols", "prev_symbol", "previous_symbols", "synonyms"),
    *("hgnc_id", "entrez_id", "ncbi_gene_id", "uniprot_ids", "uniprot_accession", "sgdid"),
)
_EXPECTED = "SGD's features, a table with columns 'systematic' and 'symbol' or HGNC's, or two columns of names"


@dataclass(frozen=True)
class Gene:
    """Names of one gene."""

    systematic: str
    symbol: str = ""
    """Empty where it has none."""
    aliases: tuple[str, ...] = ()
    """Former names, synonyms and ids of databases."""


def read_genes(path: Path) -> tuple[Gene, ...]:
    """The genes of a table between tabs or commas, which may be gzipped; one of another kind is an `InputError`."""
    file = TextFile.read(path)
    delimiter = "\t" if "\t" in next(file.lines(latin1=True), (1, "\t"))[1] else ","
    header = file.header(delimiter, latin1=True)
    columns = {re.sub(r"[ _]+", "_", name.lower()): number for number, name in reversed([*enumerate(header)])}
    if len(header) == 16 and (header[0] == "SGDID" or _SGD_ID.fullmatch(header[0])):
        genes = tuple(_sgd(file))
    elif any(name in columns for name in _SYSTEMATIC) and any(name in columns for name in _SYMBOL):
        genes = tuple(_headed(file, delimiter, columns))
    elif len(header) == 2:
        genes = _two_columns(file, delimiter)
    else:
        raise InputError(f"{path}: is no table of genes ({shown(' '.join(header))}); expected {_EXPECTED}")
    if not genes:
        raise InputError(f"{path}: has no gene; expected {_EXPECTED}")
    return genes


def _sgd(file: TextFile) -> Iterator[Gene]:
    for _, row in file.rows(columns=(16, 16), expected="the 16 columns of SGD's features", latin1=True):
        sgdid, kind, _, systematic, symbol, aliases = row[:6]
        if systematic and _SGD_GENE.fullmatch(kind):
            yield Gene(systematic, symbol, (*_listed(aliases), sgdid))


def _headed(file: TextFile, delimiter: str, columns: dict[str, int]) -> Iterator[Gene]:
    _, rows = file.table(delimiter, expected="as many columns as the first line has")
    for _, row in rows:
        systematic = next((row[columns[name]] for name in _SYSTEMATIC if name in columns and row[columns[name]]), "")
        symbol = next(row[columns[name]] for name in _SYMBOL if name in columns)
        aliases = [alias for name in _ALIASES if name in columns for alias in _listed(row[columns[name]])]
        if systematic or symbol:
            yield Gene(systematic or symbol, symbol, tuple(aliases))


def _two_columns(file: TextFile, delimiter: str) -> tuple[Gene, ...]:
    """A systematic name and another: its symbol where each gene has one row, one of its aliases otherwise."""
    names: dict[str, list[str]] = {}
    for count, (number, (systematic, other)) in enumerate(file.rows(delimiter, columns=(2, 2), expected=_EXPECTED)):
        if count == 0 and is_header((systematic, other)):
            continue
        if not systematic:
            raise file.fault(number, f"has no first name ({shown(other)})", _EXPECTED)
        names.setdefault(systematic, []).append(other)
    if all(len(others) == 1 for others in names.values()):
        return tuple(Gene(systematic, symbol) for systematic, [symbol] in names.items())
    return tuple(Gene(systematic, "", tuple(filter(None, others))) for systematic, others in names.items())


def _listed(cell: str) -> list[str]:
    """Names with | or a comma and a blank between, with or without quotes."""
    parts = re.split(r"\||, ", cell.strip('"'))
    return [name for part in parts if (name := part.strip().strip('"'))]
