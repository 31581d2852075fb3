"""Average precision over all pairs of a proteome, block by block, for many weightings of its proteins at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from multiscope.evaluate.scores.ranking import chance_precision
from multiscope.evaluate.scores.similarity import Prepared

Values = npt.NDArray[np.float64]
_BLOCK = 2**22
"""Pairs that are held at once."""
_BINS = 2**22
"""Similarities of many pairs are told apart to this part of the range that they span; equal ones tie always."""
_FEW = 2**20
"""Of so few pairs all similarities are told apart."""
_STEPS = 512
"""Thresholds between which draws are counted."""


@dataclass(frozen=True)
class PairPrecision:
    """How pairs that share a term rank among all pairs of n proteins."""

    value: float
    """Average precision; NaN without a positive pair."""
    n_pairs: int
    n_positive: int
    draws: Values
    """Average precision for each weighting, (n_weightings,); NaN where no positive pair has weight."""
    weight: Values
    """Weight of the positive pairs in each weighting, (n_weightings,)."""

    @property
    def chance(self) -> float:
        """What random rankings of these pairs give on average: a little above the share of positive ones."""
        return float(chance_precision(self.n_positive, self.n_pairs))


def pair_precision(x: Prepared, member: sparse.csr_matrix, weights: npt.NDArray[np.int64]) -> PairPrecision:
    """Rank the pairs of the profiles `x` (n rows); positive are those with a common column in `member` (n, terms).

    Each row of `weights` (n_weightings, n) weighs a pair by the product of the counts of its two proteins, as a
    bootstrap over proteins does. Ties are one threshold, as in scikit-learn. The value is exact but, of more than
    1024 proteins, for similarities that differ by less than 2**-22 of the range they span. Draws count at no more than
    `_STEPS` thresholds and are shifted by what that costs the value.
    """
    bins = _Bins(x)
    every, positive = np.zeros(bins.number, dtype=np.int64), np.zeros(bins.number, dtype=np.int64)
    for block in _blocks(bins, member):
        every += block.counts(bins.number)
        positive += np.bincount(block.positive, minlength=bins.number)
    n_pairs, n_positive = int(every.sum()), int(positive.sum())
    value = float(_area(every[::-1, None], positive[::-1, None])[0])
    if not n_positive or not len(weights):
        none = np.full(len(weights), np.nan)
        return PairPrecision(value, n_pairs, n_positive, none, np.zeros(len(weights)))
    step = _steps(positive)
    draws, weight = _weighted(bins, member, step, weights)
    rough = [np.bincount(step, weights=each, minlength=step.max() + 1)[:, None] for each in (every, positive)]
    shift = value - _area(*rough)[0]
    return PairPrecision(value, n_pairs, n_positive, np.clip(draws + shift, 0, 1), weight)


def _area(every: npt.NDArray[np.number], positive: npt.NDArray[np.number]) -> Values:
    """Average precision of counts by falling threshold, both (n_thresholds, k): precision times the step in recall."""
    above, true_above = np.cumsum(every, axis=0, dtype=np.float64), np.cumsum(positive, axis=0, dtype=np.float64)
    area = (positive * true_above / np.maximum(above, 1)).sum(axis=0)
    return np.asarray(np.divide(area, true_above[-1], out=np.full(area.shape, np.nan), where=true_above[-1] > 0))


class _Bins:
    """Similarities of profiles as whole numbers below `number`, in their order."""

    def __init__(self, x: Prepared) -> None:
        self.x, self.n = x, len(x)
        self.size = max(1, _BLOCK // max(1, self.n))
        spans = [(float(block.min()), float(block.max())) for block in map(self._from, self._starts())]
        self._low, high = min(low for low, _ in spans), max(high for _, high in spans)
        self._ranked = np.unique(x.block(0, self.n)) if self.n**2 <= _FEW else None
        self.number = _BINS if self._ranked is None else len(self._ranked)
        self._scale = (self.number - 1) / (high - self._low) if high > self._low else 0.0

    def _of(self, start: int) -> npt.NDArray[np.int32]:
        """Of some rows from `start` on with all from `start` on."""
        block = self._from(start)
        if self._ranked is not None:
            return np.searchsorted(self._ranked, block).astype(np.int32)
        return ((block - self._low) * self._scale).astype(np.int32)

    def _starts(self) -> range:
        return range(0, self.n, self.size)

    def _from(self, start: int) -> Values:
        return self.x.block(start, min(start + self.size, self.n))[:, start:]

    def __iter__(self) -> Iterator[tuple[int, npt.NDArray[np.int32]]]:
        return ((start, self._of(start)) for start in self._starts())


@dataclass(frozen=True)
class _Block:
    """Pairs of some rows with every row after them."""

    start: int
    bins: npt.NDArray[np.int32]
    """(rows, n - start); only what is right of the diagonal counts."""
    shared: sparse.csr_matrix
    """Which of these are positive, right of the diagonal only."""

    @property
    def positive(self) -> npt.NDArray[np.int32]:
        """The bin of each positive pair, row by row."""
        row = np.repeat(np.arange(len(self.bins)), np.diff(self.shared.indptr))
        return np.asarray(self.bins[row, self.shared.indices])

    def counts(self, number: int) -> npt.NDArray[np.int64]:
        """Pairs in each of `number` bins."""
        rows = len(self.bins)
        square = self.bins[:, :rows][np.triu_indices(rows, 1)]
        return np.bincount(square, minlength=number) + np.bincount(self.bins[:, rows:].ravel(), minlength=number)


def _blocks(bins: _Bins, member: sparse.csr_matrix) -> Iterator[_Block]:
    for start, found in bins:
        shared = sparse.triu(member[start : start + len(found)] @ member[start:].T, k=1, format="csr")
        yield _Block(start, found, shared)


def _steps(positive: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """To which of a few thresholds, numbered from the highest, each bin belongs."""
    falling = positive[::-1]
    true_above = np.cumsum(falling)
    here = np.flatnonzero(falling)
    if len(here) > _STEPS:
        # precision changes most at the top: steps grow with the number of positive pairs above
        wanted = np.geomspace(1, true_above[-1], _STEPS)
        here = np.unique(here[np.searchsorted(true_above[here], wanted)])
    # a pair counts from the first threshold at or below it; what lies below all is after the last
    return np.searchsorted(here, np.arange(len(positive)), side="left").astype(np.int32)[::-1].copy()


def _weighted(
    bins: _Bins, member: sparse.csr_matrix, step: npt.NDArray[np.int32], weights: npt.NDArray[np.int64]
) -> tuple[Values, Values]:
    """Average precision for each weighting, counted at the steps, and the weight of the positive pairs."""
    w = np.ascontiguousarray(weights.T, dtype=np.float32)  # sums over a row of pairs are exact: small whole numbers
    n_steps = int(step.max()) + 1
    every, true = np.zeros((n_steps, w.shape[1])), np.zeros((n_steps, w.shape[1]))
    for block in _blocks(bins, member):
        for row, steps in enumerate(step[block.bins]):
            own, right = w[block.start + row], w[block.start :]
            positive = block.shared.indices[block.shared.indptr[row] : block.shared.indptr[row + 1]]
            every += _sums(steps[row + 1 :], right[row + 1 :], n_steps) * own
            if len(positive):
                true += _sums(steps[positive], right[positive], n_steps) * own
    return _area(every, true), true.sum(axis=0)


def _sums(step: npt.NDArray[np.int32], w: npt.NDArray[np.float32], n_steps: int) -> npt.NDArray[np.float32]:
    """Sums of the rows of `w` (n, k) at each step of `step` (n,), (n_steps, k)."""
    once = sparse.csc_matrix((np.ones(len(step), np.float32), step, np.arange(len(step) + 1)), (n_steps, len(step)))
    return np.asarray(once @ w)
