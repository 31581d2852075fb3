"""Whether probabilities mean what they say: of what is called 80% sure, are 80% right?

Guo et al. 2017, "On calibration of modern neural networks"; class by class as Kull et al. 2019, "Beyond temperature
scaling".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multiscope.metrics.intervals import Interval, around, draw_groups

Values = npt.NDArray[np.floating]
Hits = npt.NDArray[np.bool_]
BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Cells by what probability they were given, (BINS,); NaN where a bin is empty."""

    n: npt.NDArray[np.int64]
    """Cells in the bin."""
    said: npt.NDArray[np.float64]
    """Their mean probability."""
    found: npt.NDArray[np.float64]
    """Share of them for which it was true."""


def bin_of(probability: Values) -> npt.NDArray[np.int64]:
    """Which of ten equal bins of [0, 1] each probability (n,) lies in, from 0; 1.0 lies in the last."""
    return np.minimum((np.asarray(probability, dtype=np.float64) * BINS).astype(np.int64), BINS - 1)


def reliability(probability: Values, hit: Hits) -> Reliability:
    """Bins of cells with a probability (n,) in [0, 1] of what was true or not, `hit` (n,)."""
    index = bin_of(probability)
    n = np.bincount(index, minlength=BINS)
    with np.errstate(invalid="ignore"):
        said, found = (
            np.bincount(index, np.asarray(values, dtype=np.float64), minlength=BINS) / n
            for values in (probability, hit)
        )
    return Reliability(n, said, found)


def calibration_error(
    probability: Values, hit: Hits, groups: npt.ArrayLike, *, n: int = 1000, level: float = 0.95, seed: int = 0
) -> Interval:
    """Expected calibration error in [0, 1] of cells (n,): mean distance of what is said to what is found, by bins.

    The interval is from a bootstrap over `groups` (n,), as that of `mean_interval`; NaN for fewer than two. Chance
    alone makes the error positive: of few cells it is overestimated.
    """
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    n_groups = len(names)
    if not n_groups:
        return Interval(float("nan"), float("nan"), float("nan"))
    # what each group adds to the number of cells, and to the distance of each bin
    cells, distance = np.bincount(group), np.zeros((n_groups, BINS))
    np.add.at(distance, (group, bin_of(probability)), np.asarray(probability, dtype=np.float64) - hit)
    value = float(np.abs(distance.sum(axis=0)).sum() / cells.sum())
    if n_groups < 2:
        return Interval(value, float("nan"), float("nan"))
    drawn = draw_groups(n_groups, n=n, seed=seed)
    low, high = around(value, np.abs(drawn @ distance).sum(axis=1) / (drawn @ cells), n_groups, level=level)
    return Interval(value, max(0.0, low), min(1.0, high))
