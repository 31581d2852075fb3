"""The cell in the middle of a crop, where no mask came with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
_SMOOTH, _MIDDLE, _DEEPER, _LEAST = 1 / 42, 1 / 10, 1 / 256, 1 / 8
"""Shares of the side of a crop: a standard deviation, half the window in which the cell is looked at, how much deeper
than the neck between them two cells are, and the diameter below which an object is no cell."""
_DARK, _DARKEST = 10, 1
"""Percentiles that are background in any crop."""
_CONTRAST = 4
"""What is a cell is as many times as far above the background as that varies (between the two percentiles)."""


@dataclass(frozen=True)
class _Levels:
    """Brightness of what is no cell."""

    dark: float
    spread: float

    def show(self, brightness: float) -> bool:
        """Whether something as bright is not of the background."""
        return bool(brightness - self.dark > _CONTRAST * self.spread)


def central_cells(images: npt.NDArray[np.generic]) -> Mask:
    """The mask of the cell in the middle of each crop, (N, S, S), of one channel (N, S, S) in which cells are bright.

    Smoothed; above the threshold of Otsu (IEEE Trans. SMC 9:62, 1979), or above half the brightness of the middle where
    that is lower, for a dim cell beside bright ones; holes filled; touching cells parted by a watershed on the distance
    to their outline; the object at the middle, or nearest to it, down to half of its own brightness. A crop without any
    object is all cell: count them by `mask.all()`. Lengths are shares of the side of a crop.
    """
    found = [_central(np.asarray(image, dtype=np.float64)) for image in images]
    return np.array(found, dtype=bool).reshape(images.shape)


def _central(image: Floats) -> Mask:
    side = min(image.shape)
    least = np.pi / 4 * (side * _LEAST) ** 2
    smooth = ndimage.gaussian_filter(image, side * _SMOOTH)
    darkest, dark = np.percentile(smooth, [_DARKEST, _DARK])
    levels = _Levels(dark, dark - darkest)
    found = _nearest(_parted(_bright(smooth, levels), side * _DEEPER), least)
    if found.any():
        found = _nearest(_outlined(found, smooth, levels), least)
    return found if found.any() else np.ones_like(found)


def _bright(smooth: Floats, levels: _Levels) -> Mask:
    if smooth.max() <= smooth.min():
        return np.zeros(smooth.shape, dtype=bool)
    threshold = threshold_otsu(smooth)
    reach = round(min(smooth.shape) * _MIDDLE)
    window = tuple(slice(side // 2 - reach, side // 2 + reach + 1) for side in smooth.shape)
    middle = float(np.median(smooth[window]))
    if levels.show(middle):
        threshold = min(threshold, (levels.dark + middle) / 2)
    filled: Mask = ndimage.binary_fill_holes(smooth > threshold)
    return filled


def _parted(bright: Mask, deeper: float) -> npt.NDArray[np.intp]:
    """Numbers of the cells that touch, from 1; 0 outside."""
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(bright), 1)
    markers, _ = ndimage.label(h_maxima(depth, deeper) & bright)
    return np.asarray(watershed(-depth, markers, mask=bright), dtype=np.intp)


def _outlined(found: Mask, smooth: Floats, levels: _Levels) -> npt.NDArray[np.intp]:
    """Numbers of the parts of an object that are above half of its own brightness; none if it does not show."""
    own = float(smooth[found].mean())
    inner = ndimage.binary_fill_holes(found & (smooth > (levels.dark + own) / 2)) & levels.show(own)
    return np.asarray(ndimage.label(inner)[0], dtype=np.intp)


def _nearest(objects: npt.NDArray[np.intp], least: float) -> Mask:
    """The object at the middle of the crop or nearest to it, of those of at least that many pixels."""
    objects[np.bincount(objects.ravel())[objects] < least] = 0
    rows, columns = np.nonzero(objects)
    if not len(rows):
        return np.zeros(objects.shape, dtype=bool)
    apart = [2 * at - (side - 1) for at, side in zip((rows, columns), objects.shape, strict=True)]
    nearest = np.argmin(apart[0] ** 2 + apart[1] ** 2)
    return np.asarray(objects == objects[rows[nearest], columns[nearest]])
