"""How sure a mean over images is: a bootstrap over fields, and the spread over seeds.

Rows of one group (channels, patches or defects of one field) are not independent, so whole groups are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats  # type: ignore[import-untyped, unused-ignore]

Values = npt.ArrayLike


@dataclass(frozen=True)
class Interval:
    """An estimate and its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class MeanInterval(Interval):
    """A mean over rows; `low` and `high` are NaN for fewer than two groups, `value` too where no row is finite."""

    n_rows: int
    """Rows that the mean is taken over."""
    n_groups: int
    """Groups that these rows belong to."""
    left_out: int
    """Rows that are not finite: a PSNR of equal images, or what is undefined for a constant clean image."""


@dataclass(frozen=True)
class Spread:
    """Means of the seeds over their rows: their mean, standard deviation (NaN for one seed), least and largest."""

    mean: float
    sd: float
    low: float
    high: float
    n_seeds: int


def paired_interval(
    a: Values, b: Values, groups: npt.ArrayLike, *, n: int = 2000, level: float = 0.95, seed: int = 0
) -> MeanInterval:
    """Mean of a - b over rows, with a bootstrap interval over groups; see `mean_interval`.

    Row i of `a` and of `b` is the same image under two methods, and belongs to `groups[i]`.
    """
    with np.errstate(invalid="ignore"):  # two infinite scores have no difference
        difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    return mean_interval(difference, groups, n=n, level=level, seed=seed)


def mean_interval(
    values: Values, groups: npt.ArrayLike, *, n: int = 2000, level: float = 0.95, seed: int = 0
) -> MeanInterval:
    """Mean over rows (R,), with a bootstrap interval over the groups (R,) that the rows belong to.

    `n` samples of as many groups as there are, drawn with replacement, all rows of a group together. Their standard
    deviation, times sqrt(G / (G - 1)) for G groups, is the standard error; the interval is the mean plus and minus
    that times Student's t with G - 1 degrees of freedom (Hesterberg 2015, "What teachers should know about the
    bootstrap", t interval with bootstrap standard error). Percentiles of the samples would be no wider than their
    range, and cover the truth half of the time for two fields. The same seed gives the same interval.
    """
    rows = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(rows)
    left_out = int((~finite).sum())
    rows = rows[finite]
    names, index = np.unique(np.asarray(groups)[finite], return_inverse=True)
    n_groups = len(names)
    value = float(rows.mean()) if rows.size else float("nan")
    low = high = float("nan")
    if n_groups > 1:
        sums, sizes = np.bincount(index, rows), np.bincount(index)
        drawn = draw_groups(n_groups, n=n, seed=seed)
        low, high = around(value, (drawn @ sums) / (drawn @ sizes), n_groups, level=level)
    return MeanInterval(value, low, high, n_rows=rows.size, n_groups=n_groups, left_out=left_out)


def draw_groups(n_groups: int, *, n: int, seed: int) -> npt.NDArray[np.int64]:
    """How often each group is drawn in each of `n` samples of as many groups as there are, (n, n_groups)."""
    return np.random.default_rng(seed).multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n)


def around(
    value: float, samples: npt.NDArray[np.float64], n_groups: int, *, level: float = 0.95
) -> tuple[float, float]:
    """Bounds around a value from its bootstrap samples over two groups or more, as `mean_interval` says.

    Samples that are NaN, for which the value has no meaning, are left out.
    """
    error = float(np.nanstd(samples)) * np.sqrt(n_groups / (n_groups - 1))
    half = float(stats.t.ppf((1 + level) / 2, n_groups - 1) * error)
    return value - half, value + half


def seed_spread(values: Values, seeds: npt.ArrayLike) -> Spread:
    """Spread over seeds of their means, from the value (R,) of each row and its seed (R,).

    Values that are not finite are left out. It says how much training again changes the mean over images, not how sure
    that mean is for other images.
    """
    rows: npt.NDArray[Any] = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(rows)
    names, index = np.unique(np.asarray(seeds)[finite], return_inverse=True)
    if not len(names):
        return Spread(float("nan"), float("nan"), float("nan"), float("nan"), 0)
    means = np.bincount(index, rows[finite]) / np.bincount(index)
    sd = float(means.std(ddof=1)) if len(names) > 1 else float("nan")
    return Spread(float(means.mean()), sd, float(means.min()), float(means.max()), len(names))
