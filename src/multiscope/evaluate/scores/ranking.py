"""Average precision of ranked pairs, for many weightings of the ranked things at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from multiscope.errors import InputError

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.integer[Any]]
_WEIGHTINGS = 64  # together with a block of pairs they stay in cache
_BLOCK = 2**19


def unit_rows(x: Floats, names: npt.ArrayLike, *, what: str) -> npt.NDArray[np.float64]:
    """Rows of `x` (n, d) at length 1, so that products are cosines; a row without direction is an `InputError`."""
    rows = np.asarray(x, dtype=np.float64)
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=0.0)
    for bad, fault in ((~np.isfinite(largest), "values that are not finite"), (largest == 0, "only zeros")):
        if bad.any():
            name = np.asarray(names)[np.flatnonzero(bad)[0]]
            raise InputError(
                f"{what} '{name}' has {fault} ({int(bad.sum())} such), so it has no cosine; embed it again"
            )
    rows = rows / largest  # so that squares neither overflow nor vanish
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def cosines(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Cosines of unit rows `a` (n, d) and `b` (m, d), (n, m), to 12 decimals, so that equal rows tie.

    Without rounding, products of equal rows differ in the last bit with their place in the matrix.
    """
    return np.asarray(np.round(a @ b.T, 12))


def average_precision(truth: Bools, score: Floats) -> float:
    """Average precision of `score` (n,) for `truth` (n,), with ties as in scikit-learn: one threshold for equals.

    AP = mean over positives of the precision among all that score at least as high.
    """
    ranked, positives = np.sort(score), np.sort(score[truth])
    at_least = len(ranked) - np.searchsorted(ranked, positives, side="left")
    true_at_least = len(positives) - np.searchsorted(positives, positives, side="left")
    return float(np.mean(true_at_least / at_least))


class RankedPairs:
    """Pairs (first, second) of things, sorted once by score, whose AP is wanted for many weightings of the things."""

    def __init__(self, first: Ints, second: Ints, truth: Bools, score: Floats) -> None:
        """Sort pairs by falling score; all arrays (n_pairs,), `first` and `second` index things."""
        order = np.argsort(-score, kind="stable")
        self.first, self.second, self.truth = first[order], second[order], truth[order]
        ranked = score[order]
        last_of_ties = np.append(ranked[1:] != ranked[:-1], True)
        # only thresholds that admit a positive change the recall
        tie = np.cumsum(last_of_ties) - last_of_ties
        self.threshold = np.flatnonzero(last_of_ties)[np.unique(tie[self.truth])]

    def average_precision(self, weights: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float64]:
        """AP for each row of `weights` (n_weightings, n_things); a pair weighs the product of its two things.

        Equals `sklearn.metrics.average_precision_score(truth, score, sample_weight=...)`. NaN where no positive pair
        has weight. Pairs are taken in blocks whose float32 sums are exact for the small counts of a bootstrap.
        """
        blocks = [weights[start : start + _WEIGHTINGS] for start in range(0, len(weights), _WEIGHTINGS)]
        return np.concatenate([self._block(np.ascontiguousarray(block.T, dtype=np.float32)) for block in blocks])

    def _block(self, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """AP for weights (n_things, few): sum over thresholds of precision times the step in recall."""
        n_pairs, size = len(self.first), max(1, _BLOCK // weights.shape[1])
        all_above = np.zeros(weights.shape[1])
        true_above, true_before, area = (np.zeros_like(all_above) for _ in range(3))
        for start in range(0, n_pairs, size):
            stop = min(start + size, n_pairs)
            weight = weights.take(self.first[start:stop], axis=0)
            weight *= weights.take(self.second[start:stop], axis=0)
            lo, hi = np.searchsorted(self.threshold, [start, stop])
            ends = self.threshold[lo:hi] - start + 1
            every = np.arange(stop - start)
            positive = np.flatnonzero(self.truth[start:stop])
            total = _sums_between(weight, every, ends) + all_above
            true = _sums_between(weight, positive, np.searchsorted(positive, ends)) + true_above
            if hi > lo:
                steps = np.diff(true[:-1], axis=0, prepend=true_before[None])
                # where no pair has weight yet the step is zero too
                area += (steps * true[:-1] / np.maximum(total[:-1], 1)).sum(axis=0)
                true_before = true[-2]
            all_above, true_above = total[-1], true[-1]
        return np.divide(area, true_above, out=np.full_like(area, np.nan), where=true_above > 0)


def _sums_between(weight: npt.NDArray[np.float32], rows: Ints, ends: Ints) -> npt.NDArray[np.float64]:
    """Running sums of `weight[rows]` at each of `ends` (positions in `rows`) and, last, at the end of `rows`."""
    bounds = np.concatenate([[0], ends, [len(rows)]])
    ones = np.ones(len(rows), dtype=np.float32)
    pieces = sparse.csr_matrix((ones, rows, bounds), shape=(len(ends) + 1, len(weight))) @ weight
    return np.cumsum(pieces, axis=0, dtype=np.float64)


def interval(samples: npt.NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """Percentile interval of bootstrap samples, leaving out those that are NaN (a score had no positive)."""
    known = samples[~np.isnan(samples)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def resample(n: int, n_bootstrap: int, seed: int) -> npt.NDArray[np.int64]:
    """How often each of `n` things is drawn in each bootstrap sample, (n_bootstrap, n)."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_bootstrap)
