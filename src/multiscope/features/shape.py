"""The outline of a cell."""

from __future__ import annotations

import numpy as np
from skimage.measure import regionprops

from multiscope.features.regions import Floats, Masks, Regions, ratio

_NAMES = ("area", "solidity", "perimeter", "extent")


def shape(regions: Regions) -> dict[str, Floats]:
    """Properties of masks as scikit-image's regionprops has them, in pixels or shares; each (n,).

    Also `form`: 4 pi area / perimeter^2, 1 for a disk (of few pixels a little more); 0 where the perimeter is 0.
    """
    rows = [_row(mask) for mask in regions.masks]
    found = dict(zip(_NAMES, np.array(rows, dtype=np.float64).reshape(-1, len(_NAMES)).T, strict=True))
    form = ratio(4 * np.pi * found["area"], found["perimeter"] ** 2)
    return found | {"eccentricity": eccentricity(regions), "form": form}


def eccentricity(regions: Regions) -> Floats:
    """Of the ellipse with the same second moments, 0 (a disk) to 1 (a line), (n,); regionprops takes one by one."""
    y, x = (np.arange(side) - regions.centre[:, axis, None] for axis, side in enumerate(regions.masks.shape[1:]))
    pixels = regions.masks.astype(np.float64)
    yy, xx = (pixels.sum(axis=2) * y**2).sum(axis=1), (pixels.sum(axis=1) * x**2).sum(axis=1)
    xy = (y[:, None] @ pixels @ x[:, :, None])[:, 0, 0]
    middle, apart = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    return np.sqrt(np.clip(ratio(2 * apart, middle + apart), 0, 1))


def _row(mask: Masks) -> list[float]:
    if not mask.any():
        return [0.0] * len(_NAMES)
    region = regionprops(mask.astype(np.uint8))[0]
    return [float(region[name]) for name in _NAMES]
