"""PSNR and SSIM by scikit-image, under three stated rules of matching intensities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

Rule = Literal["fixed", "affine", "published"]
RULES: tuple[Rule, ...] = get_args(Rule)
Plane = npt.NDArray[Any]


def score(image: Plane, clean: Plane, *, data_range: float) -> Iterator[tuple[str, Rule, float]]:
    """PSNR (dB) and SSIM of `image` (Y, X) against `clean`, under each rule: (metric, rule, value).

    `data_range` is that of the data set, in the units of both images. Identical images have a PSNR of infinity.
    """
    for rule in RULES:
        matched, target, span = match(image, clean, rule=rule, data_range=data_range)
        yield "psnr", rule, psnr(matched, target, span)
        yield "ssim", rule, float(structural_similarity(target, matched, data_range=span))


def psnr(image: Plane, clean: Plane, data_range: float) -> float:
    """PSNR in dB; infinity for identical images."""
    if np.array_equal(image, clean):
        return float("inf")
    return float(peak_signal_noise_ratio(clean, image, data_range=data_range))


def match(image: Plane, clean: Plane, *, rule: Rule, data_range: float) -> tuple[Plane, Plane, float]:
    """The two images and the data range as the rule compares them.

    fixed: as they are, with the range of the data set. affine: `image` fitted to `clean` by least squares (CARE,
    Weigert et al. 2018). published: each brought to 0..255 by its own minimum and maximum (Razdaibiedina et al. 2019),
    which forgives gain and offset and punishes single bright pixels.
    """
    image, clean = image.astype(np.float64), clean.astype(np.float64)
    if rule == "affine":
        return fit_affine(image, clean), clean, data_range
    if rule == "published":
        return _stretch(image), _stretch(clean), 255.0
    return image, clean, data_range


def fit_affine(image: Plane, clean: Plane) -> Plane:
    """The a * image + b nearest to `clean` in the least squares sense."""
    variance = image.var()
    gain = ((image - image.mean()) * (clean - clean.mean())).mean() / variance if variance > 0 else 0.0
    return np.asarray(gain * (image - image.mean()) + clean.mean())


def _stretch(image: Plane) -> Plane:
    low, high = image.min(), image.max()
    return (image - low) * (255.0 / (high - low)) if high > low else np.zeros_like(image)
