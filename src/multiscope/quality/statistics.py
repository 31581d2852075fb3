"""Exact extremes and mean of one channel of one image, its spread and percentiles, gathered part by part."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.quality.histogram import Histogram

Array = npt.NDArray[Any]
PERCENTILES = {"p0_1": 0.001, "p1": 0.01, "p50": 0.5, "p99": 0.99, "p99_9": 0.999}
_AT_ONCE = 2**22


@dataclass(frozen=True)
class Statistics:
    """Numbers of one channel of one image; pixels that are NaN or infinite count in `n_not_finite` alone."""

    dtype: np.dtype[Any]
    n_pixels: int
    n_not_finite: int
    minimum: float
    maximum: float
    mean: float
    std: float
    n_at_minimum: int
    n_at_maximum: int
    percentiles: dict[str, float] = field(default_factory=dict)
    n_next_to_minimum: int | None = None
    """Pixels of the value one step above the minimum; None where values are not counted one by one."""
    n_next_to_maximum: int | None = None
    """Pixels of the value one step below the maximum."""
    step: int = 1
    """All values differ by multiples of it, e.g. 16 where 12 bits lie in the upper part of 16."""

    def row(self) -> dict[str, float | str]:
        """The numbers for a table; shares of all finite pixels."""
        n = max(self.n_pixels - self.n_not_finite, 1)
        return {
            "dtype": str(self.dtype),
            "n_pixels": self.n_pixels,
            "min": self.minimum,
            "max": self.maximum,
            "mean": self.mean,
            "std": self.std,
            **self.percentiles,
            "share_at_min": self.n_at_minimum / n,
            "share_at_max": self.n_at_maximum / n,
        }


class Tally:
    """Gathers the statistics of one channel; its memory does not grow with what is added.

    Sums of integers up to 32 bits are exact, others are in float64. Percentiles: see `Histogram`.
    """

    def __init__(self, *, where: str) -> None:
        """`where` names the image in messages."""
        self._where = where
        self._dtype: np.dtype[Any] | None = None
        self._histogram = Histogram()
        self._n = self._n_not_finite = self._n_low = self._n_high = 0
        self._low, self._high = math.inf, -math.inf
        self._sum: float = 0  # a Python integer for integers: exact
        self._mean = self._squares = 0.0

    def add(self, values: Array) -> None:
        """Count values of any shape, of the type of those before; complex numbers are an `InputError`."""
        if values.dtype.kind not in "buif":
            raise InputError(f"{self._where}: holds {values.dtype}; expected integers or floats: export it as these")
        self._dtype = np.dtype(np.uint8) if values.dtype.kind == "b" else values.dtype
        flat = values.view(self._dtype).reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, flat.size, _AT_ONCE):
                self._add(flat[start : start + _AT_ONCE])

    def _add(self, part: Array) -> None:
        n_before = self._n - self._n_not_finite
        self._n += part.size
        if part.dtype.kind == "f":
            finite = np.isfinite(part)
            self._n_not_finite += int(part.size - np.count_nonzero(finite))
            part = part[finite]
        if part.size:
            self._histogram.add(part)
            self._extend(part)
            self._spread(part, n_before)

    def _extend(self, values: Array) -> None:
        low, high = values.min(), values.max()
        if low <= self._low:
            self._n_low = int(np.count_nonzero(values == low)) + (self._n_low if low == self._low else 0)
            self._low = low.item()
        if high >= self._high:
            self._n_high = int(np.count_nonzero(values == high)) + (self._n_high if high == self._high else 0)
            self._high = high.item()

    def _spread(self, values: Array, n_before: int) -> None:
        """Merge sum and squares of deviations (Chan, Golub and LeVeque 1983)."""
        is_exact = values.dtype.kind in "ui" and values.dtype.itemsize <= 4
        total = int(values.sum(dtype=np.int64)) if is_exact else float(values.sum(dtype=np.float64))
        self._sum += total
        n, mean = values.size, total / values.size
        difference = mean - self._mean
        between = difference * difference * n_before * n / (n_before + n)  # ** would raise beyond the largest float
        self._squares += float(values.var(dtype=np.float64)) * n + between
        self._mean += difference * n / (n_before + n)

    def result(self) -> Statistics:
        """The statistics of all that was added; NaN where no pixel is finite."""
        assert self._dtype is not None
        n = self._n - self._n_not_finite
        if n == 0:
            nan = math.nan
            return Statistics(self._dtype, self._n, self._n, nan, nan, nan, nan, 0, 0, dict.fromkeys(PERCENTILES, nan))
        found = dict(zip(PERCENTILES, self._histogram.percentiles(list(PERCENTILES.values())), strict=True))
        return Statistics(
            self._dtype,
            self._n,
            self._n_not_finite,
            self._low,
            self._high,
            self._sum / n,
            math.sqrt(self._squares / n),
            self._n_low,
            self._n_high,
            {name: min(max(value, self._low), self._high) for name, value in found.items()},
            **self._steps(),
        )

    def _steps(self) -> dict[str, int]:
        if not self._histogram.is_exact:
            return {}
        values, counts = self._histogram.values()
        step = int(np.gcd.reduce(np.diff(values))) if len(values) > 1 else 1
        below = counts[-2] if len(values) > 1 and values[-2] == values[-1] - step else 0
        above = counts[1] if len(values) > 1 and values[1] == values[0] + step else 0
        return {"step": step, "n_next_to_minimum": int(above), "n_next_to_maximum": int(below)}
