"""Rankings: cosines, average precision, and bootstrap samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import digamma

from multiscope.errors import InputError

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.integer[Any]]


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


def chance_precision(n_positive: npt.ArrayLike, n_total: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Expected average precision of random rankings of `n_total` things of which `n_positive` are wanted.

    E = ((k - 1) / (n - 1) * (n - H) + H) / n with H = 1 + 1/2 + ... + 1/n (Bestgen 2015, Prague Bulletin of
    Mathematical Linguistics 103, gives it as a sum).
    """
    k, n = np.asarray(n_positive, dtype=np.float64), np.asarray(n_total, dtype=np.float64)
    harmonic = digamma(n + 1) + np.euler_gamma
    return np.asarray(((k - 1) / np.maximum(n - 1, 1) * (n - harmonic) + harmonic) / n)


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
