"""Colours that are none: grey images are often saved as RGB."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

TRANSPARENT = "its last channel is transparency"


def kept_samples(planes: Iterable[npt.NDArray[Any]], *, n: int, alpha: bool) -> tuple[int, ...]:
    """Which of the `n` samples of colour planes (Y, X, n) are channels.

    Colours that are equal everywhere are one grey channel; transparency (the last sample, if `alpha`) is dropped where
    it is constant. Planes are looked at until it is clear.
    """
    n_colours = n - alpha
    grey, opaque, first = True, True, None
    for plane in planes:
        grey = grey and bool((plane[..., :n_colours] == plane[..., :1]).all())
        if alpha and opaque:
            first = plane.flat[-1] if first is None else first
            opaque = bool((plane[..., -1] == first).all())
        if not grey and (not alpha or not opaque):
            break
    if not opaque:
        return tuple(range(n))
    return (0,) if grey else tuple(range(n_colours))


def picked(pixels: npt.NDArray[Any], samples: tuple[int, ...]) -> npt.NDArray[Any]:
    """The channels (C, Y, X) of a plane (Y, X, samples)."""
    return np.moveaxis(pixels[..., list(samples)], 2, 0)
