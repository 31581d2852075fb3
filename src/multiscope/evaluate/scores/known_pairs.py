"""Recall of known pairs: do proteins that share a term lie in the tails of the similarities of all pairs?

The benchmark of known relationships of EFAAR (Celik et al. 2024, PLOS Computational Biology 20, e1012463). A pair is
recalled by the rule of its `compute_recall`: at most `tail` of all pairs are as low or lower, or at most `tail` are as
high or higher, so that opposite profiles count as similar ones do. Its null is drawn from random pairs; here it is all
pairs of different profiled proteins, exactly. Pairs that tie where a tail ends count for the part that fills it;
EFAAR counts none, so that profiles of few values would score less than chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from multiscope.errors import InputError
from multiscope.evaluate.scores.members import ProfiledTerms
from multiscope.evaluate.scores.ranking import Floats, interval, resample
from multiscope.evaluate.scores.score import Score
from multiscope.evaluate.scores.similarity import Doubles, Prepared, Similarity, prepare

_BINS = 2**20


def known_pair_recall(
    profiles: Floats,
    proteins: Sequence[str],
    limits: ProfiledTerms,
    *,
    n_bootstrap: int,
    confidence: float,
    seed: int = 0,
    similarity: Similarity = "cosine",
    tails: Sequence[float] = (0.05, 0.1),
) -> list[Score]:
    """Metric `recall_5` and so on, one of each of `tails`: the share of known pairs in the two tails, in [0, 1].

    `profiles` (n, d) are of all profiled `proteins` (n,), whose pairs make the quantiles; known pairs are those of
    `limits.proteins` that share a term. Chance is the share of pairs in both tails, twice the tail but for rounding; a
    tail of less than a pair is left out. The interval is a percentile bootstrap over
    `limits.proteins`: a pair weighs as often as its two proteins were drawn; the quantiles stay those of all pairs.
    Samples without a known pair are left out. A tail outside (0, 0.5) and no known pair are `InputError`s.
    """
    _check_tails(tails)
    x = prepare(profiles, proteins, similarity)
    row = {protein: number for number, protein in enumerate(proteins)}
    place = np.array([row[protein] for protein in limits.proteins])
    drawn = resample(len(place), n_bootstrap, seed)
    weights = np.zeros((len(proteins), 1 + n_bootstrap))
    weights[place, 0], weights[place, 1:] = 1, drawn.T
    cuts = tail_cuts(x, tails)
    inside, known = _weights_in_tails(x, _rows_at(limits.member, place, len(proteins)), cuts, weights)
    if not known[0]:
        raise InputError(
            f"standard '{limits.standard}': none of {len(limits.proteins)} profiled proteins shares a term with "
            "another, so no pair is known; profile more proteins, or change min_term_size or max_term_size"
        )
    shares = np.divide(inside, known, out=np.full(inside.shape, np.nan), where=known > 0)
    chances = [2 * size / n_pairs(len(x)) for size in tail_sizes(tails, len(x))]
    counted = zip(tails, chances, cuts, shares, strict=True)
    n_known = int(known[0])
    return [_score(tail, chance, cut, share, n_known, confidence) for tail, chance, cut, share in counted if chance]


def n_pairs(n: int) -> int:
    """Pairs of n different proteins."""
    return n * (n - 1) // 2


def tail_sizes(tails: Sequence[float], n: int) -> list[int]:
    """Pairs of n proteins in each of `tails`, rounded down."""
    return [int(tail * n_pairs(n) + 1e-9) for tail in tails]  # 1e-9 because 0.05 * 20 must be 1


@dataclass(frozen=True)
class Tails:
    """The similarities where the two tails end, and which part of the pairs that have just these is in them."""

    low: float
    high: float
    at_low: float
    at_high: float

    def inside(self, similar: Doubles) -> Doubles:
        """Whether pairs are in a tail: 0, 1, or between where they tie with its end."""
        outside = (similar < self.low) | (similar > self.high)
        return np.asarray(outside + self.at_low * (similar == self.low) + self.at_high * (similar == self.high))


def tail_cuts(x: Prepared, tails: Sequence[float]) -> list[Tails]:
    """For each tail where it ends on either side, so that it holds that share of all pairs, rounded down to pairs.

    The ends are similarities of pairs, found exactly in two passes over all pairs: counts in 2**20 bins, then all
    values in the bins that matter.
    """
    every, size = n_pairs(len(x)), np.array(tail_sizes(tails, len(x)))
    value, below, tied = _order_statistics(x, np.concatenate([size, every - 1 - size]))
    k = len(tails)
    at_low = (size - below[:k]) / tied[:k]
    at_high = (size - (every - below[k:] - tied[k:])) / tied[k:]
    return [Tails(*map(float, each)) for each in zip(value[:k], value[k:], at_low, at_high, strict=True)]


def _order_statistics(
    x: Prepared, ranks: npt.NDArray[np.int64]
) -> tuple[Doubles, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The similarities of pairs that have `ranks` (k,), from 0, when sorted rising; how many are below, and tie."""
    counts = np.zeros(_BINS, dtype=np.int64)
    for _, _, similar in _pairs(x):
        counts += np.bincount(_bin(x, similar), minlength=_BINS)
    ends = np.cumsum(counts)
    wanted = np.searchsorted(ends, ranks, side="right")
    matters = np.zeros(_BINS, dtype=bool)
    matters[wanted] = True
    parts = [np.unique(similar[matters[_bin(x, similar)]], return_counts=True) for _, _, similar in _pairs(x)]
    values, times = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(values, kind="stable")
    found, below, tied = np.empty(len(ranks)), np.empty_like(ranks), np.empty_like(ranks)
    for k, (rank, number) in enumerate(zip(ranks, wanted, strict=True)):
        mine = order[_bin(x, values[order]) == number]
        before = ends[number] - counts[number]
        found[k] = values[mine][np.searchsorted(np.cumsum(times[mine]), rank - before, side="right")]
        below[k] = before + times[mine][values[mine] < found[k]].sum()
        tied[k] = times[mine][values[mine] == found[k]].sum()
    return found, below, tied


