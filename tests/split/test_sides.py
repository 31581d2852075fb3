"""Whole units are dealt group by group, by shares and by folds."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.config import CellSplit
from multiscope.data.split import split_digest
from multiscope.errors import InputError
from multiscope.split.sides import sides_of, untested

UNITS = {"cell": ["cell_id"], "field": ["field_id"], "well": ["plate", "well"], "plate": ["plate"]}
ALL_UNITS = UNITS | {"protein": ["protein"]}
SIDES = {"train", "val", "test"}


def screen(n_proteins: int = 12, n_fields: int = 10, n_cells: int = 5) -> pd.DataFrame:
    rows = [
        {
            "cell_id": f"P{p:02}_{f}_{c}",
            "field_id": f"P{p:02}_{f}",
            "protein": f"P{p:02}",
            "plate": f"plate{f}",
            "well": f"A{p}",
            "localization": f"L{p % 2}",
            "split": ["train", "val", "test"][f % 3],
        }
        for p in range(n_proteins)
        for f in range(n_fields)
        for c in range(n_cells)
    ]
    return pd.DataFrame(rows)


SCREEN = screen(n_cells=2)


def of(by: str, **values: object) -> CellSplit:
    return CellSplit.model_validate({"by": by, **values})


@pytest.mark.parametrize("by", ALL_UNITS)
@given(seed=st.integers(0, 100))
def test_no_unit_is_on_two_sides_and_each_group_is_on_all(by: str, seed: int) -> None:
    table = SCREEN.assign(side=sides_of(SCREEN, of(by, train=0.6, val=0.2, seed=seed), 0, where="x"))
    assert table.groupby(ALL_UNITS[by])["side"].nunique().eq(1).all()
    groups = table.groupby("localization" if by == "protein" else "protein")["side"]
    assert groups.agg(lambda found: set(found) == SIDES).all()


def test_the_paper_s_shares() -> None:
    sides = sides_of(screen(n_cells=20), of("cell"), 0, where="x")
    assert sides.value_counts(normalize=True).round(3).to_dict() == {"train": 0.8, "val": 0.1, "test": 0.1}


def test_the_data_set_s_own_sides() -> None:
    assert sides_of(SCREEN, CellSplit(), 0, where="x").tolist() == SCREEN["split"].tolist()


def test_a_split_does_not_look_at_the_data_set_s_own_sides() -> None:
    for split in (of("field"), of("field", folds=3)):
        others = SCREEN.assign(split="train")
        assert sides_of(SCREEN, split, 0, where="x").equals(sides_of(others, split, 0, where="x"))


@pytest.mark.parametrize("by", ALL_UNITS)
@given(folds=st.integers(2, 5), seed=st.integers(0, 100))
def test_every_unit_is_tested_once(by: str, folds: int, seed: int) -> None:
    split = of(by, folds=folds, val=0.2, seed=seed)
    sides = pd.DataFrame({fold: sides_of(SCREEN, split, fold, where="x") for fold in range(folds)})
    assert (sides == "test").sum(axis=1).eq(1).all()
    units = sides.groupby([SCREEN[column] for column in ALL_UNITS[by]])
    assert units.nunique().eq(1).all(axis=None)
    groups = SCREEN["localization" if by == "protein" else "protein"]
    for fold in sides:
        assert sides[fold].groupby(groups).agg(lambda found: set(found) == SIDES).all()
        of_group = (units[fold].first() == "test").sum()
        assert abs(of_group - len(units) / folds) < len(set(groups))


@given(n=st.integers(3, 30), folds=st.integers(3, 8), seed=st.integers(0, 20))
def test_every_unit_is_learned_from_in_some_fold_and_folds_differ_by_one(n: int, folds: int, seed: int) -> None:
    table = screen(n_proteins=1, n_fields=max(n, folds), n_cells=1)
    split = of("field", folds=folds, val=0.1, seed=seed)
    sides = pd.DataFrame({fold: sides_of(table, split, fold, where="x") for fold in range(folds)})
    assert (sides == "train").any(axis=1).all()
    sizes = (sides == "test").sum()
    assert sizes.max() - sizes.min() <= 1


def test_a_unit_left_over_is_not_always_in_the_same_fold() -> None:
    table = screen(n_proteins=60, n_fields=4, n_cells=1)
    sizes = [int((sides_of(table, of("field", folds=3), fold, where="x") == "test").sum()) for fold in range(3)]
    assert sum(sizes) == 240 and max(sizes) < 100


@pytest.mark.parametrize("folds", [None, 3])
@pytest.mark.parametrize("by", UNITS)
def test_another_protein_changes_nothing_of_the_others(by: str, folds: int | None) -> None:
    alone = SCREEN[SCREEN["protein"] < "P08"]
    plates = {"plate": alone["plate"] + "x"} if by == "plate" else {}  # a plate of other proteins is another group
    few, many = alone.assign(**plates), pd.concat([alone.assign(**plates), SCREEN[SCREEN["protein"] >= "P08"]])
    split = of(by, folds=folds)
    assert sides_of(many, split, 0, where="x")[few.index].equals(sides_of(few, split, 0, where="x"))


@given(seed=st.integers(0, 50), folds=st.sampled_from([None, 3]))
def test_the_order_of_the_cells_changes_nothing(seed: int, folds: int | None) -> None:
    split = of("field", folds=folds)
    mixed = SCREEN.sample(frac=1, random_state=seed)
    dealt, other = sides_of(SCREEN, split, 0, where="x"), sides_of(mixed, split, 0, where="x")
    assert other.index.equals(mixed.index) and other.sort_index().equals(dealt)
    ids = SCREEN["cell_id"].tolist(), mixed["cell_id"].tolist()
    assert split_digest(ids[0], dealt.tolist()) == split_digest(ids[1], other.tolist())


def test_the_deal_is_the_same_in_every_process_and_version() -> None:
    table = screen(n_proteins=1, n_fields=6, n_cells=1)
    expected = ["test", "train", "test", "train", "val", "train"]
    assert sides_of(table, of("field", folds=3), 0, where="x").tolist() == expected
    assert sides_of(table, of("field", folds=3, seed=1), 0, where="x").tolist() != expected


@pytest.mark.parametrize("folds", [None, 2, 4])
def test_a_localization_of_few_proteins_is_learned_from_first(folds: int | None) -> None:
    places = dict.fromkeys([f"P{p:02}" for p in range(9)], "many") | {"P09": "two", "P10": "two", "P11": "one"}
    table = SCREEN.assign(localization=SCREEN["protein"].map(places))
    dealt = [sides_of(table, of("protein", folds=folds), fold, where="x") for fold in range(folds or 1)]
    for sides in dealt:
        of_protein = sides.groupby(table["protein"]).first()
        assert of_protein["P11"] == "train"
        assert "train" in set(of_protein[["P09", "P10"]])
        assert untested(table, sides) == ["one"] + ["two"] * ("test" not in set(of_protein[["P09", "P10"]]))
    tested = pd.DataFrame(dealt).eq("test").sum()
    assert tested[table["localization"] == "two"].groupby(table["protein"]).first().sum() == 1 + (folds is not None)


def test_proteins_without_a_localization_are_a_group_and_no_class() -> None:
    for unknown in ("", None):
        table = SCREEN.assign(localization=SCREEN["localization"].where(SCREEN["protein"] < "P08", unknown))
        table.loc[table["protein"] == "P11", "localization"] = "L0"
        sides = sides_of(table, of("protein"), 0, where="x")
        of_none = sides[table["protein"].isin(["P08", "P09", "P10"])]
        assert sorted(of_none.groupby(table["protein"]).first()) == ["test", "train", "val"]
        assert untested(table, pd.Series("train", index=table.index)) == ["L0", "L1"]


@pytest.mark.parametrize(
    ("split", "fold", "fault"),
    [
        (
            of("field", folds=20),
            0,
            "x: protein 'P00' has 10 fields; expected at least 20 for 20 folds: add",
        ),
        (of("cell", folds=3), 3, "--fold 3: there are 3 folds; expected 0 to 2"),
        (of("cell"), 1, "--fold 1: there is no fold; leave it out, or set split.folds"),
    ],
)
def test_folds_that_there_cannot_be_are_one_line(split: CellSplit, fold: int, fault: str) -> None:
    with pytest.raises(InputError, match=f"^{fault}"):
        sides_of(SCREEN, split, fold, where="x")


def test_two_units_are_enough_for_two_folds_without_validation() -> None:
    table = screen(n_fields=2)
    with pytest.raises(InputError, match=r"has 2 fields; expected at least 3 for 2 folds: .* or set split.val to 0$"):
        sides_of(table, of("field", folds=2), 0, where="x")
    assert set(sides_of(table, of("field", folds=2, val=0), 0, where="x")) == {"train", "test"}


def test_too_few_units_are_one_line_that_advises_what_there_is() -> None:
    with pytest.raises(InputError, match=r"x: protein 'P00' has 2 fields; expected at least 3.*set split.val to 0$"):
        sides_of(screen(n_fields=2), of("field"), 0, where="x")


@pytest.mark.parametrize("folds", [None, 3])
def test_units_that_are_not_known_are_one_line(folds: int | None) -> None:
    for by, column, other in (("well", "well", "field"), ("plate", "plate", "field"), ("field", "field_id", "cell")):
        match = f"^x: split.by is '{by}', but the {by} is not known of every image.*or split by '{other}'$"
        for table in (SCREEN.assign(**{column: ""}), SCREEN.drop(columns=column)):
            with pytest.raises(InputError, match=match):
                sides_of(table, of(by, folds=folds), 0, where="x")
