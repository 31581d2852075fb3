"""Counts of values, gathered part by part, and their percentiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_SMALL = tuple(map(np.dtype, (np.uint8, np.uint16, np.int8, np.int16)))
_FLOAT_BITS = 20
_AT_ONCE = 2**22


class Histogram:
    """How often each value occurs; all values have one type.

    Exact for integers of up to 16 bits; others are counted as floats of 20 bits, so a percentile is at most 0.05 % off.
    """

    def __init__(self) -> None:
        """Start with no value."""
        self._dtype: np.dtype[Any] | None = None
        self._counts: Array = np.zeros(0, np.int64)

    @property
    def is_exact(self) -> bool:
        """Whether every value has a bin of its own."""
        return self._dtype in _SMALL

    def add(self, values: Array) -> None:
        """Count finite values of any shape."""
        if self._dtype is None:
            self._dtype = values.dtype
        flat = values.reshape(-1)
        for start in range(0, flat.size, _AT_ONCE):
            part = flat[start : start + _AT_ONCE]
            bins = part.astype(np.int64) - self._lowest if self.is_exact else _to_bins(part)
            found = np.bincount(bins, minlength=len(self._counts))
            found[: len(self._counts)] += self._counts
            self._counts = found

    def percentiles(self, shares: Sequence[float]) -> list[float]:
        """For each share the smallest value that so many of all do not exceed; of floats, the lower edge of its bin."""
        cumulated = np.cumsum(self._counts)
        numbers = np.searchsorted(cumulated, np.asarray(shares) * cumulated[-1]).tolist()
        return [float(number + self._lowest) if self.is_exact else _from_bin(number) for number in numbers]

    def values(self) -> tuple[Array, Array]:
        """The values that occur, and how often; of an exact histogram."""
        there = np.flatnonzero(self._counts)
        return there + self._lowest, self._counts[there]

    @property
    def _lowest(self) -> int:
        assert self._dtype is not None
        return int(np.iinfo(self._dtype).min) if self._dtype.kind == "i" else 0


def _to_bins(values: Array) -> Array:
    """Numbers of bins in the order of the values: the leading bits of a float, made to sort."""
    with np.errstate(over="ignore"):
        bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(2**31))
    return (ordered >> np.uint32(32 - _FLOAT_BITS)).astype(np.int64)


def _from_bin(number: int) -> float:
    """The value at the lower edge of a bin."""
    ordered = np.uint32(number << (32 - _FLOAT_BITS))
    bits = ordered ^ np.uint32(2**31) if ordered >> np.uint32(31) else ~ordered
    return float(np.array([bits], dtype=np.uint32).view(np.float32)[0])
