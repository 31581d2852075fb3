"""SGD's biochemical_pathways.tab: pathway, enzyme, EC number, gene, references."""

from __future__ import annotations

from multiscope import config
from multiscope.standards.annotations import Annotations
from multiscope.standards.id_space import YEAST_SYMBOL
from multiscope.standards.taxon import YEAST
from multiscope.standards.text_file import TextFile, shown

_ROWS = "pathway, enzyme, EC number, gene and references with tabs between"


def parse_sgd_pathways(file: TextFile, section: config.StandardFile) -> Annotations:
    """Genes by pathway; reactions without a gene, and pathways named as parts of others, are counted."""
    found = Annotations(organism=YEAST, id_type=YEAST_SYMBOL, evidence="curation")
    for number, row in file.rows(columns=(5, 5), expected=_ROWS, latin1=True):
        pathway, enzyme, _, gene, _ = row
        if not pathway:
            raise file.fault(number, f"has no pathway ({shown(' '.join(row))})", _ROWS)
        if not gene:
            part = enzyme.endswith("(Pathway)")
            found.losses["pathways within pathways" if part else "reactions without a gene"] += 1
        found.add(pathway, [gene] if gene else [])  # not split: ADE5,7 is one gene
    return found
