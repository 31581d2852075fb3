"""From cells to proteins: the mean of a protein's cells or a robust one, with their number and dispersion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.data.cells import Rows
from multiscope.embed.groups import BUDGET, Blocks, read_groups
from multiscope.stores.matrix import Values

Aggregate = Literal["mean", "median", "robust"]
TRIMMED = 0.1
"""Share of the cells at either end of each feature that the robust mean leaves out, rounded down to whole cells."""


def profiles(
    matrix: Blocks, cells: pd.DataFrame, rows: Rows, aggregate: Aggregate, *, budget: int = BUDGET
) -> tuple[Values, pd.DataFrame]:
    """One row a source and protein, made of its cells among `rows` of `matrix` (N, d), whatever their order.

    `cells` has a row for each of `matrix`. `dispersion` is the root mean square distance of a protein's cells to its
    profile, in units of the embedding. About `budget` bytes of cells are in memory, and some copies of one protein's.
    """
    grouped = cells.iloc[rows].groupby(["source", "protein"], sort=True, observed=True).indices
    members = [rows[index] for index in grouped.values()]
    vectors = np.empty((len(members), matrix.shape[1]), dtype=np.float32)
    squares = np.zeros(len(members))
    for number, features, values in read_groups(matrix, members, budget=budget):
        profile = _AGGREGATES[aggregate](values)
        vectors[number, features] = profile
        squares[number] += ((values - profile) ** 2).sum()
    n_cells = np.array([len(own) for own in members])
    first = cells.iloc[[own[0] for own in members]]
    table = pd.DataFrame(
        {
            "Protein": first["protein"].astype(str).to_numpy(),
            "Symbol": first["symbol"].astype(str).to_numpy(),
            "Localization": first["localization"].astype(str).to_numpy(),
            "Source": first["source"].astype(str).to_numpy(),
            "n_cells": n_cells,
            "dispersion": np.sqrt(squares / n_cells),
        }
    )
    return vectors, table


def _mean(values: Values) -> npt.NDArray[np.float64]:
    return np.asarray(values.mean(axis=0, dtype=np.float64))


def _median(values: Values) -> npt.NDArray[np.float64]:
    return np.asarray(np.median(values, axis=0).astype(np.float64))


def _robust(values: Values) -> npt.NDArray[np.float64]:
    """The trimmed mean (Tukey): of each feature without its least and its greatest tenth of the cells."""
    cut = int(TRIMMED * len(values))
    if not cut:
        return _mean(values)
    inner = np.partition(values, (cut, len(values) - cut - 1), axis=0)[cut : len(values) - cut]
    return np.asarray(inner.mean(axis=0, dtype=np.float64))


_AGGREGATES: dict[Aggregate, Callable[[Values], npt.NDArray[np.float64]]] = {
    "mean": _mean,
    "median": _median,
    "robust": _robust,
}
