"""Spatial frequencies of an image (Y, X) against those of the clean one: power and ring correlation.

Frequencies are in cycles a pixel. Rings are as wide as one frequency step of the shorter side and reach from the first
whole ring, one wave over that side, to Nyquist's 0.5, so that images of any shape have rings of one kind. The mean is
taken off and a Hann window laid over the image, because the jump between opposite edges would fill all rings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft2  # type: ignore[import-untyped, unused-ignore]

from multiscope.metrics.matching import is_constant

Plane = npt.NDArray[Any]
Values = npt.NDArray[np.float64]

ONE_SEVENTH = 1 / 7
"""Threshold for two images that are equally noisy (Rosenthal & Henderson 2003): the 0.143 of the literature."""
AGAINST_CLEAN = 0.5
"""Threshold for an image against one without noise: it holds as much signal as each of two at `ONE_SEVENTH`."""
_POWER_FLOOR = 1e-8  # of the squared range: white noise of 1e-4 of the range, half a step of a 12 bit camera
_HALF_BIT = 0.2071  # signal to noise ratio of half the data, where the whole holds half a bit


@dataclass(frozen=True)
class RingCorrelation:
    """Fourier ring correlation of two images."""

    frequency: Values
    """Middle of each ring, cycles a pixel, ascending to 0.5."""
    correlation: Values
    """Of each ring, -1 to 1. 0 where only one image has any power; NaN where neither has."""
    n_waves: npt.NDArray[np.int64]
    """Fourier pixels in each ring, both halves of the plane."""

    @property
    def mean(self) -> float:
        """Mean over the rings, each weighing alike: the area below the curve; NaN where no ring has power."""
        known = self.correlation[~np.isnan(self.correlation)]
        return float(known.mean()) if known.size else float("nan")

    def resolution(self, threshold: float | Literal["half_bit"] = ONE_SEVENTH, *, pixel_size: float = 1.0) -> float:
        """Wavelength at which the curve first falls below the threshold, in units of `pixel_size`.

        1.0 gives pixels, micrometres a pixel give micrometres. Between rings the curve is a straight line. A curve that
        never falls below has the resolution of Nyquist, 2 pixels; one that starts below has the coarsest wave there is,
        the shorter side. NaN where no ring has power. `half_bit` is the criterion of van Heel & Schatz 2005, with the
        number of Fourier pixels in a ring.
        """
        known = ~np.isnan(self.correlation)
        if not known.any():
            return float("nan")
        frequency = self.frequency[known]
        above = (self.correlation - self._threshold(threshold))[known]
        below = np.flatnonzero(above < 0)
        if not below.size:
            return pixel_size / 0.5
        at = int(below[0])
        if at == 0:
            return float(pixel_size / frequency[0])
        share = above[at - 1] / (above[at - 1] - above[at])
        return float(pixel_size / (frequency[at - 1] + share * (frequency[at] - frequency[at - 1])))

    def _threshold(self, threshold: float | Literal["half_bit"]) -> Values:
        if threshold != "half_bit":
            return np.full(len(self.frequency), float(threshold))
        noise = 1 / np.sqrt(self.n_waves)
        cross = 2 * np.sqrt(_HALF_BIT) * noise
        return np.asarray((_HALF_BIT + cross + noise) / (_HALF_BIT + 1 + cross))


def radial_power(plane: Plane) -> tuple[Values, Values]:
    """Frequency (cycles a pixel) and mean power of each ring; white noise of variance v has power v in all.

    Power is in squared units of the image; a constant image has 0.
    """
    rings = _rings(plane.shape)
    wave = _spectrum(plane)
    return rings.frequency, rings.mean(wave.real**2 + wave.imag**2)


def spectral_error(image: Plane, clean: Plane, *, data_range: float) -> float:
    """Mean absolute log10 ratio of the two radial powers; 0 for equal spectra, 1 for a factor of ten in power.

    Over all rings, one wave over the shorter side to Nyquist, each weighing alike. Power below that of white noise of
    1e-4 of `data_range`, which no camera could record, is raised to it: else a smooth image would be judged by the
    rounding of its numbers, and a constant one would have no score. Positions of structures do not count, gain does.
    """
    floor = _POWER_FLOOR * data_range**2
    first, second = (np.log10(np.maximum(radial_power(plane)[1], floor)) for plane in (image, clean))
    return float(np.abs(first - second).mean())


def ring_correlation(a: Plane, b: Plane) -> RingCorrelation:
    """Fourier ring correlation (Saxton & Baumeister 1982; van Heel 1982) of images of one shape.

    Neither gain nor offset of an image changes it. For a pair of a constant and another image it is 0 in every ring,
    for two constant ones NaN.
    """
    rings = _rings(a.shape)
    first, second = _spectrum(a), _spectrum(b)
    shared = rings.mean(first.real * second.real + first.imag * second.imag)
    powers = [rings.mean(wave.real**2 + wave.imag**2) for wave in (first, second)]
    norm = np.sqrt(powers[0]) * np.sqrt(powers[1])  # the product of the powers could underflow
    correlation = np.where((powers[0] == 0) & (powers[1] == 0), np.nan, 0.0)
    np.divide(shared, norm, out=correlation, where=norm > 0)
    return RingCorrelation(rings.frequency, correlation, rings.count)


@dataclass(frozen=True)
class _Rings:
    index: npt.NDArray[np.intp]  # of each pixel of the half plane; 0 and the last are outside
    weight: Values  # how often the whole plane has it
    count: npt.NDArray[np.int64]
    frequency: Values

    def mean(self, values: Values) -> Values:
        """Mean of a real half plane in each ring."""
        sums = np.bincount(self.index, (values * self.weight).ravel(), minlength=len(self.count) + 2)
        return np.asarray(sums[1:-1] / self.count)


@lru_cache(maxsize=8)
def _rings(shape: tuple[int, int]) -> _Rings:
    height, width = shape
    side = min(shape)
    n = side // 2
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    # a step of rounding must not move a wave on the edge of two rings
    index = np.minimum(np.floor(np.round(frequency * side, 9) + 0.5), n + 1).astype(np.intp).ravel()
    weight = np.full((height, width // 2 + 1), 2.0)
    weight[:, 0] = 1
    if width % 2 == 0:
        weight[:, -1] = 1
    count = np.bincount(index, weight.ravel(), minlength=n + 2)[1:-1].astype(np.int64)
    return _Rings(index, weight, count, np.arange(1, n + 1) / side)


def _spectrum(plane: Plane) -> npt.NDArray[np.complex128]:
    """Half plane of waves of the windowed image, scaled so that white noise of variance 1 has mean power 1."""
    values = plane.astype(np.float64)
    # a window without its zeros at the ends, which would waste two rows
    along_y, along_x = (np.hanning(length + 2)[1:-1] for length in values.shape)
    window = along_y[:, None] * along_x
    if is_constant(values):
        return np.zeros((values.shape[0], values.shape[1] // 2 + 1), dtype=np.complex128)
    centred = values - (values * window).sum() / window.sum()
    return np.asarray(rfft2(centred * window) / np.sqrt((window**2).sum()))
