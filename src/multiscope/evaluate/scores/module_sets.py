"""Sets of modules that do not overlap, drawn at random from the terms of a standard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multiscope.evaluate.scores.members import ProfiledTerms
from multiscope.evaluate.scores.ranking import Bools, Ints


@dataclass(frozen=True)
class ModuleSet:
    """Modules that share no protein."""

    names: list[str]
    """Sorted, so that equal sets are equal."""
    rows: Ints
    """Their proteins, rows of `ProfiledTerms.proteins`; module by module."""
    module: Ints
    """Which of `names` each protein is in, rising."""

    def part(self, keep: Bools) -> ModuleSet:
        """The modules where `keep` (n_modules,) is true."""
        names = [name for name, kept in zip(self.names, keep, strict=True) if kept]
        of_kept = keep[self.module]
        return ModuleSet(names, self.rows[of_kept], (np.cumsum(keep) - 1)[self.module[of_kept]])


def draw_modules(limits: ProfiledTerms, rng: np.random.Generator) -> ModuleSet:
    """Go through the proteins in random order and take one of the protein's modules unless a member is taken already.

    Modules have at least 2 profiled members. No protein is in two modules of the set.
    """
    row = {protein: number for number, protein in enumerate(limits.proteins)}
    terms = {name: sorted(row[each] for each in term) for name, term in sorted(limits.terms.items()) if len(term) > 1}
    of_protein: list[list[str]] = [[] for _ in limits.proteins]
    for name, members in terms.items():
        for protein in members:
            of_protein[protein].append(name)
    taken: set[int] = set()
    names = []
    for protein, pick in zip(rng.permutation(len(row)), rng.random(len(row)), strict=True):
        if not of_protein[protein]:
            continue
        name = of_protein[protein][int(pick * len(of_protein[protein]))]
        if taken.isdisjoint(terms[name]):
            taken.update(terms[name])
            names.append(name)
    names.sort()
    rows = np.array([protein for name in names for protein in terms[name]], dtype=np.int64)
    return ModuleSet(names, rows, np.repeat(np.arange(len(names)), [len(terms[name]) for name in names]))
