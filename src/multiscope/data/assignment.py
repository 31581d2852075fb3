"""Which defect each field was acquired with."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from multiscope.data.seeding import stable_rng


def assign_defects(fields: pd.DataFrame, defects: Sequence[str], *, seed: int) -> pd.Series[str]:
    """One of `defects` for each row of `fields` (columns `field_id`, `protein`, `split`); empty without defects.

    Randomized blocks along the fields of a side, sorted by protein: within a side the defects' numbers differ by one
    at most, and neighbours (fields of one protein) get different ones.
    """
    own = pd.Series("", index=fields.index, dtype=object, name="defect")
    if not defects:
        return own
    for side, rows in fields.groupby("split", sort=True):
        rng = stable_rng(seed, "defects", str(side))
        index = rows.sort_values(["protein", "field_id"]).index
        for start in range(0, len(index), len(defects)):
            block = index[start : start + len(defects)]
            own.loc[block] = rng.permutation(sorted(defects))[: len(block)]
    return own
