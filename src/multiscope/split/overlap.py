"""Crops of one field that share pixels."""

from __future__ import annotations

import numpy as np
import pandas as pd


def n_overlapping(cells: pd.DataFrame, sides: pd.Series[str], size: int) -> int:
    """Test cells whose crop of `size` pixels shares pixels with a training cell's; 0 where places are not known."""
    from scipy.spatial import cKDTree

    if not {"y", "x"} <= set(cells):
        return 0
    # centroids are rounded where crops are cut; two crops around points inside a field overlap inside it
    centres = np.floor(cells[["y", "x"]].to_numpy(np.float64) + 0.5)
    side = np.where(np.isfinite(centres).all(axis=1), sides.to_numpy(str), "")
    n = 0
    for rows in cells.groupby("field_id").indices.values():
        train, test = (centres[rows[side[rows] == name]] for name in ("train", "test"))
        if len(train) and len(test):
            nearest, _ = cKDTree(train).query(test, p=np.inf)
            n += int((nearest < size).sum())
    return n
