"""Co-annotation: do proteins that share a term have similar profiles?

Every pair of proteins is ranked by the cosine of their profiles and is positive if the two share at least one term;
the score is the average precision of that ranking (the co-annotation task of BIONIC-evals, Forster et al. 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from multiscope.errors import InputError
from multiscope.evaluate.scores.members import ProfiledTerms, profiled_terms
from multiscope.evaluate.scores.ranking import Bools, Floats, Ints, RankedPairs, cosines, interval, resample, unit_rows
from multiscope.standards.standard import Standard

_BLOCK = 2**22


@dataclass(frozen=True)
class CoAnnotation:
    """Average precision over pairs of proteins, in [0, 1]."""

    value: float
    ci_low: float
    ci_high: float
    chance: float
    """Share of positive pairs: the expected value of a ranking that knows nothing."""
    n_proteins: int
    n_terms: int
    n_positive_pairs: int


def coannotation(
    profiles: Floats,
    proteins: Sequence[str],
    standard: Standard,
    *,
    min_term_size: int,
    max_term_size: int,
    n_bootstrap: int,
    confidence: float,
    seed: int = 0,
) -> CoAnnotation:
    """Score `profiles` (n, d), one row a protein of `proteins`, against `standard`.

    Only proteins in a term of allowed size take part. The interval is a percentile bootstrap over proteins: a pair
    weighs as often as its two proteins were drawn, and a protein is never paired with itself. Samples without a
    positive pair are left out. An `InputError` says what makes a score impossible.
    """
    if len(set(proteins)) != len(proteins):
        twice = next(protein for protein in proteins if list(proteins).count(protein) > 1)
        raise InputError(f"protein '{twice}' has more than one profile; average them to one row a protein")
    limits = profiled_terms(standard, proteins, min_term_size=min_term_size, max_term_size=max_term_size)
    row = {protein: number for number, protein in enumerate(proteins)}
    x = unit_rows(
        profiles[[row[protein] for protein in limits.proteins]], limits.proteins, what="the profile of protein"
    )
    first, second, truth, score = _pairs(x, _membership(limits))
    _check_both_kinds(standard, truth, n_proteins=len(x))
    ranked = RankedPairs(first, second, truth, score)
    value = ranked.average_precision(np.ones((1, len(x)), dtype=np.int64))[0]
    low, high = interval(ranked.average_precision(resample(len(x), n_bootstrap, seed)), confidence)
    return CoAnnotation(
        value=float(value),
        ci_low=low,
        ci_high=high,
        chance=float(truth.mean()),
        n_proteins=len(x),
        n_terms=len(limits.terms),
        n_positive_pairs=int(truth.sum()),
    )


def _membership(limits: ProfiledTerms) -> sparse.csr_matrix:
    """Which protein (row) is in which term (column)."""
    row = {protein: number for number, protein in enumerate(limits.proteins)}
    cells = [(row[protein], column) for column, term in enumerate(limits.terms.values()) for protein in sorted(term)]
    rows, columns = np.array(cells).T
    shape = (len(limits.proteins), len(limits.terms))
    return sparse.csr_matrix((np.ones(len(cells), dtype=np.float32), (rows, columns)), shape=shape)


def _pairs(x: npt.NDArray[np.float64], member: sparse.csr_matrix) -> tuple[Ints, Ints, Bools, npt.NDArray[np.float64]]:
    """Each pair of rows once: its two rows, whether they share a term, and their cosine."""
    n = len(x)
    size = max(1, _BLOCK // n)
    parts = []
    for start in range(0, n, size):
        rows = slice(start, min(start + size, n))
        first, second = np.nonzero(np.arange(n) > np.arange(n)[rows, None])
        shared = (member[rows] @ member.T).toarray()[first, second] > 0
        cosine = cosines(x[rows], x)[first, second]
        parts.append(((first + start).astype(np.int32), second.astype(np.int32), shared, cosine))
    first, second, truth, score = (np.concatenate(part) for part in zip(*parts, strict=True))
    return first, second, truth, score


def _check_both_kinds(standard: Standard, truth: Bools, *, n_proteins: int) -> None:
    if truth.any() and not truth.all():
        return
    what = "share a term, so none is negative" if truth.any() else "shares a term, so none is positive"
    which = "all" if truth.any() else "none"
    raise InputError(
        f"standard '{standard.name}': {which} of the {len(truth)} pairs of {n_proteins} profiled proteins {what} and "
        "there is nothing to rank; profile more proteins, or change min_term_size or max_term_size"
    )
