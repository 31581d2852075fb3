"""Tables of terms: term, number of genes, genes with commas between (MuSIC's GO terms)."""

from __future__ import annotations

from multiscope import config
from multiscope.standards.annotations import Annotations
from multiscope.standards.text_file import TextFile, shown

_ROWS = "term, number of genes and genes with commas between, in columns with tabs between"


def parse_term_table(file: TextFile, section: config.StandardFile) -> Annotations:
    """Genes by term; the number has to be that of the genes, a comma behind the last is allowed."""
    found = Annotations()
    for number, row in file.rows(columns=(3, 3), expected=_ROWS):
        term, size, listed = row
        genes = [gene.strip() for gene in listed.removesuffix(",").split(",")]
        if not term or "" in genes:
            raise file.fault(number, f"has no term or an empty gene ({shown(' '.join(row))})", _ROWS)
        if not (size.isascii() and size.isdigit() and size.lstrip("0") == str(len(genes))):
            raise file.fault(number, f"says {shown(size)} genes and has {len(genes)}", "the number of its genes")
        if term in found.terms:
            raise file.fault(number, f"has term {shown(term)} a second time", "each term once")
        found.add(term, genes)
    return found
