"""Complex Portal's tables (ComplexTAB): one complex a row, its molecules as UniProt ids with stoichiometry."""

from __future__ import annotations

import re

from multiscope import config
from multiscope.errors import InputError
from multiscope.standards.annotations import Annotations
from multiscope.standards.id_space import UNIPROT, is_accession
from multiscope.standards.taxon import Taxa
from multiscope.standards.text_file import TextFile, shown

_ACCESSION = "#Complex ac"
_TITLE = "Recommended name"
_TAXON = "Taxonomy identifier"
_MOLECULES = "Identifiers (and stoichiometry) of molecules in complex"
# newer tables also have the members of complexes within the complex
_EXPANDED = "Expanded participant list"
_NEEDED = (_ACCESSION, _TITLE, _TAXON, _MOLECULES)
_STOICHIOMETRY = re.compile(r"\(\d+\)$")
_PART = re.compile(r"-(?:\d+|PRO_\d+)$")


def parse_complex_portal(file: TextFile, section: config.StandardFile) -> Annotations:
    """UniProt accessions by complex, without stoichiometry; isoforms and chains count as their protein.

    Molecules that are no proteins, complexes within complexes and sets of which any one may take part are counted.
    """
    found = Annotations(id_type=UNIPROT, evidence="curation")
    header, rows = file.table(expected="as many columns as the first line has")
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise InputError(f"{file.path}: has no column {shown(missing[0])}; expected a table of the Complex Portal")
    molecules = header.index(_EXPANDED if _EXPANDED in header else _MOLECULES)
    taxa = Taxa(file, section.organism)
    for number, row in rows:
        term, title, taxon = (row[header.index(name)] for name in _NEEDED[:3])
        if not term or not taxon:
            raise file.fault(number, f"is no complex ({shown(' '.join(row[:4]))})", "its accession and taxon")
        if term in found.terms:
            raise file.fault(number, f"has complex {shown(term)} a second time", "each complex once")
        if taxa.takes(taxon):
            found.add(term, _proteins(found, row[molecules]), title)
    found.organism = taxa.one(found.losses)
    return found


def _proteins(found: Annotations, molecules: str) -> set[str]:
    """Accessions in `A(1)|B-2(0)|CHEBI:1(1)`."""
    proteins = set()
    for molecule in filter(None, molecules.split("|")):
        name = _STOICHIOMETRY.sub("", molecule.strip())
        protein = _PART.sub("", name)
        if is_accession(protein):
            proteins.add(protein)
        else:
            found.losses[_what(name)] += 1
    return proteins


def _what(name: str) -> str:
    if name.startswith("CPX-"):
        return "complexes within complexes"
    return "sets of alternative proteins" if name.startswith("[") else "molecules that are no proteins"
