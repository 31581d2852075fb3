"""On which side of the split each cell is, as the encoder was trained."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

SIDES = "split.parquet"


def with_sides(cells: pd.DataFrame, model: Path) -> tuple[pd.DataFrame, int]:
    """`cells` with the `split` that the folder `model` gives each, and the number of those that it does not know.

    Those are of another screen, and nothing was learned from them: they are on the test side. A folder without sides
    leaves the data set's.
    """
    if not (model / SIDES).is_file():
        return cells, 0
    sides = pd.read_parquet(model / SIDES).set_index("cell_id")["split"].astype(str)
    found = cells["cell_id"].map(sides)
    return cells.assign(split=found.fillna("test").astype("category")), int(found.isna().sum())
