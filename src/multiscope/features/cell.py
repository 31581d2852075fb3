"""The cell in the middle of a crop, where no mask came with it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]
_SMOOTH = 1.5
_APART = 7
"""Pixels that the middles of two cells are apart at least."""
_LEAST = 30
"""Pixels; smaller objects are no cells."""


def central_cells(images: npt.NDArray[np.generic]) -> Mask:
    """The mask of the cell in the middle of each crop, (N, S, S), of one channel (N, S, S) in which cells are bright.

    Smoothed, thresholded (Otsu, IEEE Trans. SMC 9:62, 1979), holes filled, touching cells parted by a watershed on the
    distance to their outline; the object at the centre, or nearest to it. A crop without any object is all cell.
    """
    return np.stack([_central(np.asarray(image, dtype=np.float64)) for image in images])


def _central(image: Floats) -> Mask:
    smooth = ndimage.gaussian_filter(image, _SMOOTH)
    whole: Mask = np.ones(image.shape, dtype=bool)
    if smooth.max() <= smooth.min():
        return whole
    bright = ndimage.binary_fill_holes(smooth > threshold_otsu(smooth))
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(bright), 1)
    peaks = peak_local_max(distance, min_distance=_APART, labels=bright.astype(int), exclude_border=False)
    markers = np.zeros(image.shape, dtype=int)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    objects = watershed(-distance, markers, mask=bright)
    sizes = np.bincount(objects.ravel())
    objects[sizes[objects] < _LEAST] = 0
    if not objects.any():
        return whole
    middle = np.array(image.shape) // 2
    rows, columns = np.nonzero(objects)
    nearest = np.argmin((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2)
    found: Mask = objects == objects[rows[nearest], columns[nearest]]
    return found
