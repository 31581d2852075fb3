"""All scores of one image against the clean one, as rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.metrics.matching import RULES, Plane, Rule, match
from multiscope.metrics.perceptual import plane_distance
from multiscope.metrics.pixels import WINDOW, ms_ssim, nrmse, psnr, ssim
from multiscope.metrics.spectra import AGAINST_CLEAN, ring_correlation, spectral_error
from multiscope.nn.content import ContentFeatures


def score(
    image: Plane,
    clean: Plane,
    *,
    data_range: float,
    content: ContentFeatures | None = None,
    to_unit: Callable[[Plane], npt.NDArray[Any]] | None = None,
) -> Iterator[tuple[str, Rule, float]]:
    """Scores of `image` (Y, X) against `clean`: (metric, rule, value), always the same rows in the same order.

    `data_range` is that of the data set, in the units of both images. psnr (dB), ssim, ms_ssim and nrmse come under
    each rule. The others have no rule of their own and stand under `fixed`, because no intensity is fitted to the clean
    image's: spectral_error (log10 of power), frc (mean Fourier ring correlation), frc_resolution (pixels, at the
    threshold of 0.5 for a clean reference); and, where a `content` network is given, perceptual, of both images brought
    to [-1, 1] by `to_unit` and clipped. Lower is better for nrmse, spectral_error, frc_resolution and perceptual.

    Identical images have a psnr of infinity. Where `clean` is constant, nrmse, frc and frc_resolution are NaN, whatever
    `image` is; nothing else is ever NaN. Images of different shapes, with a side of less than 11 pixels or with values
    that are not finite are an `InputError`.
    """
    _check(image, clean, data_range)
    if content is not None and to_unit is None:
        raise ValueError("a content network needs to_unit, which brings images to [-1, 1]")
    for rule in RULES:
        matched, target, span = match(image, clean, rule=rule, data_range=data_range)
        yield "psnr", rule, psnr(matched, target, span)
        yield "ssim", rule, ssim(matched, target, span)
        yield "ms_ssim", rule, ms_ssim(matched, target, span)
        yield "nrmse", rule, nrmse(matched, target)
    rings = ring_correlation(image, clean)
    undefined = bool(clean.min() == clean.max())
    yield "spectral_error", "fixed", spectral_error(image, clean, data_range=data_range)
    yield "frc", "fixed", float("nan") if undefined else rings.mean
    yield "frc_resolution", "fixed", float("nan") if undefined else rings.resolution(AGAINST_CLEAN)
    if content is not None and to_unit is not None:
        first, second = (np.clip(to_unit(plane), -1, 1) for plane in (image, clean))
        yield "perceptual", "fixed", plane_distance(content, first, second)


def _check(image: Plane, clean: Plane, data_range: float) -> None:
    if image.ndim != 2 or image.shape != clean.shape:
        raise InputError(f"score: images are {image.shape} and {clean.shape}, expected two of one shape (Y, X)")
    if min(image.shape) < WINDOW:
        raise InputError(f"score: images are {image.shape}, expected at least {WINDOW} pixels a side; crop them larger")
    if not 0 < data_range < np.inf:
        raise InputError(f"score: the data range is {data_range}, expected more than 0; are all images constant?")
    for name, plane in (("image", image), ("clean image", clean)):
        if not np.isfinite(plane).all():
            raise InputError(f"score: the {name} has values that are not finite; a training that diverged makes such")
