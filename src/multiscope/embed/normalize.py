"""Normalization of cells group by group, such as plate by plate, with the scalers of pycytominer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.data.cells import Rows
from multiscope.embed.cells import Cells
from multiscope.embed.groups import Blocks, read_groups
from multiscope.errors import InputError
from multiscope.stores.matrix import Values

How = Literal["standardize", "robust", "spherize"]
Scaler = Callable[[Values], npt.NDArray[np.float64]]
_VALUES = 2**26
"""Values of a group that its scaler is fitted on: 131072 cells of 512 features, more than most plates have."""
_MEAN_TO_DEVIATION = 1.253314
_NO_VARIANCE = 1e-6


class Normalized:
    """The matrix `matrix` (N, d) of cells with each group normalized, read block by block."""

    def __init__(self, matrix: Blocks, cells: pd.DataFrame, by: str, how: How, *, most: int = _VALUES) -> None:
        """Fit a scaler to the cells of each source and each value of the column `by` of `cells`.

        Scalers want their cells in memory: of a group with more than `most` values, cells evenly spread over it are
        taken.
        """
        self.matrix, self.shape, self.block_rows = matrix, matrix.shape, matrix.block_rows
        grouped = _grouped(cells, by)
        self._group = grouped.ngroup().to_numpy()
        groups = [_spread(rows, max(1, most // self.shape[1])) for rows in grouped.indices.values()]
        self._scalers: dict[int, Scaler] = {}
        for number, _, values in read_groups(matrix, groups, budget=4 * most):
            self._scalers[number] = _FITS[how](values)

    def block(self, number: int) -> Values:
        """Rows from `number * block_rows` on, (block_rows, d) or fewer at the end."""
        values = self.matrix.block(number)
        start = number * self.block_rows
        group = self._group[start : start + len(values)]
        found = np.empty_like(values)
        for one in np.unique(group):
            found[group == one] = self._scalers[one](values[group == one])
        return found


def _spread(rows: Rows, most: int) -> Rows:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(np.int64))]


def _standardize(values: Values) -> Scaler:
    """Mean 0 and deviation 1; a constant feature becomes 0."""
    from sklearn.preprocessing import StandardScaler  # as pycytominer's `normalize` does

    scaler = StandardScaler().fit(values.astype(np.float64))
    return lambda new: np.asarray(scaler.transform(new.astype(np.float64)))


def _robust(values: Values) -> Scaler:
    """Median 0 and median absolute deviation 1, in units of the deviation of a normal distribution.

    A feature that has one value in half of the cells, as after ReLU, has no such deviation: the mean absolute one
    stands in (Iglewicz and Hoaglin 1993). A constant feature becomes 0.
    """
    from pycytominer.operations import RobustMAD

    frame = pd.DataFrame(values.astype(np.float64))
    scaler = RobustMAD(epsilon=0.0).fit(frame)
    mean = _MEAN_TO_DEVIATION * (frame - scaler.median).abs().mean()
    scaler.mad = scaler.mad.where(scaler.mad > 0, mean).replace(0.0, 1.0)
    return lambda new: np.asarray(scaler.transform(pd.DataFrame(new.astype(np.float64))))


def _spherize(values: Values) -> Scaler:
    """Mean 0 and the identity as covariance, as near to the standardized features as can be (ZCA-cor, Kessy 2018).

    Directions in which the cells do not differ become 0.
    """
    from pycytominer.operations import Spherize

    standardize = _standardize(values)
    # Spherize makes n x n singular vectors of n cells; their triangular factor has the same d x d of features
    _, lengths, directions = np.linalg.svd(np.linalg.qr(standardize(values), mode="r"), full_matrices=False)
    kept = lengths > _NO_VARIANCE * lengths.max()
    if kept.sum() < 2:
        return standardize
    share = (kept.sum() - 1) / (len(values) - 1)
    scaler = Spherize(method="ZCA", center=False, epsilon=0.0, return_numpy=True)
    scaler.fit(pd.DataFrame(lengths[kept, None] * directions[kept] * np.sqrt(share)))
    return lambda new: np.asarray(scaler.transform(pd.DataFrame(standardize(new))))


_FITS: dict[How, Callable[[Values], Scaler]] = {
    "standardize": _standardize,
    "robust": _robust,
    "spherize": _spherize,
}


def check_groups(cells: Cells, table: pd.DataFrame, by: str, how: How, widths: Mapping[str, int]) -> None:
    """Refuse a column that is missing or empty somewhere, and groups too small for `how` and the layers of `widths`."""
    for crops in cells.sources:
        if by not in ("source", *crops.table):
            raise InputError(
                f"{crops.path}: has no column '{by}' for embed.normalize_by; it has "
                f"{', '.join(map(str, crops.table))}: name one, or 'source' for all cells of a source together"
            )
    if n_empty := int((table[by] == "").sum()):
        row = int((table[by] == "").to_numpy().argmax())
        raise InputError(
            f"{cells.where(row)}: has no {by}, as {n_empty} of {len(table)} cells; expected one of each cell for "
            "embed.normalize_by: name another column, or 'source' for all cells of a source together"
        )
    if how != "spherize":
        return
    sizes = _grouped(table, by).size()
    layer = max(widths, key=lambda name: widths[name])
    if sizes.min() <= widths[layer]:
        raise InputError(
            f"embed.normalize: spherize needs more cells than features, but {by} '{_name(sizes.idxmin())}' has "
            f"{sizes.min()} cells and the layer {layer} {widths[layer]} features; use standardize or robust, or larger "
            "groups with embed.normalize_by"
        )


def _name(key: Any) -> str:
    """The last part of the key of a group."""
    return str(key[-1] if isinstance(key, tuple) else key)


def _grouped(table: pd.DataFrame, by: str) -> Any:
    return table.groupby(list(dict.fromkeys(["source", by])), sort=True, observed=True)
