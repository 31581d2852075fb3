"""Whether a restoration explains the image it was made from: degraded again, it should look like it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[Any]
Degrade = Callable[[Image, int], Image]
"""A forward model: image (Y, X) and the number of a draw to the degraded image of the same shape and type."""

LEAST_FLOOR = 0.01
"""Standard deviation of what the clean image leaves unexplained, as a share of the data's range, at least: a model
without noise leaves nothing, and no restoration is compared with nothing."""


def unexplained(image: Image, degraded: Image, model: Degrade, *, draws: int) -> float:
    """Mean squared difference of `degraded` and `image` degraded again, over `draws`; both (Y, X), in camera units.

    A difference of the means counts: a restoration of another brightness does not explain its input.
    """
    again = (as_type(model(as_type(image, degraded.dtype), draw), degraded.dtype) for draw in range(draws))
    return float(np.mean([((degraded.astype(np.float64) - plane) ** 2).mean() for plane in again]))


def consistency(
    images: Image, clean: Image, degraded: Image, model: Degrade, *, draws: int, span: float
) -> npt.NDArray[np.float64]:
    """What each of `images` leaves unexplained over what the clean image does: about 1 where they explain it alike.

    Above 1 a restoration contradicts its input; it lost or invented what the forward model would show. Below 1 it
    knows the input better than the truth does: it kept its noise (an input that was only copied gets one half where
    the noise is white and does not depend on the image). `images` are (S, Y, X), the others (Y, X), all in camera
    units; `span` is the data's range. The same draws of noise are used for all. Returns (S,).
    """
    floor = max(unexplained(clean, degraded, model, draws=draws), (LEAST_FLOOR * span) ** 2)
    return np.array([unexplained(image, degraded, model, draws=draws) / floor for image in images])


def as_type(image: Image, dtype: np.dtype[Any]) -> Image:
    """The image as a camera of this type would store it: integers are rounded and clipped."""
    if dtype.kind == "f":
        return image.astype(dtype)
    bounds = np.iinfo(dtype)
    return np.clip(np.rint(image), bounds.min, bounds.max).astype(dtype)
