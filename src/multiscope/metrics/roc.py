"""How well a score tells cells of one class from all others: the ROC curve and the area under it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multiscope.metrics.intervals import Interval, around, draw_groups

Values = npt.NDArray[np.floating]
Hits = npt.NDArray[np.bool_]
_BLOCK = 2**22
"""Weights that are in memory at once."""


def roc(score: Values, positive: Hits) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Corners of the ROC curve of scores (n,): false positive rates and true positive rates, from (0, 0) to (1, 1).

    Both classes have to be there.
    """
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(positive, score)
    return np.asarray(false, dtype=np.float64), np.asarray(true, dtype=np.float64)


def roc_area(
    score: Values, positive: Hits, groups: npt.ArrayLike, *, n: int = 500, level: float = 0.95, seed: int = 0
) -> Interval:
    """Area under the ROC curve: the chance that a cell of the class scores above one of another class, ties half.

    Scores, classes and `groups` have shape (n,). The interval is from a bootstrap over groups, as that of
    `mean_interval`; NaN where it cannot be told: fewer than two groups, or no cell in the wrong order. All are NaN
    where a class is missing.
    """
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    ranked = _Ranked(np.asarray(score), np.asarray(positive, dtype=bool))
    value = float(ranked.areas(np.ones((1, len(index))))[0]) if len(index) else float("nan")
    if len(names) < 2 or not 0 < value < 1:
        return Interval(value, float("nan"), float("nan"))
    drawn = draw_groups(len(names), n=n, seed=seed)
    size = max(1, _BLOCK // len(index))
    samples = [ranked.areas(drawn[start : start + size, index]) for start in range(0, n, size)]
    low, high = around(value, np.concatenate(samples), len(names), level=level)
    return Interval(value, max(0.0, low), min(1.0, high))


class _Ranked:
    """Scores that are sorted once, for areas under many weightings."""

    def __init__(self, score: Values, positive: Hits) -> None:
        self.order = np.argsort(score, kind="stable")
        ranked = score[self.order]
        self.starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))[: len(ranked)]
        self.positive = positive[self.order]

    def areas(self, weights: npt.NDArray[np.number]) -> npt.NDArray[np.float64]:
        """The area for each row of `weights` (n_weightings, n); NaN where one class has no weight."""
        ordered = weights[:, self.order].astype(np.float64)
        true, false = (
            np.add.reduceat(ordered * chosen, self.starts, axis=1) for chosen in (self.positive, ~self.positive)
        )
        below = np.cumsum(false, axis=1) - false
        pairs = true.sum(axis=1) * false.sum(axis=1)
        right = (true * (below + false / 2)).sum(axis=1)
        areas: npt.NDArray[np.float64] = np.divide(right, pairs, where=pairs > 0, out=np.full(len(weights), np.nan))
        return areas
