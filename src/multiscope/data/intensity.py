"""The range of intensities of each channel, gathered image by image without keeping the images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.quality.histogram import Histogram

Array = npt.NDArray[Any]
LOW, HIGH = 0.001, 0.999


class IntensityRange:
    """Percentiles and extremes of every channel of the images added.

    Exact for integers of up to 16 bits; others are counted as floats of 20 bits, so a percentile is at most 0.05 % off.
    """

    def __init__(self, channels: Sequence[str]) -> None:
        """Start with no image."""
        self._channels = list(channels)
        self._histograms = {name: Histogram() for name in channels}
        self._extremes = {name: (np.inf, -np.inf) for name in channels}

    def add(self, image: Array) -> None:
        """Count the pixels of an image (C, ..., Y, X); all images have one dtype."""
        for name, plane in zip(self._channels, image, strict=True):
            self._histograms[name].add(plane)
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
        values = self._histograms[name].percentiles((LOW, HIGH))
        low, high = (float(np.clip(value, smallest, largest)) for value in values)
        return {"low": low, "high": high} if low < high else {"low": smallest, "high": largest}
