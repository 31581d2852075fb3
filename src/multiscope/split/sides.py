"""The deal of cells to training, validation and test: whole units, group by group, by shares or by folds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from multiscope.config import CellSplit, Split
from multiscope.data.seeding import stable_rng
from multiscope.data.split import deal, units_of
from multiscope.errors import InputError


def sides_of(cells: pd.DataFrame, split: CellSplit, fold: int, *, where: str) -> pd.Series[str]:
    """The side of each of `cells`: train, val or test.

    Cells, fields, wells and plates are dealt within each protein, proteins within each localization. With folds, the
    units of `fold` are the test side, whatever the others are. Too few units are an `InputError` that says `where`.
    """
    if split.by == "data":
        return cells["split"].astype(str)
    bare = cells.drop(columns="split", errors="ignore").assign(localization=cells["localization"].fillna(""))
    if split.folds is None:
        shares = Split(by=split.by, train=split.train, val=split.val, seed=split.seed)
        return deal(bare, shares, where=where)
    if fold >= split.folds:
        raise InputError(f"--fold {fold}: there are {split.folds} folds; expected 0 to {split.folds - 1}")
    return _by_folds(bare, split, fold, where=where)


def _by_folds(cells: pd.DataFrame, split: CellSplit, fold: int, *, where: str) -> pd.Series[str]:
    assert split.folds is not None and split.by != "data"
    units = units_of(cells, split.by, where=where)
    group = cells["localization" if split.by == "protein" else "protein"].groupby(units).agg(_together)
    sides: dict[str, str] = {}
    for name, members in group.groupby(group, sort=True).groups.items():
        if len(members) < split.folds:
            raise InputError(
                f"{where}: '{name}' has {len(members)} {split.by}(s) for {split.folds} folds; expected one for each: "
                "ask for fewer folds, or leave it out"
            )
        order = [str(members[i]) for i in stable_rng(split.seed, "fold", str(name)).permutation(len(members))]
        tested = [unit for place, unit in enumerate(order) if place % split.folds == fold]
        others = [unit for unit in order if unit not in set(tested)]
        n_val = min(max(1, math.ceil(split.val * len(others) - 0.5)), len(others) - 1) if split.val else 0
        sides |= dict.fromkeys(tested, "test") | dict.fromkeys(others[:n_val], "val")
        sides |= dict.fromkeys(others[n_val:], "train")
    return units.map(sides).rename("split")


def _together(values: pd.Series[str]) -> str:
    return "+".join(sorted(set(values)))


def overlapping(cells: pd.DataFrame, sides: pd.Series[str], size: int) -> int:
    """Test cells whose crop of `size` pixels shares pixels with a training cell's; 0 where places are not known."""
    from scipy.spatial import cKDTree

    if not {"y", "x"} <= set(cells) or cells["y"].isna().all():
        return 0
    n = 0
    for _, rows in cells.groupby("field_id").indices.items():
        places, side = cells[["y", "x"]].to_numpy(dtype=float)[rows], sides.to_numpy()[rows]
        train, test = places[side == "train"], places[side == "test"]
        if len(train) and len(test):
            nearest, _ = cKDTree(train).query(test, p=np.inf)
            n += int((nearest < size).sum())
    return n
