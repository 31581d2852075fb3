"""Scores of an image (Y, X) against the clean one, pixel by pixel and window by window.

All take float64 planes in the units of `data_range`, as `matching.match` gives them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d  # type: ignore[import-untyped, unused-ignore]
from skimage.metrics import normalized_root_mse, structural_similarity

from multiscope.errors import InputError
from multiscope.metrics.matching import is_constant

Plane = npt.NDArray[Any]

WINDOW = 11
"""Pixels of the Gaussian window of `ms_ssim`: the shortest side it can score."""
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weight of each scale of `ms_ssim`, the finest first (Wang et al. 2003)."""
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03
_ROUNDING = 1e-24  # squared: a difference of 1e-12 of the range is what float64 leaves of equal images


def psnr(image: Plane, clean: Plane, data_range: float) -> float:
    """PSNR in dB; infinity for images that are equal but for rounding (240 dB and more)."""
    error = float(((image - clean) ** 2).mean()) / data_range**2
    return float("inf") if error <= _ROUNDING else -10 * float(np.log10(error))


def ssim(image: Plane, clean: Plane, data_range: float) -> float:
    """Structural similarity with scikit-image's defaults (Wang et al. 2004; uniform window of 7 x 7); at most 1."""
    return float(structural_similarity(clean, image, data_range=data_range))


def nrmse(image: Plane, clean: Plane) -> float:
    """Root mean squared error over the clean image's own maximum minus minimum, as CARE (Weigert et al. 2018) has it.

    Unlike PSNR it is relative to the contrast of this image, not of the data set. NaN where `clean` is constant.
    """
    if is_constant(clean):
        return float("nan")
    return float(normalized_root_mse(clean, image, normalization="min-max"))


def ms_ssim(image: Plane, clean: Plane, data_range: float) -> float:
    """Multi-scale structural similarity (Wang, Simoncelli & Bovik 2003), in [0, 1].

    Gaussian window of 11 taps and sigma 1.5, only where it lies inside the image; each scale is the mean of 2 x 2
    pixels of the one before. Contrast and structure count at every scale, luminance at the coarsest, with the published
    weights. A negative contrast (structures upside down) counts as 0, because its power is no real number. An image
    whose shorter side has less than 176 pixels has fewer scales, whose weights are brought to a sum of 1; less than 11
    is an `InputError`.
    """
    weights = _scale_weights(min(image.shape))
    value = 1.0
    for scale, weight in enumerate(weights):
        if scale:
            image, clean = _halve(image), _halve(clean)
        luminance, contrast = _similarity(image, clean, data_range)
        last = scale == len(weights) - 1
        mean = float((luminance * contrast if last else contrast).mean())
        value *= max(mean, 0.0) ** float(weight)
    return value


def _scale_weights(side: int) -> npt.NDArray[np.float64]:
    if side < WINDOW:
        raise InputError(
            f"ms_ssim: the image is {side} pixels wide or high, expected at least {WINDOW}; crop it larger"
        )
    n_scales = min(len(SCALE_WEIGHTS), int(np.log2(side / WINDOW)) + 1)
    weights = np.array(SCALE_WEIGHTS[:n_scales])
    return np.asarray(weights / weights.sum())


def _similarity(image: Plane, clean: Plane, data_range: float) -> tuple[Plane, Plane]:
    """Maps of the luminance term and of the contrast and structure term."""
    mean_a, mean_b = _smooth(image), _smooth(clean)
    product = mean_a * mean_b
    squares = mean_a**2 + mean_b**2
    variances = _smooth(image**2 + clean**2) - squares
    covariance = _smooth(image * clean) - product
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    return (2 * product + c1) / (squares + c1), (2 * covariance + c2) / (variances + c2)


def _smooth(plane: Plane) -> Plane:
    half = WINDOW // 2
    taps = np.exp(-((np.arange(-half, half + 1) / _SIGMA) ** 2) / 2)
    taps /= taps.sum()
    rows = correlate1d(plane, taps, axis=0)[half:-half]
    return np.asarray(correlate1d(rows, taps, axis=1)[:, half:-half])


def _halve(plane: Plane) -> Plane:
    height, width = (length // 2 for length in plane.shape)
    blocks = plane[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    return np.asarray(blocks.mean(axis=(1, 3)))
