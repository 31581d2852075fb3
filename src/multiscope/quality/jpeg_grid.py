"""Traces of JPEG in an image that is not one any more: steps at every eighth pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[Any]

SMALLEST_SIDE = 64
LEAST, LEAST_ERRORS = 0.03, 4.0
"""Excess at every eighth border that is called a grid, and the same in standard errors. 422 clean real fields stay
below 0.01; of 172 saved as JPEG of quality 50, 75, 85, 90 and 95, 95, 90, 68, 53 and 33 % are found."""
_MOST_SIDE = 2048


def has_jpeg_grid(plane: Plane) -> bool:
    """Whether steps of a plane (Y, X) are larger at every eighth column and row, counted from its corner.

    An image that was cropped, resized or turned after it was a JPEG, or one of high quality, is not found.
    """
    if min(plane.shape) < SMALLEST_SIDE:
        return False
    middle = tuple(slice(8 * max((size - _MOST_SIDE) // 16, 0), None) for size in plane.shape)
    part = plane[middle][:_MOST_SIDE, :_MOST_SIDE].astype(np.float32)
    threshold = max(LEAST, LEAST_ERRORS / np.sqrt(part.size / 8))
    return bool(min(_excess(part), _excess(part.T)) > threshold)


def _excess(plane: Plane) -> float:
    """How much oftener a step is larger than its two neighbours at the borders of blocks than at any other phase."""
    steps = np.abs(np.diff(plane, axis=1))
    larger = np.sign(steps[:, 1:-1] - 0.5 * (steps[:, :-2] + steps[:, 2:])).mean(axis=0)
    phase = np.arange(1, 1 + len(larger)) % 8  # step k lies between the pixels k and k + 1
    means = [float(larger[phase == k].mean()) for k in range(8)]
    return means[7] - max(means[:7])
