"""The part of a standard that profiles can be scored against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from multiscope.errors import InputError
from multiscope.standards.id_space import looks_like
from multiscope.standards.standard import UNKNOWN, Standard


@dataclass(frozen=True)
class ProfiledTerms:
    """Terms of a standard that are neither too small nor too large among the profiled proteins."""

    standard: str
    """Its name."""
    terms: dict[str, frozenset[str]]
    """Name to profiled members."""
    proteins: list[str]
    """Profiled members of these terms, sorted."""
    n_too_small: int
    n_too_large: int

    @cached_property
    def member(self) -> sparse.csr_matrix:
        """Which protein (row) is in which term (column), float32 ones."""
        row = {protein: number for number, protein in enumerate(self.proteins)}
        ends = np.cumsum([len(term) for term in self.terms.values()])
        rows = np.fromiter((row[each] for term in self.terms.values() for each in sorted(term)), int, ends[-1])
        ones = np.ones(ends[-1], dtype=np.float32)
        shape = (len(self.proteins), len(self.terms))
        return sparse.csc_matrix((ones, rows, np.append(0, ends)), shape=shape).tocsr()


def profiled_terms(
    standard: Standard, proteins: Sequence[str], *, min_term_size: int, max_term_size: int
) -> ProfiledTerms:
    """Terms with `min_term_size` to `max_term_size` members among `proteins`.

    None left, or a protein twice, is an `InputError`.
    """
    profiled = frozenset(proteins)
    if len(profiled) != len(proteins):
        twice = next(protein for protein in proteins if list(proteins).count(protein) > 1)
        raise InputError(f"protein '{twice}' has more than one profile; average them to one row a protein")
    if not profiled & standard.proteins:
        raise InputError(_nothing_shared(standard, profiled))
    members = {name: term & profiled for name, term in standard.terms.items()}
    kept = {name: term for name, term in members.items() if min_term_size <= len(term) <= max_term_size}
    too_small = sum(len(term) < min_term_size for term in members.values())
    if not kept:
        raise InputError(
            f"standard '{standard.name}': none of its {len(members)} terms has {min_term_size} to {max_term_size} "
            f"profiled members ({too_small} have fewer); change these limits or take a fitting standard"
        )
    universe = sorted(frozenset().union(*kept.values()))
    return ProfiledTerms(standard.name, kept, universe, too_small, len(members) - len(kept) - too_small)


def _nothing_shared(standard: Standard, profiled: frozenset[str]) -> str:
    def said(ids: frozenset[str]) -> str:
        space = looks_like(ids)
        of_space = "" if space == UNKNOWN else f" that look like {space} names"
        return f"{len(ids)}{of_space}" + (f", e.g. '{min(ids)}'" if ids else "")

    return (
        f"standard '{standard.name}' has none of the profiled proteins: {said(standard.proteins)}, in the standard, "
        f"{said(profiled)}, profiled; use the same ids, or name a table of gene names as its `genes`"
    )
