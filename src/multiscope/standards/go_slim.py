"""SGD's go_slim_mapping.tab: ORF, gene, SGDID, aspect, GO slim term, GO id, type of feature."""

from __future__ import annotations

from multiscope import config
from multiscope.standards.annotations import Annotations
from multiscope.standards.gaf import EVIDENCE
from multiscope.standards.id_space import YEAST_ORF, YEAST_SYMBOL
from multiscope.standards.taxon import YEAST
from multiscope.standards.text_file import TextFile, shown

_ROWS = "ORF, gene, SGDID, aspect, term, GO id and type with tabs between"


def parse_go_slim(file: TextFile, section: config.StandardFile) -> Annotations:
    """Genes by GO id, of one aspect; rows of protein complexes, which are no genes, are left out.

    Members are symbols (an ORF's name where it has none), systematic names where `section` asks for these or renames
    genes itself.
    """
    systematic = section.genes is not None or section.id_type == "systematic"
    found = Annotations(organism=YEAST, id_type=YEAST_ORF if systematic else YEAST_SYMBOL)
    found.evidence = EVIDENCE.get(section.aspect or "", "curation, images among it")
    for number, row in file.rows(columns=(7, 7), expected=_ROWS, latin1=True):
        orf, symbol, _, aspect, title, term, kind = row
        if not orf or not (title or term) or aspect not in ("C", "F", "P"):
            raise file.fault(number, f"is no row of a GO slim mapping ({shown(' '.join(row))})", _ROWS)
        if kind == "protein complex":
            found.losses["rows of protein complexes"] += 1
        elif section.aspect is not None and aspect != section.aspect:
            found.losses["rows of other aspects"] += 1
        else:
            found.add(term or title, [orf if systematic else symbol or orf], title)
    return found
