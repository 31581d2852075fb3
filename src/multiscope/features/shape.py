"""The outline of a cell."""

from __future__ import annotations

import numpy as np
from skimage.measure import regionprops

from multiscope.features.regions import Floats, Masks

_NAMES = ("area", "eccentricity", "solidity", "perimeter", "extent")


def shape(masks: Masks) -> dict[str, Floats]:
    """Properties of `masks` (n, S, S) as scikit-image's regionprops has them, in pixels or shares; each (n,).

    Also `form`: 4 pi area / perimeter^2, 1 for a disk (of few pixels a little more); 0 where the perimeter is 0.
    """
    rows = [_row(mask) for mask in masks]
    found = dict(zip(_NAMES, np.array(rows, dtype=np.float64).reshape(-1, len(_NAMES)).T, strict=True))
    perimeter = found["perimeter"]
    form = np.divide(4 * np.pi * found["area"], perimeter**2, out=np.zeros_like(perimeter), where=perimeter > 0)
    return found | {"form": form}


def _row(mask: Masks) -> list[float]:
    if not mask.any():
        return [0.0] * len(_NAMES)
    region = regionprops(mask.astype(np.uint8))[0]
    return [float(region[name]) for name in _NAMES]
