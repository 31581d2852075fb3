"""The objects of a label image, and what is measured of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import ndimage
from skimage.measure import regionprops

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_ROUNDING = 1 / np.sqrt(12)
"""Standard deviation that rounding to integers alone gives."""
_FEWEST = 5
_PILE = 3
"""Pixels at an image's largest value, and how many times those of the next value, that are taken for clipped."""


@dataclass(frozen=True)
class Objects:
    """The objects of one label image, which may have huge and sparse numbers, numbered 1 to n."""

    numbers: npt.NDArray[np.int64]
    """(Y, X): 0 is background, others rows of `table` plus 1."""
    table: pd.DataFrame
    """`label` as given, sorted; `area` in pixels; centroid `y`, `x`; bounding box `top`, `left`, `bottom`, `right`,
    the last two exclusive."""


def find_objects(labels: npt.NDArray[np.uint32]) -> Objects:
    """Number the objects of `labels` (Y, X); an object is all pixels of one label, in one piece or several."""
    present, numbers = np.unique(labels, return_inverse=True)
    numbers = numbers.reshape(labels.shape) + (0 if present[0] == 0 else 1)
    names = present[present != 0]
    area = np.bincount(numbers.ravel(), minlength=len(names) + 1)[1:]
    grids: Array = np.indices(labels.shape)
    centroid = {axis: _sums(numbers, grids[i], len(names)) / area for i, axis in enumerate("yx")}
    boxes = np.array(
        [(y.start, x.start, y.stop, x.stop) for y, x in ndimage.find_objects(numbers)], dtype=np.int64
    ).reshape(-1, 4)
    sides = dict(zip(("top", "left", "bottom", "right"), boxes.T, strict=True))
    return Objects(numbers, pd.DataFrame({"label": names.astype(np.int64), "area": area, **centroid, **sides}))


@dataclass(frozen=True)
class Background:
    """Each channel of a field outside of its cells; of the whole field where cells cover all of it."""

    median: Floats
    spread: Floats
    """Standard deviation, at least that of rounding."""


def background_of(image: Array, numbers: npt.NDArray[np.int64]) -> Background:
    """The background of `image` (C, Y, X)."""
    outside = numbers == 0
    pixels = image[:, outside] if outside.any() else image.reshape(len(image), -1)
    least = _ROUNDING if image.dtype.kind in "iu" else float(np.finfo(np.float32).tiny)
    spread = np.maximum(pixels.std(axis=1, dtype=np.float64), least)
    return Background(np.median(pixels, axis=1).astype(np.float64), spread)


def measure(image: Array, objects: Objects) -> pd.DataFrame:
    """One row an object of the clean `image` (C, Y, X), each the largest over the channels, beside `solidity`.

    `solidity`: area over the area of the convex hull. `contrast`: mean inside less the background's median, in standard
    deviations of the background. `sharpness`: variance of the Laplacian inside over the variance of the pixels; noise
    raises it too. `saturated`: share of the pixels at the largest value.
    """
    n = len(objects.table)
    background = background_of(image, objects.numbers)
    found: dict[str, list[Floats]] = {"contrast": [], "sharpness": [], "saturated": []}
    for channel, plane in enumerate(image):
        mean, variance = _moments(objects, plane.astype(np.float64))
        _, roughness = _moments(objects, ndimage.laplace(plane.astype(np.float64), mode="nearest"))
        found["contrast"].append((mean - background.median[channel]) / background.spread[channel])
        found["sharpness"].append(np.divide(roughness, variance, out=np.zeros(n), where=variance > 0))
        found["saturated"].append(_sums(objects.numbers, at_ceiling(plane), n) / objects.table["area"].to_numpy())
    solidity = [float(region.solidity) for region in regionprops(objects.numbers)]
    return pd.DataFrame({"solidity": solidity} | {name: np.max(values, axis=0) for name, values in found.items()})


def at_ceiling(plane: Array) -> npt.NDArray[np.bool_]:
    """Pixels of `plane` (Y, X) at the largest value: that of its type, or its own where values pile up there.

    A camera of 12 bits clips below the largest value of its type: then far more pixels hold the image's largest value
    than the next one below. Without clipping the few brightest pixels of a field are no fault.
    """
    highest = plane.max()
    at = plane == highest
    if plane.dtype.kind in "iu" and highest == np.iinfo(plane.dtype).max:
        return np.asarray(at)
    below = plane[~at]
    piles_up = below.size and at.sum() >= max(_FEWEST, _PILE * (plane == below.max()).sum())
    return np.asarray(at) if piles_up else np.zeros(plane.shape, bool)


def _moments(objects: Objects, plane: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the pixels of every object."""
    n, area = len(objects.table), objects.table["area"].to_numpy()
    mean = _sums(objects.numbers, plane, n) / area
    deviation = plane - np.concatenate([[0.0], mean])[objects.numbers]
    return mean, _sums(objects.numbers, deviation**2, n) / area


def _sums(numbers: npt.NDArray[np.int64], values: Array, n: int) -> Floats:
    sums: Floats = np.bincount(numbers.ravel(), weights=values.ravel(), minlength=n + 1).astype(np.float64, copy=False)
    return sums[1:]
