"""GAF 2.x: annotations of the Gene Ontology (geneontology.org/docs/go-annotation-file-gaf-format-2.2).

Columns that are read, from 1: 3 symbol, 4 qualifier, 5 GO id, 7 evidence code, 9 aspect, 13 taxon.
"""

from __future__ import annotations

from multiscope import config
from multiscope.errors import InputError
from multiscope.standards.annotations import Annotations
from multiscope.standards.taxon import Taxa
from multiscope.standards.text_file import TextFile, shown

ROOTS = ("GO:0005575", "GO:0003674", "GO:0008150")
# geneontology.org/docs/guide-go-evidence-codes
CODES = (
    *("EXP", "IDA", "IPI", "IMP", "IGI", "IEP", "HTP", "HDA", "HMP", "HGI", "HEP"),
    *("IBA", "IBD", "IKR", "IRD", "ISS", "ISO", "ISA", "ISM", "IGC", "RCA"),
    *("TAS", "NAS", "IC", "ND", "IEA"),
)
_ROWS = "the 15 to 17 columns of a GO annotation file, with tabs between"
# what microscopes saw is in it too, such as the yeast GFP collection (HDA)
EVIDENCE = {"C": "curation, images among it", "F": "curation", "P": "curation"}


def parse_gaf(file: TextFile, section: config.StandardFile) -> Annotations:
    """Symbols by GO id, of the aspect and organism of `section`, without the evidence codes that it drops.

    Annotations that say NOT are left out. Rows of several organisms need one to be chosen.
    """
    _check_codes(section)
    found = Annotations(evidence=EVIDENCE.get(section.aspect or "", "curation, images among it"))
    taxa = Taxa(file, section.organism)
    for number, row in file.rows(columns=(15, 17), expected=_ROWS, comment="!"):
        symbol, qualifier, term, code, aspect, taxon = (row[column] for column in (2, 3, 4, 6, 8, 12))
        if not symbol or not term or aspect not in ("C", "F", "P") or not taxon.startswith("taxon:"):
            raise file.fault(number, f"is no annotation ({shown(' '.join(row[:9]))})", _ROWS)
        why = _why_not(section, qualifier, code, aspect)
        if why is None and taxa.takes(taxon.removeprefix("taxon:").split("|")[0]):
            found.add(term, [symbol])
        elif why is not None:
            found.losses[why] += 1
    found.organism = taxa.one(found.losses)
    return found


def _why_not(section: config.StandardFile, qualifier: str, code: str, aspect: str) -> str | None:
    """Why a row is left out, if it is."""
    if section.aspect is not None and aspect != section.aspect:
        return "rows of other aspects"
    if "NOT" in qualifier.upper().split("|"):
        return "rows that say NOT"
    return f"rows of evidence {code}" if code in section.drop_evidence else None


def _check_codes(section: config.StandardFile) -> None:
    for code in section.drop_evidence:
        if code not in CODES:
            known = ", ".join(CODES)
            raise InputError(f"drop_evidence: {shown(code)} is no evidence code of GO; expected some of {known}")
