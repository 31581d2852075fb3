"""Three rules of matching intensities before two images are compared."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

Rule = Literal["fixed", "affine", "published"]
RULES: tuple[Rule, ...] = get_args(Rule)
Plane = npt.NDArray[Any]


def match(image: Plane, clean: Plane, *, rule: Rule, data_range: float) -> tuple[Plane, Plane, float]:
    """The two images (Y, X) as float64 and the data range as the rule compares them.

    fixed: as they are, with the range of the data set. affine: `image` fitted to `clean` by least squares (CARE,
    Weigert et al. 2018). published: each brought to 0..255 by its own minimum and maximum (Razdaibiedina et al. 2019),
    which forgives gain and offset and punishes single bright pixels; a constant image becomes 0.
    """
    image, clean = image.astype(np.float64), clean.astype(np.float64)
    if rule == "affine":
        return fit_affine(image, clean), clean, data_range
    if rule == "published":
        return _stretch(image), _stretch(clean), 255.0
    return image, clean, data_range


def fit_affine(image: Plane, clean: Plane) -> Plane:
    """The a * image + b nearest to `clean` in the least squares sense; of a constant image, the mean of `clean`."""
    if is_constant(image):
        return np.full_like(clean, clean.mean())
    centred = image - image.mean()
    gain = (centred * (clean - clean.mean())).mean() / (centred**2).mean()
    return np.asarray(gain * centred + clean.mean())


def is_constant(plane: Plane) -> bool:
    """Whether all pixels are equal."""
    return bool(plane.min() == plane.max())


def _stretch(image: Plane) -> Plane:
    if is_constant(image):
        return np.zeros_like(image)
    low, high = image.min(), image.max()
    return np.asarray((image - low) * (255.0 / (high - low)))
