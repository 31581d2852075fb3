"""The range of intensities of each channel, gathered image by image without keeping the images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError

Array = npt.NDArray[Any]
LOW, HIGH = 0.001, 0.999
_FLOAT_BITS = 20


class IntensityRange:
    """Percentiles and extremes of every channel of the images added.

    Exact for integers of up to 16 bits; others are counted as floats of 20 bits, so a percentile is at most 0.05 % off.
    """

    def __init__(self, channels: Sequence[str]) -> None:
        """Start with no image."""
        self._channels = list(channels)
        self._counts: dict[str, Array] = {}
        self._extremes = {name: (np.inf, -np.inf) for name in channels}
        self._exact = True

    def add(self, image: Array) -> None:
        """Count the pixels of an image (C, ..., Y, X); all images have one dtype."""
        self._exact = image.dtype in (np.uint8, np.uint16)
        for name, plane in zip(self._channels, image, strict=True):
            size = 2**16 if self._exact else 2**_FLOAT_BITS
            counts = np.bincount(plane.ravel() if self._exact else _to_bins(plane.ravel()), minlength=size)
            self._counts[name] = self._counts[name] + counts if name in self._counts else counts
            low, high = self._extremes[name]
            self._extremes[name] = min(low, float(plane.min())), max(high, float(plane.max()))

    def as_notes(self, *, where: str) -> dict[str, dict[str, dict[str, float]]]:
        """`range` (0.1 and 99.9 percent) and `extremes` of each channel, as the manifest notes them.

        Where nearly all pixels are equal the extremes are the range; a channel of one value is an `InputError`.
        """
        ranges = {name: self._range(name, where=where) for name in self._channels}
        extremes = {name: {"min": low, "max": high} for name, (low, high) in self._extremes.items()}
        return {"range": ranges, "extremes": extremes}

    def _range(self, name: str, *, where: str) -> dict[str, float]:
        smallest, largest = self._extremes[name]
        if not smallest < largest:
            raise InputError(
                f"{where}: channel '{name}' is {smallest:g} in every pixel of the training images; expected an image: "
                "check the files, or leave the channel out"
            )
        cumulated = np.cumsum(self._counts[name])
        bins = [int(np.searchsorted(cumulated, share * cumulated[-1])) for share in (LOW, HIGH)]
        values = [float(b) if self._exact else _from_bin(b) for b in bins]
        low, high = (float(np.clip(value, smallest, largest)) for value in values)
        return {"low": low, "high": high} if low < high else {"low": smallest, "high": largest}


def _to_bins(values: Array) -> Array:
    """Numbers of bins in the order of the values: the leading bits of a float, made to sort."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(2**31))
    return (ordered >> np.uint32(32 - _FLOAT_BITS)).astype(np.int64)


def _from_bin(number: int) -> float:
    """The value at the lower edge of a bin."""
    ordered = np.uint32(number << (32 - _FLOAT_BITS))
    bits = ordered ^ np.uint32(2**31) if ordered >> np.uint32(31) else ~ordered
    return float(np.array([bits], dtype=np.uint32).view(np.float32)[0])
