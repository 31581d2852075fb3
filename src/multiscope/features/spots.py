"""Bright structures smaller than the cell: how many, how large, how far apart.

Maxima of the Laplacian of Gaussian (Lindeberg, Int. J. Comput. Vis. 30:79, 1998), each taken for a Gaussian spot whose
width and height follow from the responses at two scales.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, label, maximum_filter

from multiscope.features.light import inside
from multiscope.features.regions import Floats, Masks, Regions, ratio

SIGMA = 1.5
"""Scale at which spots are looked for (pixels); nearer than about twice of it they are one."""
_WIDER = 1.6
_WIDEST = 6.0
_OF_HIGHEST, _OF_CELL, _OF_NOISE = 0.25, 0.1, 3.5
"""A spot's response is above these shares of the highest one and of the cell's mean light, and above as many (robust)
standard deviations of the responses."""
_MAD_TO_SD = 1.4826
_BLUR, _TRUNCATE = 2.5, 3.0
_REACH = round(SIGMA * _WIDER * _TRUNCATE)
_IN_PLANE = np.zeros((3, 3, 3), np.bool_)
_IN_PLANE[1] = True


@dataclass(frozen=True)
class _Spots:
    """Spots of a batch of crops, each field (m,)."""

    crop: npt.NDArray[np.intp]
    y: Floats
    x: Floats
    width: Floats
    """Standard deviation, pixels."""
    height: Floats

    def sums(self, values: Floats, n: int) -> Floats:
        """Sum of `values` (m,) in each of the `n` crops."""
        return np.bincount(self.crop, values, minlength=n).astype(np.float64)


def spots(light: Floats, regions: Regions) -> dict[str, Floats]:
    """Spots of `light` (n, S, S) inside; each (n,), 0 where there is none.

    `number`; `size` mean standard deviation in pixels (of the image, blur included), up to 6; `height` mean height over
    the cell's mean light; `spread` root mean square distance from their centroid and `distance` mean distance from the
    mask's, both in radii of the cell; `fraction` light of the spots over that of the cell (above 1 where they overlap).
    """
    n = len(light)
    total = inside(light, regions.masks).sum(axis=(1, 2))
    found = _find(light, regions, ratio(total, regions.area))
    number = found.sums(np.ones(len(found.crop)), n)
    centre = regions.centre[found.crop]
    distance = np.hypot(found.y - centre[:, 0], found.x - centre[:, 1])
    volume = 2 * np.pi * found.height * found.width**2
    return {
        "number": number,
        "size": ratio(found.sums(found.width, n), number),
        "height": ratio(ratio(found.sums(found.height, n), number), ratio(total, regions.area)),
        "spread": ratio(_spread(found, number), regions.radius),
        "distance": ratio(ratio(found.sums(distance, n), number), regions.radius),
        "fraction": ratio(found.sums(volume, n), total),
    }


def _find(light: Floats, regions: Regions, mean: Floats) -> _Spots:
    filled = _filled(light, regions.masks)
    near, far = (_response(filled, sigma)[:, _REACH:-_REACH, _REACH:-_REACH] for sigma in (SIGMA, SIGMA * _WIDER))
    inner = np.where(regions.masks, near, 0)
    least = _least(inner, mean, regions)[:, None, None]
    # a response has a maximum at most every other pixel
    peaks = regions.masks & (near > least) & (near == maximum_filter(np.where(regions.masks, near, -np.inf), (1, 3, 3)))
    labels, m = label(peaks, _IN_PLANE)
    which = labels[peaks] - 1
    size = np.bincount(which, minlength=m)
    # equal neighbours are one spot, at their middle
    crop, y, x, at, wide = (
        np.bincount(which, values, minlength=m) / size for values in (*np.nonzero(peaks), near[peaks], far[peaks])
    )
    width = _width(at, wide)
    height = ratio(at * (width**2 + SIGMA**2) ** 2, 2 * SIGMA**2 * width**2)
    return _Spots(np.rint(crop).astype(np.intp), y, x, width, height)


def _filled(light: Floats, masks: Masks) -> Floats:
    """The light inside, and outside what is near in the cell, so that the outline gives no response; with a margin."""
    frame = ((0, 0), (_REACH, _REACH), (_REACH, _REACH))
    parts = np.pad(light * masks, frame), np.pad(masks.astype(np.float64), frame)
    sums, weights = (gaussian_filter(part, (0, _BLUR, _BLUR), mode="constant", truncate=_TRUNCATE) for part in parts)
    return np.where(parts[1] > 0, parts[0], ratio(sums, weights))


def _response(planes: Floats, sigma: float) -> Floats:
    """Normalized, positive on bright spots: of one of height 1 and width s, 2 sigma^2 s^2 / (s^2 + sigma^2)^2."""
    orders = ((0, 2, 0), (0, 0, 2))
    curvature = sum(gaussian_filter(planes, (0, sigma, sigma), order, truncate=_TRUNCATE) for order in orders)
    return np.asarray(-(sigma**2) * curvature)


def _least(response: Floats, mean: Floats, regions: Regions) -> Floats:
    """The response above which there is a spot, (n,)."""
    middle = regions.quantiles(response, [0.5])
    deviation = regions.quantiles(np.abs(response - middle[:, :, None]), [0.5])
    noise = (middle + _OF_NOISE * _MAD_TO_SD * deviation)[:, 0]
    highest = response.max(axis=(1, 2), initial=0)
    return np.asarray(np.max([_OF_HIGHEST * highest, _OF_CELL * mean, noise], axis=0))


def _width(near: Floats, far: Floats) -> Floats:
    """Width (pixels) of spots by their responses at the two scales, at least a quarter of a pixel."""
    quotient = _WIDER * np.sqrt(ratio(near, far))
    squared = ratio((SIGMA * _WIDER) ** 2 - quotient * SIGMA**2, quotient - 1)
    # no larger response at the wider scale: narrower than can be measured; much larger: wider
    squared = np.where(far <= 0, 0, np.where(quotient <= 1, _WIDEST**2, squared))
    return np.asarray(np.sqrt(np.clip(squared, 0.25**2, _WIDEST**2)))


def _spread(found: _Spots, number: Floats) -> Floats:
    """Root mean square distance of a crop's spots from their centroid, in pixels (n,)."""
    squares = np.zeros(len(number))
    for axis in (found.y, found.x):
        apart = axis - ratio(found.sums(axis, len(number)), number)[found.crop]
        squares += found.sums(apart**2, len(number))
    return np.asarray(np.sqrt(ratio(squares, number)))
