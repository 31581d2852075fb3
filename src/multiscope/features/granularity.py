"""Sizes of the bright structures of a cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.features.regions import Floats, Masks, ratio

_Planes = npt.NDArray[np.float32]

RADII = 8
"""Largest disk, in pixels; a structure of radius r goes at r + 1."""


def granularity(weights: Floats, masks: Masks) -> dict[str, Floats]:
    """Share of the light that the opening by each larger disk takes away, 0 to 1, by radius; each (n,).

    The pattern spectrum of Maragos (IEEE PAMI 11:701, 1989), as CellProfiler's MeasureGranularity but without its
    reconstruction. `weights` (n, S, S) are at least 0, and 0 outside of the cell.
    """
    opened = [weights.astype(np.float32).astype(np.float64), *openings(weights, masks, RADII)]
    left = [planes.sum(axis=(1, 2)) for planes in opened]
    return {str(radius): ratio(left[radius - 1] - left[radius], left[0]) for radius in range(1, RADII + 1)}


def openings(planes: Floats, masks: Masks, radii: int) -> Iterator[Floats]:
    """Openings of `planes` (n, S, S) inside `masks` by disks of radius 1, 2, ... `radii`; each (n, S, S), 0 outside.

    Disks are octagons, a cross and a square of 3 x 3 pixels in turns, so that a radius costs as much as the steps to it
    (Soille, Morphological Image Analysis, 2003, ch. 3). Pixels outside of a mask count neither for the smallest nor for
    the largest: the outline of a cell is no structure. In single precision.
    """
    eroded = planes.astype(np.float32)
    for radius in range(1, radii + 1):
        eroded = _step(eroded, masks, radius, np.minimum, np.inf)
        yield _dilated(eroded, masks, radius)


def _dilated(eroded: _Planes, masks: Masks, radius: int) -> Floats:
    for step in range(radius, 0, -1):
        eroded = _step(eroded, masks, step, np.maximum, -np.inf)
    return np.where(masks, eroded, 0).astype(np.float64)


def _step(planes: _Planes, masks: Masks, number: int, extreme: Any, outside: float) -> _Planes:
    """Erode (`np.minimum`) or dilate (`np.maximum`) by the cross for odd numbers, by the square for even ones."""
    planes = np.where(masks, planes, np.float32(outside))
    rows = planes.copy()
    extreme(rows[:, 1:], planes[:, :-1], out=rows[:, 1:])
    extreme(rows[:, :-1], planes[:, 1:], out=rows[:, :-1])
    across = planes if number % 2 else rows.copy()
    extreme(rows[:, :, 1:], across[:, :, :-1], out=rows[:, :, 1:])
    extreme(rows[:, :, :-1], across[:, :, 1:], out=rows[:, :, :-1])
    return rows
