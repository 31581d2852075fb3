"""Where the crop of a cell lies in its field."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.crop.cells import Objects


def corners(cells: pd.DataFrame, size: int) -> npt.NDArray[np.int64]:
    """First row and column (n, 2) of each crop: the centroid, rounded, lies at pixel (size // 2, size // 2)."""
    return np.floor(cells[["y", "x"]].to_numpy(np.float64) + 0.5).astype(np.int64) - size // 2


def n_padded(cells: pd.DataFrame, shape: tuple[int, ...], size: int) -> pd.Series:
    """How far each crop leaves a field of `shape` (Y, X): rows or columns on the side where it is most; 0 inside."""
    first = corners(cells, size)
    beyond = np.concatenate([-first, first + size - np.asarray(shape)], axis=1)
    return pd.Series(beyond.max(axis=1, initial=0), index=cells.index, dtype="int64")


def n_cut(objects: Objects, size: int) -> npt.NDArray[np.int64]:
    """Pixels of each object beyond its crop; all of them where a label stands in places far apart."""
    inside = []
    for number, (top, left) in enumerate(corners(objects.table, size), start=1):
        part = objects.numbers[max(0, top) : top + size, max(0, left) : left + size]
        inside.append(np.count_nonzero(part == number))
    return objects.table["area"].to_numpy() - np.array(inside, dtype=np.int64)
