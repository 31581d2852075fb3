"""The deal of cells to training, validation and test: whole units, group by group, by shares or by folds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from multiscope.config import CellSplit, Split
from multiscope.data.seeding import stable_rng
from multiscope.data.split import deal, groups_of, units_of
from multiscope.errors import InputError


def sides_of(cells: pd.DataFrame, split: CellSplit, fold: int, *, where: str) -> pd.Series[str]:
    """The side of each of `cells`: train, val or test.

    Cells, fields, wells and plates are dealt within each protein, proteins within each localization. With folds, the
    units of `fold` are the test side. Too few units of a protein are an `InputError` that says `where`; a localization
    may have few proteins: two are one to learn from and one to test, a single one is learned from.
    """
    if fold >= (split.folds or 1):
        there = f"there are {split.folds} folds; expected 0 to {split.folds - 1}" if split.folds else "there is no fold"
        raise InputError(f"--fold {fold}: {there}{'' if split.folds else '; leave it out, or set split.folds'}")
    if split.by == "data":
        return cells["split"].astype(str)
    bare = cells.drop(columns="split", errors="ignore").assign(localization=cells["localization"].fillna(""))
    if split.folds is not None:
        return _by_folds(bare, split, split.folds, fold, where=where)
    shares = Split(by=split.by, train=split.train, val=split.val, seed=split.seed)
    return deal(bare, shares, where=where, few="train" if split.by == "protein" else "refuse", stratifies=False)


def untested(cells: pd.DataFrame, sides: pd.Series[str]) -> list[str]:
    """Localizations of which no cell is on the test side."""
    places = cells["localization"].fillna("")
    return sorted(set(places) - set(places[(sides == "test").to_numpy()]) - {""})


def _by_folds(cells: pd.DataFrame, split: CellSplit, folds: int, fold: int, *, where: str) -> pd.Series[str]:
    assert split.by != "data"
    units = units_of(cells, split.by, where=where)
    needed = max(folds, 3 if split.val else 2)
    sides: dict[str, str] = {}
    for group, names in groups_of(cells, units, Split(by=split.by)).items():
        if len(names) < needed and split.by != "protein":
            there = f"protein '{group}' has" if group else "there are"
            raise InputError(
                f"{where}: {there} {len(names)} {split.by}{'s' * (len(names) != 1)}; expected at least {needed} for "
                f"{folds} folds: add {split.by}s, ask for fewer folds{' or set split.val to 0' * (folds < needed)}"
            )
        sides |= _of_fold(names, group, split, folds, fold)
    return units.map(sides).rename("split")


def _of_fold(names: list[str], group: str, split: CellSplit, folds: int, fold: int) -> dict[str, str]:
    """The side of each of a group's units; its folds begin at any, so that a unit left over is not always in the first.

    Validation is of the folds that are tested next, so that the folds do not all have the same.
    """
    if len(names) == 1:
        return {names[0]: "train"}
    rng = stable_rng(split.seed, "fold", group)
    order = rng.permutation(len(names))
    wait = (np.arange(len(names)) + rng.integers(folds) - fold) % folds
    n_test = int((wait == 0).sum())
    n_others = len(names) - n_test
    n_val = min(max(1, math.ceil(split.val * n_others - 0.5)), n_others - 1) if split.val else 0
    dealt = ["test"] * n_test + ["val"] * n_val + ["train"] * (n_others - n_val)
    soonest = order[np.argsort(wait, kind="stable")]
    return {names[place]: side for place, side in zip(soonest, dealt, strict=True)}
