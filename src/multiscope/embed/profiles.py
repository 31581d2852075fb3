"""From cells to proteins: the mean of a protein's cells, with their number and dispersion."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

Matrix = npt.NDArray[np.float32]


def profiles(embedding: Matrix, cells: pd.DataFrame) -> tuple[Matrix, pd.DataFrame]:
    """One row a protein and source: the mean embedding of its cells, whatever their order.

    `dispersion` is the root mean square distance of the cells to their profile, in units of the embedding.
    """
    vectors, rows = [], []
    for key, index in cells.groupby(["source", "protein"], sort=True).indices.items():
        source, protein = cast(tuple[str, str], key)
        own = embedding[index].astype(np.float64)
        mean = own.mean(axis=0)
        first = cells.iloc[index[0]]
        vectors.append(mean)
        rows.append(
            {
                "Protein": protein,
                "Symbol": first["symbol"],
                "Localization": first["localization"],
                "Source": source,
                "n_cells": len(index),
                "dispersion": float(np.sqrt(((own - mean) ** 2).sum(axis=1).mean())),
            }
        )
    return np.asarray(vectors, dtype=np.float32), pd.DataFrame(rows)
