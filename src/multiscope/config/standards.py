"""Standards of known biology: which file, and how it is read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from multiscope.config.section import Name, Scale, Section

StandardFormat = Literal[
    "auto",
    "gmt",
    "pairs",
    "gaf",
    "go_slim",
    "sgd_pathways",
    "complex_portal",
    "member_lists",
    "locations",
    "term_table",
]


def _as_text(value: object) -> object:
    """YAML reads `4932` as a number and `2026-01-31` as a date."""
    return str(value) if isinstance(value, int | float | date) and not isinstance(value, bool) else value


_Text = Annotated[str, BeforeValidator(_as_text)]
Relation = Literal["is_a", "part_of"]


class StandardFile(Section):
    """How a file of terms and members is read."""

    format: StandardFormat = "auto"
    """Format of the file (docs/standards.md); `auto` finds it out from the content."""
    aspect: Literal["C", "F", "P"] | None = None
    """Of `gaf` and `go_slim`: cellular component, molecular function or biological process. None: C for compartments
    and complexes, P for processes and pathways."""
    gene_column: str | None = None
    """Of `locations`: header of the column of genes. None: known for Huh 2003 and the Human Protein Atlas, else the
    first."""
    location_columns: list[str] = []
    """Of `locations`: headers of the columns of locations. None given: known for Huh 2003 and the Human Protein Atlas,
    else the second of two."""
    separator: Annotated[str, Field(min_length=1, max_length=3)] | None = None
    """Of `locations`: what stands between several locations. None: the first of ; | , that occurs."""
    drop_evidence: list[str] = []
    """Rows of these kinds of evidence are left out: GO's codes in `gaf` (such as IEA), values of a column
    `Reliability` in `locations` (such as Uncertain)."""
    drop_terms: list[str] = []
    """Terms that are left out, by id or title (such as `ambiguous`)."""
    ontology: Path | None = None
    """OBO or OWL file along which members are handed on to wider terms; terms need its ids."""
    propagate: Annotated[list[Relation], Field(min_length=1)] = ["is_a", "part_of"]
    """Relations of the ontology that members are handed on along."""
    drop_roots: bool = True
    """Leave out the roots of GO and of `ontology`, which hold whatever nothing is known of."""
    genes: Path | None = None
    """Table of gene names by which members are renamed: SGD's features, HGNC's complete set, or two columns."""
    id_type: Literal["systematic", "symbol"] | None = None
    """What profiles call proteins: systematic names (ORFs, Ensembl genes) or symbols. None: symbols, where the file or
    `genes` has them."""
    organism: _Text | None = None
    """NCBI taxon id. Of files of several organisms, the one whose rows are read."""
    release: _Text | None = None
    """Date or version of the file."""
    licence: _Text | None = None
    """Licence of the file."""
    evidence: _Text | None = None
    """What kind of data the terms rest on, such as images, curation, mass spectrometry."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Of the file as it lies there; another file is refused."""


class Standard(StandardFile):
    """A dated set of terms with their member proteins."""

    path: Path
    """The file, which may be gzipped; a `.yaml` of the same name beside it says what is known of it."""
    scale: Scale
    """Scale of biology that its terms stand for."""


class Standards(Section):
    """Standards that are used outside of the workflow."""

    standards: Annotated[dict[Name, Standard], Field(min_length=1)]
    """Standards by name, as in `evaluate.standards`."""
