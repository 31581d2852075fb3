"""Id spaces: what kind of names a set of ids are, told from how they look."""

from __future__ import annotations

import re
from collections.abc import Iterable

from multiscope.standards.standard import UNKNOWN

YEAST_ORF = "yeast systematic ORF"
YEAST_SYMBOL = "yeast symbol"
HUMAN_SYMBOL = "human symbol"
UNIPROT = "UniProt accession"
ENSEMBL = "Ensembl gene"
ENTREZ = "Entrez"
SGDID = "SGDID"

# UniProt's own pattern of accessions (uniprot.org/help/accession_numbers), with an isoform or a chain behind
_ACCESSION = r"(?:[OPQ]\d[A-Z0-9]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z0-9]{2}\d){1,2})(?:-\d+|-PRO_\d+)?"
_FORMS = {
    YEAST_ORF: re.compile(r"(?:Y[A-P][LR]\d{3}[WC](?:-[A-Z])?|[QR]0\d{3})", re.IGNORECASE | re.ASCII),
    UNIPROT: re.compile(_ACCESSION, re.ASCII),
    ENSEMBL: re.compile(r"ENS[A-Z]{0,4}G\d{11}(?:\.\d+)?", re.ASCII),
    ENTREZ: re.compile(r"\d+", re.ASCII),
    SGDID: re.compile(r"(?:SGD:)?[SL]\d{9}", re.ASCII),
    # three letters and a number, after the rules of yeast geneticists
    YEAST_SYMBOL: re.compile(r"[A-Z]{3}\d{1,3}(?:-?[A-Z])?", re.IGNORECASE | re.ASCII),
    HUMAN_SYMBOL: re.compile(r"[A-Z](?:[A-Z0-9-]+|\d+orf\d+)", re.ASCII),
}
_MOST = 0.7


def looks_like(ids: Iterable[str]) -> str:
    """The id space that most of `ids` look like: one of the names above, or `unknown`.

    A tenth of human symbols also look like yeast's, so single ids say little: at least 70 % have to fit. Yeast genes
    without a symbol go by their ORF, so ORFs count as symbols where symbols are in the majority.
    """
    names = {name.strip() for name in ids}
    fitting = {space: {name for name in names if form.fullmatch(name)} for space, form in _FORMS.items()}
    if len(fitting[YEAST_SYMBOL]) > len(fitting[YEAST_ORF]):
        fitting[YEAST_SYMBOL] |= fitting[YEAST_ORF]
    for space, members in fitting.items():  # strict forms come first
        if names and len(members) >= _MOST * len(names):
            return space
    return UNKNOWN


def is_accession(name: str) -> bool:
    """Whether `name` is a UniProt accession."""
    return _FORMS[UNIPROT].fullmatch(name) is not None
