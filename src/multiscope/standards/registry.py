"""Standards by what the configuration says of them: read, filtered, handed on to wider terms, renamed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from multiscope import config
from multiscope.config.faults import did_you_mean
from multiscope.errors import InputError
from multiscope.standards.annotations import Annotations
from multiscope.standards.complex_portal import parse_complex_portal
from multiscope.standards.gaf import ROOTS, parse_gaf
from multiscope.standards.genes import GeneNames, looks_like
from multiscope.standards.gmt import parse_gmt
from multiscope.standards.go_slim import parse_go_slim
from multiscope.standards.id_space import ENSEMBL, HUMAN_SYMBOL, YEAST_ORF, YEAST_SYMBOL
from multiscope.standards.locations import parse_locations
from multiscope.standards.member_lists import parse_member_lists
from multiscope.standards.ontology import Ontology, propagate
from multiscope.standards.pairs import parse_pairs
from multiscope.standards.recognition import recognised
from multiscope.standards.sgd_pathways import parse_sgd_pathways
from multiscope.standards.sidecar import one_of, read_sidecar, scale_of
from multiscope.standards.standard import UNKNOWN, Standard
from multiscope.standards.taxon import species
from multiscope.standards.term_table import parse_term_table
from multiscope.standards.text_file import TextFile, shown
from multiscope.standards.translation import translate

FORMATS: dict[str, Callable[[TextFile, config.StandardFile], Annotations]] = {
    "gmt": parse_gmt,
    "pairs": parse_pairs,
    "gaf": parse_gaf,
    "go_slim": parse_go_slim,
    "sgd_pathways": parse_sgd_pathways,
    "complex_portal": parse_complex_portal,
    "member_lists": parse_member_lists,
    "locations": parse_locations,
    "term_table": parse_term_table,
}
# formats that a key means something for
_KEYS = {
    "aspect": ("gaf", "go_slim"),
    "drop_evidence": ("gaf", "locations"),
    "gene_column": ("locations",),
    "location_columns": ("locations",),
    "separator": ("locations",),
}
_ASPECTS = {"compartment": "C", "complex": "C", "process": "P", "pathway": "P"}
_FITTING = {"systematic": (YEAST_ORF, ENSEMBL, UNKNOWN), "symbol": (YEAST_SYMBOL, HUMAN_SYMBOL, UNKNOWN)}


def read_standard(path: Path, *, name: str, section: config.Standard | None = None) -> Standard:
    """Read a standard and do with it what its `section` says; without one, what its sidecar and content say.

    What was dropped is counted in `losses`. Every fault of a file is an `InputError` that names the line or key.
    """
    file = TextFile.read(path)
    sidecar = read_sidecar(file)
    scale = scale_of(path, section.scale if section else None, sidecar)
    options: config.StandardFile = section or config.StandardFile()
    _check_sha256(file, options)
    kind = recognised(file, tuple(FORMATS)) if options.format == "auto" else options.format
    _check_keys(path, kind, options)
    organism = one_of(path, "organism", options.organism, sidecar)
    chosen = {"aspect": options.aspect or _ASPECTS[scale], "organism": None if organism == UNKNOWN else organism}
    annotations = FORMATS[kind](file, options.model_copy(update=chosen))
    _widen_and_drop(path, annotations, options)
    return _renamed(_standard(file, name, scale, annotations, options, sidecar), options)


def read_standards(path: Path, root: Path | None = None) -> list[Standard]:
    """Read the standards that a YAML file names under `standards`, with the keys of `evaluate.standards`.

    Its paths start from `root`, or else from the folder of the file.
    """
    listed = config.parse(config.Standards, config.read_yaml(path), str(path)).standards
    folder = path.parent if root is None else root
    return [
        read_standard(folder / each.path, name=name, section=_rooted(each, folder)) for name, each in listed.items()
    ]


def _rooted(section: config.Standard, folder: Path) -> config.Standard:
    paths = {
        key: folder / value for key in ("path", "genes", "ontology") if (value := getattr(section, key)) is not None
    }
    return section.model_copy(update=paths)


def _check_sha256(file: TextFile, options: config.StandardFile) -> None:
    if options.sha256 not in (None, file.sha256):
        raise InputError(f"{file.path}: its sha256 is {file.sha256}, not the one of the configuration; get it anew")


def _check_keys(path: Path, kind: str, options: config.StandardFile) -> None:
    for key, formats in _KEYS.items():
        if kind not in formats and getattr(options, key):
            raise InputError(f"{path}: '{key}' is for {' and '.join(formats)}, and this is {kind}; remove it")


def _widen_and_drop(path: Path, annotations: Annotations, options: config.StandardFile) -> None:
    """Hand members on along the ontology, and leave out roots and the terms that are named."""
    roots = frozenset(ROOTS)
    if options.ontology is not None:
        ontology = Ontology.read(options.ontology, options.propagate)
        propagate(annotations, ontology)
        roots |= ontology.roots
    if options.drop_roots:
        annotations.drop(sorted(roots & annotations.terms.keys()), "root terms")
    for named in options.drop_terms:
        found = [term for term in annotations.terms if named in (term, annotations.titles.get(term))]
        if not found:
            known = [*annotations.titles.values(), *annotations.terms]
            raise InputError(f"{path}: drop_terms: no term {shown(named)}{did_you_mean(named, known)[:200]}")
        annotations.drop(found, "terms that drop_terms names")


def _standard(
    file: TextFile,
    name: str,
    scale: str,
    annotations: Annotations,
    options: config.StandardFile,
    sidecar: dict[str, str],
) -> Standard:
    """What was read, and where it comes from: configuration and sidecar before what the format knows."""
    said = {key: one_of(file.path, key, getattr(options, key), sidecar) for key in ("release", "licence", "evidence")}
    terms = annotations.named()
    if not terms:
        reasons = ", ".join(f"{count} {why}" for why, count in annotations.losses.items() if count)
        raise InputError(f"{file.path}: has no term with members (left out: {reasons or 'nothing'}); check its keys")
    return Standard(
        name=name,
        scale=scale,
        terms=terms,
        organism=_organism(file.path, options, sidecar, annotations),
        id_type=_known(sidecar["id_type"], annotations.id_type, looks_like(frozenset().union(*terms.values()))),
        release=said["release"],
        licence=said["licence"],
        sha256=file.sha256,
        evidence=_known(said["evidence"], annotations.evidence),
        losses={why: count for why, count in annotations.losses.items() if count},
        pairs=annotations.pairs,
    )


def _organism(path: Path, options: config.StandardFile, sidecar: dict[str, str], annotations: Annotations) -> str:
    said, known = one_of(path, "organism", options.organism, sidecar), annotations.organism
    if UNKNOWN not in (said, known) and species(said) != species(known):
        raise InputError(f"{path}: organism is {shown(said)} here but {known} in the file; make them agree")
    return species(_known(said, known))


def _known(*values: str) -> str:
    return next((value for value in values if value != UNKNOWN), UNKNOWN)


def _renamed(standard: Standard, options: config.StandardFile) -> Standard:
    if options.genes is not None:
        return translate(standard, GeneNames.read(options.genes), to=options.id_type or "symbol")
    seen = looks_like(standard.proteins)
    if options.id_type is not None and seen not in _FITTING[options.id_type]:
        raise InputError(
            f"standard '{standard.name}': its members look like: {seen}, and id_type is {options.id_type}; "
            "name a table of names as 'genes'"
        )
    return standard
