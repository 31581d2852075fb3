"""The standards that profiles are scored against, for figures of terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from multiscope.data.labels import BETWEEN
from multiscope.standards.standard import SCALES, Standard


def places_by(standard: Standard) -> Mapping[str, str]:
    """The terms of each protein as one text."""
    found: dict[str, list[str]] = {}
    for name, members in sorted(standard.terms.items()):
        for protein in members:
            found.setdefault(protein, []).append(name)
    return {protein: BETWEEN.join(names) for protein, names in found.items()}


class Shared:
    """Which scales two proteins share: those at which they have a term in common."""

    def __init__(self, standards: Sequence[Standard], most_members: int) -> None:
        """By terms with up to `most_members` members."""
        self._terms: dict[str, set[tuple[str, str, str]]] = {}
        for standard in standards:
            for name, members in standard.terms.items():
                for protein in members if len(members) <= most_members else ():
                    self._terms.setdefault(protein, set()).add((standard.scale, standard.name, name))

    def scales(self, one: str, other: str) -> list[str]:
        """From coarse to fine."""
        common = self._terms.get(one, set()) & self._terms.get(other, set())
        return sorted({scale for scale, _, _ in common}, key=SCALES.index)
