"""Which samples an epoch has: all of them once, every class equally often, or as often as their weights say.

An epoch of n samples has n draws. Each function answers positions among the n samples, in no particular order, as a
function of `rng` alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Draw = Callable[[np.random.Generator], Rows]


def uniform(n: int) -> Draw:
    """All `n` samples once."""
    return lambda rng: np.arange(n, dtype=np.int64)


def balanced(classes: npt.NDArray[np.int64]) -> Draw:
    """Every class equally often (to one draw); `classes` (n,) counts from 0 and leaves no number out.

    Within a class no sample comes again before all others came: the rare ones repeat, the frequent ones take turns.
    """
    members = [np.flatnonzero(classes == number) for number in range(int(classes.max()) + 1)]

    def draw(rng: np.random.Generator) -> Rows:
        share, rest = divmod(len(classes), len(members))
        more = (rng.permutation(len(members)) < rest).astype(int)
        return np.concatenate([_in_turn(rows, share + more[i], rng) for i, rows in enumerate(members)])

    return draw


def weighted(weights: npt.NDArray[np.float64]) -> Draw:
    """Draws with replacement, each sample as probable as its share of `weights` (n,), none negative, not all zero."""
    probability = weights / weights.sum()
    return lambda rng: rng.choice(len(weights), size=len(weights), p=probability).astype(np.int64)


def _in_turn(rows: Rows, n: int, rng: np.random.Generator) -> Rows:
    """`n` of `rows`, none a second time before each was drawn a first time."""
    rounds = -(-n // len(rows))
    return np.concatenate([rng.permutation(rows) for _ in range(rounds)] or [rows[:0]])[:n]
