"""Standards in other names: members renamed by a table of genes, everything lost on the way counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from multiscope.errors import InputError
from multiscope.standards.annotations import NO_MEMBERS
from multiscope.standards.genes import GeneNames, looks_like
from multiscope.standards.pairs import pair_terms
from multiscope.standards.standard import Standard

HALF = "pairs with one name left"


def translate(standard: Standard, genes: GeneNames, *, to: Literal["systematic", "symbol"]) -> Standard:
    """The standard with members renamed to systematic names or symbols (systematic where a gene has no symbol).

    Names that no gene or several genes have are left out; two names of one gene become one. `losses` counts distinct
    names by reason, and terms of which nothing is left. A standard of which nothing is left is an `InputError`.
    """
    if to == "symbol" and not genes.has_symbols:
        raise InputError(f"standard '{standard.name}': its 'genes' have no symbols; use id_type: systematic")
    resolved = genes.resolve(sorted(standard.proteins))
    renamed = {name: genes.name_of(gene, to) for name, gene in resolved.genes.items()}
    _check_some(standard, genes, renamed)
    losses = Counter({**standard.losses})
    losses.update({why: count for why, count in resolved.counts.items() if count})
    if merged := len(renamed) - len(set(renamed.values())):
        losses["further names of a gene"] += merged
    terms = (_pairs if standard.pairs else _terms)(standard, renamed, losses)
    return replace(standard, terms=terms, losses=dict(losses), id_type=looks_like(renamed.values()))


def _terms(standard: Standard, renamed: Mapping[str, str], losses: Counter[str]) -> dict[str, frozenset[str]]:
    terms = {
        term: frozenset(renamed[member] for member in members if member in renamed)
        for term, members in standard.terms.items()
    }
    if empty := sum(not members for members in terms.values()):
        losses[NO_MEMBERS] += empty
    return {term: members for term, members in terms.items() if members}


def _pairs(standard: Standard, renamed: Mapping[str, str], losses: Counter[str]) -> dict[str, frozenset[str]]:
    whole = [members for members in standard.terms.values() if all(member in renamed for member in members)]
    if half := len(standard.terms) - len(whole):
        losses[HALF] += half
    return pair_terms(((renamed[first], renamed[second]) for first, second in whole), losses)


def _check_some(standard: Standard, genes: GeneNames, renamed: Mapping[str, str]) -> None:
    if renamed:
        return
    members, known = looks_like(standard.proteins), looks_like(gene.systematic for gene in genes.genes)
    raise InputError(
        f"standard '{standard.name}': none of its {len(standard.proteins)} members (they look like: {members}) is in "
        f"its 'genes' (which look like: {known}); name a table of genes that has both"
    )
