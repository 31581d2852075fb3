"""Smaller copies of an image, for viewers: each level half as high and wide as the one before."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_SMALLEST = 64


def image_levels(image: Array) -> list[Array]:
    """`image` (..., Y, X) and its levels, pixels averaged 2 x 2 in Y and X, down to at least 64 pixels a side."""
    levels = [image]
    while _can_halve(levels[-1]):
        planes = levels[-1].reshape(-1, *levels[-1].shape[-2:])
        # plane by plane: the sums of a whole stack would not stay in the processor's cache
        halved = np.stack([_mean_of_blocks(plane) for plane in planes])
        levels.append(halved.reshape(*image.shape[:-2], *halved.shape[-2:]))
    return levels


def label_levels(labels: Array) -> list[Array]:
    """`labels` (..., Y, X) and its levels; a mean of numbers would name another cell, so one of each four is kept."""
    levels = [labels]
    while _can_halve(levels[-1]):
        height, width = (size // 2 * 2 for size in levels[-1].shape[-2:])
        levels.append(np.ascontiguousarray(levels[-1][..., :height:2, :width:2]))
    return levels


def _can_halve(level: Array) -> bool:
    return all(size >= 2 * _SMALLEST for size in level.shape[-2:])


def _mean_of_blocks(plane: Array) -> Array:
    height, width = (size // 2 * 2 for size in plane.shape)
    rows = np.add(plane[:height:2, :width], plane[1:height:2, :width], dtype=np.float64)
    means = (rows[:, ::2] + rows[:, 1::2]) / 4
    result: Array = (np.rint(means) if plane.dtype.kind in "iu" else means).astype(plane.dtype)
    return result
