from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.config import CellSplit
from multiscope.errors import InputError
from multiscope.split.sides import overlapping, sides_of

UNITS = {"cell": "cell_id", "field": "field_id", "plate": "plate", "protein": "protein"}


def screen(n_proteins: int = 12, n_fields: int = 10, n_cells: int = 5) -> pd.DataFrame:
    rows = [
        {
            "cell_id": f"P{p:02}_{f}_{c}",
            "field_id": f"P{p:02}_{f}",
            "protein": f"P{p:02}",
            "plate": f"plate{f}",
            "well": "A1",
            "localization": f"L{p % 2}",
            "split": ["train", "val", "test"][f % 3],
        }
        for p in range(n_proteins)
        for f in range(n_fields)
        for c in range(n_cells)
    ]
    return pd.DataFrame(rows)


SCREEN = screen()


@pytest.mark.parametrize("by", UNITS)
@given(seed=st.integers(0, 100))
def test_no_unit_is_on_two_sides_and_each_group_is_on_all(by: str, seed: int) -> None:
    sides = sides_of(SCREEN, CellSplit(by=by, train=0.6, val=0.2, seed=seed), 0, where="x")  # type: ignore[arg-type]
    assert sides.groupby(SCREEN[UNITS[by]]).nunique().eq(1).all()
    group = SCREEN["localization" if by == "protein" else "protein"]
    assert sides.groupby(group).agg(lambda found: set(found) == {"train", "val", "test"}).all()


def test_the_paper_s_shares() -> None:
    sides = sides_of(screen(n_cells=20), CellSplit(by="cell"), 0, where="x")
    assert sides.value_counts(normalize=True).round(3).to_dict() == {"train": 0.8, "val": 0.1, "test": 0.1}


def test_the_data_set_s_own_sides() -> None:
    assert sides_of(SCREEN, CellSplit(), 0, where="x").tolist() == SCREEN["split"].tolist()


@pytest.mark.parametrize("by", ["cell", "field", "protein"])
@given(folds=st.integers(2, 5), seed=st.integers(0, 100))
def test_every_unit_is_tested_once(by: str, folds: int, seed: int) -> None:
    split = CellSplit(by=by, folds=folds, val=0.2, seed=seed)  # type: ignore[arg-type]
    sides = [sides_of(SCREEN, split, fold, where="x") for fold in range(folds)]
    assert (sum((side == "test").astype(int) for side in sides) == 1).all()
    sizes = [int((side == "test").sum()) for side in sides]
    units = SCREEN.groupby("localization" if by == "protein" else "protein")[UNITS[by]].nunique()
    most = len(SCREEN) // SCREEN[UNITS[by]].nunique() * len(units)
    assert max(sizes) - min(sizes) <= most
    for side in sides:
        assert side.groupby(SCREEN[UNITS[by]]).nunique().eq(1).all()
        assert {"train", "val"} <= set(side)


def test_another_protein_changes_nothing_of_the_others() -> None:
    split = CellSplit(by="field", folds=3)
    few = sides_of(screen(8), split, 1, where="x")
    many = sides_of(SCREEN, split, 1, where="x")
    assert many[: len(few)].tolist() == few.tolist()


@pytest.mark.parametrize(
    ("split", "fold", "fault"),
    [
        (CellSplit(by="field", folds=20), 0, r"x: 'P00' has 10 field\(s\) for 20 folds; expected one for each"),
        (CellSplit(by="cell", folds=3), 3, "--fold 3: there are 3 folds; expected 0 to 2"),
        (CellSplit(by="well"), 0, "x: protein 'P00' has 10 wells|"),
    ],
)
def test_what_cannot_be_dealt_is_one_line(split: CellSplit, fold: int, fault: str) -> None:
    if split.by == "well":
        sides_of(SCREEN, split, fold, where="x")
        with pytest.raises(InputError, match=r"split.by is 'well', but the well is not known of every image"):
            sides_of(SCREEN.assign(well=""), split, fold, where="x")
        return
    with pytest.raises(InputError, match=fault):
        sides_of(SCREEN, split, fold, where="x")


def test_overlapping_crops_are_counted_by_brute_force() -> None:
    rng = np.random.default_rng(0)
    cells = pd.DataFrame(rng.uniform(0, 400, (120, 2)), columns=["y", "x"]).assign(field_id=["F1"] * 60 + ["F2"] * 60)
    sides = pd.Series(rng.choice(["train", "val", "test"], 120))
    expected = 0
    for i in np.flatnonzero(sides == "test"):
        others = cells[(sides == "train") & (cells["field_id"] == cells["field_id"][i])]
        apart = (others[["y", "x"]] - cells.loc[i, ["y", "x"]].astype(float)).abs().max(axis=1)
        expected += bool((apart < 64).any())
    assert overlapping(cells, sides, 64) == expected > 0
    assert overlapping(cells.assign(y=np.nan, x=np.nan), sides, 64) == 0
