"""The part of a standard that profiles can be scored against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multiscope.errors import InputError
from multiscope.standards.standard import Standard


@dataclass(frozen=True)
class ProfiledTerms:
    """Terms of a standard that are neither too small nor too large among the profiled proteins."""

    terms: dict[str, frozenset[str]]
    """Name to profiled members."""
    proteins: list[str]
    """Profiled members of these terms, sorted."""
    n_too_small: int
    n_too_large: int


def profiled_terms(
    standard: Standard, proteins: Sequence[str], *, min_term_size: int, max_term_size: int
) -> ProfiledTerms:
    """Terms with `min_term_size` to `max_term_size` members among `proteins`; none left is an `InputError`."""
    profiled = frozenset(proteins)
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
    return ProfiledTerms(kept, universe, too_small, len(members) - len(kept) - too_small)


def _nothing_shared(standard: Standard, profiled: frozenset[str]) -> str:
    def example(ids: frozenset[str]) -> str:
        return f", e.g. '{min(ids)}'" if ids else ""

    return (
        f"standard '{standard.name}' has none of the profiled proteins: {len(standard.proteins)} in the standard"
        f"{example(standard.proteins)}, {len(profiled)} profiled{example(profiled)}; check that both use the same ids"
    )