def _bin(x: Prepared, similar: Doubles) -> npt.NDArray[np.int32]:
    """The bin of each similarity, rising, of equal width from `x.low` to `x.high`."""
    scaled = (similar - x.low) * (_BINS / (x.high - x.low))
    return np.minimum(scaled, _BINS - 1, out=scaled).astype(np.int32)


def _pairs(x: Prepared) -> Iterator[tuple[slice, npt.NDArray[np.bool_], Doubles]]:
    """Each pair of rows once, block by block: the rows, which columns are theirs, and the similarities there."""
    for rows, similar in x.blocks():
        later = np.arange(len(x)) > np.arange(rows.start, rows.stop)[:, None]
        yield rows, later, similar[later]


def _weights_in_tails(
    x: Prepared, member: sparse.csr_matrix, cuts: Sequence[Tails], weights: Doubles
) -> tuple[Doubles, Doubles]:
    """Weight of the known pairs in each tail, (n_tails, n_weightings), and of all known pairs, (n_weightings,).

    A pair weighs the product of its two rows in `weights` (n, n_weightings); it is known if they share a column of
    `member` (n, n_terms).
    """
    inside, known = np.zeros((len(cuts), weights.shape[1])), np.zeros(weights.shape[1])
    for rows, similar in x.blocks():
        pairs = sparse.triu(member[rows] @ member.T, k=rows.start + 1, format="csr").astype(np.float64)
        pairs.data[:] = 1
        known += _products(pairs, weights, rows)
        here = similar[np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr)), pairs.indices]
        for tail, cut in zip(inside, cuts, strict=True):
            pairs.data[:] = cut.inside(here)
            tail += _products(pairs, weights, rows)
    return inside, known


def _products(pairs: sparse.csr_matrix, weights: Doubles, rows: slice) -> Doubles:
    """Sum over `pairs` (k, n) of the products of the weights of their rows, (n_weightings,)."""
    return np.asarray(((pairs @ weights) * weights[rows]).sum(axis=0))


def _rows_at(member: sparse.csr_matrix, place: npt.NDArray[np.int64], n: int) -> sparse.csr_matrix:
    """Row i of `member` as row `place[i]` of `n`, the others empty."""
    cells = member.tocoo()
    return sparse.csr_matrix((cells.data, (place[cells.row], cells.col)), shape=(n, member.shape[1]))


def _check_tails(tails: Sequence[float]) -> None:
    for tail in tails:
        if not 0 < tail < 0.5:
            raise InputError(f"a tail of {tail:g} was asked for; it must be above 0 and below 0.5, such as 0.05")


def _score(tail: float, chance: float, cut: Tails, share: Doubles, n_known: int, confidence: float) -> Score:
    low, high = interval(share[1:], confidence)
    facts = {"n_known_pairs": n_known, "low_cut": cut.low, "high_cut": cut.high}
    return Score(f"recall_{100 * tail:g}", float(share[0]), low, high, chance, share[1:], facts)
