"""Crops on two sides that show the same cell, pixel for pixel or nearly so."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.data.crops import Crops
from multiscope.data.leaks import LeakCheck
from multiscope.data.split import SPLITS
from multiscope.progress import track

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

SAME, SAME_ALONE = 0.98, 0.995
"""Least correlation of two crops of one cell, in each channel, of what is left between `_FINE` and `_COARSE`; and where
only one channel shows something. The most alike of different cells have 0.955 in two channels and 0.967 in one (1,220
real yeast cells), 0.963 and 0.994 (10,368 simulated ones, whose cytosol is smooth; 0.981 in their proteins), 0.990 in
one (6,858 real nuclei). In two channels, all copies of both kinds of yeast have more with noise of 5 % of their range,
after JPEG of quality 50, a blur of one pixel, a gamma of 0.8, a shift of one pixel either way and with noise too; 88 %
and more with noise of 10 %, half with a gamma of 0.6, and few after a shift of two pixels. In one channel it is 100 %
after JPEG, a blur or a shift, 89 % and more with noise of 5 %, few with more."""
LIKELY = 0.88
"""The same for thumbnails, mean over the channels; what has less is not looked at."""
MOST = 1000
"""After so many copies no more are looked for."""
_SIDE = 16
_FINE, _COARSE = 1 / 32, 3 / 32
"""Finer structures are mostly noise, and coarser ones, the size and place of a cell in its crop, are alike in
different cells. Deviations, in sides of a crop."""
_BATCH, _BLOCK = 256, 1024


def copies(crops: Crops, sides: Sequence[str]) -> list[tuple[str, str]]:
    """Names of crops on two `sides` (n,) that show the same cell, in the order of the table.

    Exact but for its thresholds: all crops of two sides are compared by thumbnails, and those that are alike pixel by
    pixel, as they are and shifted by one pixel. Memory is that of the thumbnails, 512 bytes a crop and channel.
    """
    names = crops.table["cell_id"].tolist()
    check, thumbnails = _look(crops, names, sides)
    row = {name: number for number, name in enumerate(names)}
    pairs = {(row[one], row[other]) for one, other in check.leaks()}
    for candidates in _candidates(thumbnails, np.asarray(sides)):
        for start in range(0, len(candidates), _BATCH):
            part = candidates[start : start + _BATCH]
            pairs |= {(int(one), int(other)) for one, other in part[_show_one_cell(crops, part)]}
            if len(pairs) >= MOST:
                break
        if len(pairs) >= MOST:
            break
    return [(names[one], names[other]) for one, other in sorted(pairs)]


def _look(crops: Crops, names: Sequence[str], sides: Sequence[str]) -> tuple[LeakCheck, npt.NDArray[np.float16]]:
    """What tells equal crops, and their thumbnails (n, d): the product of two is their mean correlation."""
    check, thumbnails = LeakCheck(), []
    parts = np.array_split(np.arange(len(names)), -(-len(names) // _BLOCK))
    for rows in track(parts, what="split: crops", total=len(parts)):
        images = crops.read(rows, list(range(len(crops.channels))))
        for number, image in zip(rows.tolist(), images, strict=True):
            check.add_crop(names[number], sides[number], image)
        planes = _unit(_band(images, _SIDE))
        n_seen = np.maximum(1, planes.any(axis=(-2, -1)).sum(axis=-1))
        thumbnails.append((planes.reshape(len(rows), -1) / np.sqrt(n_seen)[:, None]).astype(np.float16))
    return check, np.concatenate(thumbnails)


def _candidates(thumbnails: npt.NDArray[np.float16], sides: npt.NDArray[Any]) -> Iterator[Rows]:
    """Rows (n, 2), the smaller first, of crops on two sides whose thumbnails are alike, block by block."""
    of_side = [np.array_split(rows, -(-len(rows) // _BLOCK)) for s in SPLITS if len(rows := np.flatnonzero(sides == s))]
    blocks = [pair for two in itertools.combinations(of_side, 2) for pair in itertools.product(*two)]
    for first, second in track(blocks, what="split: blocks compared", total=len(blocks)):
        one, other = thumbnails[first].astype(np.float32), thumbnails[second].astype(np.float32)
        found = np.nonzero(one @ other.T >= LIKELY)
        yield np.sort(np.stack([first[found[0]], second[found[1]]], axis=1), axis=1)


def _show_one_cell(crops: Crops, pairs: Rows) -> npt.NDArray[np.bool_]:
    """Which pairs (n, 2) are alike in all channels in which both crops show something, in the best of nine shifts."""
    rows, places = np.unique(pairs, return_inverse=True)
    bands = _band(crops.read(rows, list(range(len(crops.channels)))), crops.size)
    one, other = np.moveaxis(bands[places.reshape(pairs.shape)], 1, 0)
    seen = one.any(axis=(-2, -1)) & other.any(axis=(-2, -1))
    inner, last = _unit(other[..., 1:-1, 1:-1]), crops.size - 2
    best = np.full(len(pairs), -1, np.float32)
    for y, x in itertools.product(range(3), repeat=2):
        shifted = _unit(one[..., y : y + last, x : x + last])
        found = np.einsum("ncyx,ncyx->nc", shifted, inner)
        best = np.maximum(best, np.where(seen, found, 1).min(axis=1))
    return best >= np.where(seen.sum(axis=1) > 1, SAME, SAME_ALONE)


def _unit(planes: Floats) -> Floats:
    """Planes (..., Y, X) of mean 0 and length 1, so that the product of two is their correlation; or of zeros."""
    centred = planes - planes.mean(axis=(-2, -1), keepdims=True)
    length = np.linalg.norm(centred, axis=(-2, -1), keepdims=True)
    unit: Floats = centred / np.where(length > 0, length, 1)
    return unit


def _band(images: npt.NDArray[Any], side: int) -> Floats:
    """What is left of images (n, C, S, S) between the two deviations, at `side` x `side` places."""
    size = images.shape[-1]
    planes = images.astype(np.float32)
    planes -= planes[..., :1, :1]  # of a constant nothing is left, not even rounding
    fine, coarse = (_weights(size, side, deviation) for deviation in (_FINE, _COARSE))
    band: Floats = (fine @ planes @ fine.T - coarse @ planes @ coarse.T).astype(np.float32, copy=False)
    return band


@lru_cache(maxsize=8)
def _weights(size: int, side: int, deviation: float) -> Floats:
    """Normal weights (side, size) of `size` pixels around `side` places evenly apart."""
    places = (np.arange(side) + 0.5) * size / side - 0.5
    weights = np.exp(-0.5 * ((np.arange(size) - places[:, None]) / (deviation * size)) ** 2)
    found: Floats = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return found
