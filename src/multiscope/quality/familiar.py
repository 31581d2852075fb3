"""Whether an image looks like those a network was trained on: brightness and spectrum of its patches.

A network shown something else answers all the same. What is compared are the mean, the peak and the power in octaves of
spatial frequency of every patch, against the range that nearly all training patches had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float64]

BANDS = 4
"""Bands of spatial frequency, each half as wide as the one above it; the lowest reaches down to all but the mean."""
NAMES = ("mean", "peak", *(f"power_{band}" for band in range(BANDS)))
"""Features of a patch: mean and 99.9 percent of its pixels, in the units of the image; log10 of its mean power in each
band, the coarsest first, in squared units of the image."""
_PEAK = 99.9
_LOW, _HIGH = 0.005, 0.995
_NYQUIST = 0.5


@dataclass(frozen=True)
class Familiarity:
    """How an image compares with the training patches."""

    distance: float
    """Median over patches of the most deviating feature: 0 the middle of the training range, 1 its end."""
    strange: float
    """Share of patches with a feature outside the training range."""
    feature: str
    """The feature, one of `NAMES`, by which the image is farthest from the middle of its training range."""

    @property
    def familiar(self) -> bool:
        """Whether at least half of the patches are within the training range in every feature."""
        return self.distance <= 1


@dataclass(frozen=True)
class Range:
    """Between which values each of `NAMES` lies in 99 of 100 training patches."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, features: Features) -> Range:
        """Range of the patches' features (N, len(NAMES))."""
        low, high = np.quantile(features, [_LOW, _HIGH], axis=0)
        return cls(tuple(low.tolist()), tuple(high.tolist()))

    @classmethod
    def from_facts(cls, facts: Mapping[str, Sequence[float]]) -> Range:
        """Back from `facts`; features by their names, in any order."""
        return cls(*(tuple(float(facts[name][side]) for name in NAMES) for side in (0, 1)))

    def facts(self) -> dict[str, list[float]]:
        """As JSON values, for a manifest or a model's card: low and high of each feature."""
        return {name: [low, high] for name, low, high in zip(NAMES, self.low, self.high, strict=True)}

    def compare(self, features: Features) -> Familiarity:
        """An image by the features of its patches (N, len(NAMES))."""
        low, high = np.asarray(self.low), np.asarray(self.high)
        # a feature that all training patches share to the last bit still has a width
        half = np.maximum((high - low) / 2, 1e-6 * np.maximum(np.abs(high), 1e-6))
        away = np.abs(features - (low + high) / 2) / half
        typical = np.median(away, axis=0)
        return Familiarity(
            distance=float(np.median(away.max(axis=1))),
            strange=float((away.max(axis=1) > 1).mean()),
            feature=NAMES[int(typical.argmax())],
        )


def patch_features(plane: npt.NDArray[Any], size: int) -> Features:
    """Features (N, len(NAMES)) of the patches `size` x `size` that a plane (Y, X) is cut into.

    What is left over at the lower and right edge is covered by patches that overlap their neighbours; a plane smaller
    than a patch is cut into patches of its own shorter side.
    """
    size = min(size, *plane.shape)
    values = plane.astype(np.float64)
    corners = [_corners(length, size) for length in plane.shape]
    patches = np.stack([values[y : y + size, x : x + size] for y in corners[0] for x in corners[1]])
    mean = patches.mean(axis=(1, 2))
    peak = np.percentile(patches, _PEAK, axis=(1, 2))
    return np.column_stack([mean, peak, _log_power(patches - mean[:, None, None])])


def _corners(length: int, size: int) -> list[int]:
    return sorted({*range(0, length - size + 1, size), length - size})


def _log_power(patches: Features) -> Features:
    """log10 of the mean power in each band of patches (N, S, S) without their mean, (N, BANDS)."""
    size = patches.shape[-1]
    # without a window the jump between opposite edges would fill all bands
    window = np.hanning(size + 2)[1:-1]
    weight = window[:, None] * window
    spectrum = np.abs(np.fft.fft2(patches * weight)) ** 2 / (weight**2).sum()
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size))
    edges = [0.0, *(_NYQUIST / 2**band for band in range(BANDS - 1, 0, -1)), np.inf]
    power = []
    for low, high in pairwise(edges):
        # a patch of less than 16 pixels has nothing as coarse as the lowest band, but for its coarsest waves
        inside = (frequency > low) & (frequency <= max(high, 1 / size))
        power.append(spectrum[:, inside].sum(axis=1) / max(int(inside.sum()), 1))
    return np.asarray(np.log10(np.maximum(np.column_stack(power), 1e-12)))
