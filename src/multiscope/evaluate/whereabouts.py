"""Where proteins are, for comparing within places; and which standards say the same as the labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from multiscope import config
from multiscope.errors import InputError
from multiscope.evaluate.controls import PLACES
from multiscope.evaluate.profiles import Profiles
from multiscope.evaluate.scoring import Scored
from multiscope.standards.standard import Standard

LABELS = "labels"
_CIRCULAR = 0.8
_IMAGES = re.compile(r"\b(images?|imaging|microscopy|fluorescence)\b", re.IGNORECASE)
_NONE = re.compile(r"\b(no|not|without|except|but)\b[\w\s]*\b(images?|imaging|microscopy)", re.IGNORECASE)


def places_of(
    tables: Sequence[Profiles], standards: Sequence[Standard], section: config.Evaluate
) -> tuple[dict[str, str], str]:
    """The places of proteins as one text each, and who says so: a standard's name, `labels`, or nothing."""
    if section.places is not None:
        chosen = [standard for standard in standards if standard.name == section.places]
        if not chosen:
            raise InputError(
                f"evaluate.places is '{section.places}', which is no standard; expected one of "
                f"{', '.join(standard.name for standard in standards) or 'none: name one under evaluate.standards'}"
            )
        return _by_term(chosen[0]), chosen[0].name
    labels = {protein: place for table in tables for protein, place in table.places.items() if place}
    if labels:
        return labels, LABELS
    compartments = [standard for standard in standards if standard.scale == "compartment"]
    return (_by_term(compartments[0]), compartments[0].name) if compartments else ({}, "")


def _by_term(standard: Standard) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, members in sorted(standard.terms.items()):
        for protein in members:
            found.setdefault(protein, []).append(name.replace("|", "/"))
    return {protein: "|".join(names) for protein, names in found.items()}


def circular(scored: Sequence[Scored], *, said_by: str) -> Mapping[str, str]:
    """Standards whose scores say little of encoders that learned from labels, and why.

    Because the standard rests on images itself, or because the places alone, the control, reach an average precision of
    0.8: an encoder that was taught these places repeats them.
    """
    whose = "the labels alone" if said_by == LABELS else f"the places of '{said_by}' alone"
    found: dict[str, str] = {}
    for each in scored:
        standard, evidence = each.against.standard, each.against.standard.evidence
        if _IMAGES.search(evidence) and not _NONE.search(evidence):
            found[standard.name] = f"its evidence is '{evidence}'"
        if each.table.encoder == PLACES:
            ap = next((score.value for score in each.found.scores if score.metric == "ap"), 0.0)
            if ap >= _CIRCULAR and standard.name != said_by:
                found[standard.name] = f"{whose} reach an AP of {ap:.2f}"
    return found
