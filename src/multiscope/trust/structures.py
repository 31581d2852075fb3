"""Structures of two images of the same field, matched: kept, lost, invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.config import Trust
from multiscope.segment.methods import remove_small
from multiscope.segment.threshold import threshold_cells

Labels = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Counts:
    """Structures of the clean image that are `kept` or `lost`, and those of the other image that are `invented`.

    One that was split or merged has no partner that fills more than half of the union: it is lost, and its pieces are
    invented.
    """

    kept: int
    lost: int
    invented: int


def find_structures(plane: npt.NDArray[Any], config: Trust) -> Labels:
    """Label image (Y, X) of the bright structures of a plane (Y, X): the threshold method of the stage `segment`.

    Every image is thresholded for itself, so a change of its brightness alone neither loses nor invents anything.
    """
    labels = threshold_cells(plane, sigma=config.sigma, min_distance=config.min_distance)
    return remove_small(labels, config.min_area)[0]


def match(clean: Labels, other: Labels, *, overlap: float = 0.5) -> Counts:
    """Structures of `other` (Y, X) beside those of `clean` (Y, X).

    Two are one where intersection over union is above `overlap`; from 0.5 on each has at most one partner, so no
    assignment has to be searched for (Caicedo et al. 2019, Nat. Methods 16:1247, count nuclei so).
    """
    if overlap < 0.5:
        raise ValueError(f"overlap is {overlap:g}; expected 0.5 or more, or partners are not unique")
    area_clean, area_other = np.bincount(clean.ravel()), np.bincount(other.ravel())
    both = (clean > 0) & (other > 0)
    pairs, shared = np.unique(np.stack([clean[both], other[both]]), axis=1, return_counts=True)
    union = area_clean[pairs[0]] + area_other[pairs[1]] - shared
    kept = int((shared > overlap * union).sum())
    n_clean, n_other = (int((area[1:] > 0).sum()) for area in (area_clean, area_other))
    return Counts(kept, n_clean - kept, n_other - kept)
