"""The deal of fields to sides."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.config import Split
from multiscope.data.split import SPLITS, deal, split_digest
from multiscope.errors import InputError

counts = st.dictionaries(st.text("abc_", max_size=4), st.integers(3, 40), min_size=1, max_size=6)
shares = st.floats(0.05, 0.9).flatmap(
    lambda train: st.builds(Split, train=st.just(train), val=st.floats(0, 0.95 - train), seed=st.integers(0, 5))
)


def fields(n_fields: dict[str, int]) -> pd.DataFrame:
    rows = [(f"{protein}-{i}", protein) for protein, n in n_fields.items() for i in range(n)]
    return pd.DataFrame(rows, columns=["field_id", "protein"], dtype=object)


@given(n_fields=counts, split=shares)
def test_every_field_is_on_one_side_and_every_protein_on_every_side(n_fields: dict[str, int], split: Split) -> None:
    table = fields(n_fields).assign(split=lambda t: deal(t, split, where="here"))
    assert set(table["split"]) <= set(SPLITS)
    for protein, n in n_fields.items():
        got = table.loc[table["protein"] == protein, "split"].value_counts().reindex(SPLITS, fill_value=0)
        assert got.sum() == n
        assert got["train"] >= 1
        assert got["test"] >= 1
        assert (got["val"] >= 1) == (split.val > 0)
        # every side that has more than its least is within one field of its share
        for side, share in (("train", split.train), ("val", split.val)):
            assert got[side] <= max(1, share * n + 0.5)
            assert got[side] >= min(share * n - 0.5, n - 2) - 1


@given(n_fields=counts, others=counts, split=shares)
def test_other_proteins_change_nothing(n_fields: dict[str, int], others: dict[str, int], split: Split) -> None:
    alone = fields(n_fields)
    together = fields({**{f"other{k}": n for k, n in others.items()}, **n_fields})
    first = dict(zip(alone["field_id"], deal(alone, split, where=""), strict=True))
    second = dict(zip(together["field_id"], deal(together, split, where=""), strict=True))
    assert {field_id: second[field_id] for field_id in first} == first


@given(n_fields=counts, split=shares, seed=st.integers(0, 99))
def test_the_order_of_the_rows_changes_nothing(n_fields: dict[str, int], split: Split, seed: int) -> None:
    table = fields(n_fields)
    mixed = table.sample(frac=1, random_state=seed)
    dealt = deal(mixed, split, where="")
    assert dealt.index.equals(mixed.index)
    pd.testing.assert_series_equal(dealt.sort_index(), deal(table, split, where=""))
    ids, mixed_ids = table["field_id"].tolist(), mixed["field_id"].tolist()
    assert split_digest(mixed_ids, dealt.tolist()) == split_digest(ids, deal(table, split, where="").tolist())


def test_the_deal_is_the_same_in_every_process_and_version() -> None:
    table = fields({"P": 6})
    assert deal(table, Split(), where="").tolist() == ["test", "test", "train", "train", "train", "val"]
    assert deal(table, Split(seed=1), where="").tolist() != deal(table, Split(), where="").tolist()


def test_the_default_deal_of_four_fields() -> None:
    assert sorted(deal(fields({"": 4}), Split(), where="")) == ["test", "train", "train", "val"]


@pytest.mark.parametrize(
    ("n_fields", "split", "match"),
    [
        ({"A": 3, "ACT1": 2}, Split(), "here: protein 'ACT1' has 2 fields; expected at least 3"),
        ({"ACT1": 1}, Split(val=0), "here: protein 'ACT1' has 1 field; expected at least 2"),
        ({"": 2}, Split(), "here: there are 2 fields; expected at least 3.*set split.val to 0"),
    ],
)
def test_too_few_fields_are_refused(n_fields: dict[str, int], split: Split, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        deal(fields(n_fields), split, where="here")
    assert "\n" not in str(caught.value)


def test_two_fields_are_enough_without_validation() -> None:
    assert sorted(deal(fields({"A": 2}), Split(val=0), where="")) == ["test", "train"]


def test_the_digest_tells_deals_apart() -> None:
    assert split_digest(["a", "b"], ["train", "test"]) != split_digest(["a", "b"], ["test", "train"])


def plate_rows(n_wells: int = 8, per_well: int = 2) -> pd.DataFrame:
    """Two plates; a protein in two wells of each."""
    rows = [
        {"plate": plate, "well": f"A{w:02d}", "protein": f"P{w // 2}", "localization": "er" if w < 4 else "nucleus"}
        for plate in ("p1", "p2")
        for w in range(n_wells)
        for _ in range(per_well)
    ]
    table = pd.DataFrame(rows, dtype=object)
    return table.assign(field_id=[f"f{i}" for i in range(len(table))], stack=[f"s{i // 2}" for i in range(len(table))])


@pytest.mark.parametrize(
    ("by", "columns"),
    [("well", ["plate", "well"]), ("stack", ["stack"]), ("protein", ["protein"]), ("field", ["field_id"])],
)
@given(seed=st.integers(0, 50))
def test_no_unit_is_on_two_sides(by: str, columns: list[str], seed: int) -> None:
    table = plate_rows(n_wells=12)
    split = Split.model_validate({"by": by, "seed": seed, "val": 0, "train": 0.5})
    table["split"] = deal(table, split, where="here")
    assert table.groupby(columns)["split"].nunique().eq(1).all()
    assert set(table["split"]) == {"train", "test"}


def test_proteins_are_dealt_so_that_each_localization_is_on_both_sides() -> None:
    table = plate_rows()
    table["split"] = deal(table, Split(by="protein", val=0), where="here")
    assert table.groupby("localization")["split"].nunique().eq(2).all()


def test_plates_of_the_same_proteins_are_one_group() -> None:
    table = plate_rows()
    table["split"] = deal(table, Split(by="plate", val=0), where="here")
    assert table.groupby("plate")["split"].agg("first").tolist() in (["train", "test"], ["test", "train"])
    with pytest.raises(InputError, match=r"has 2 plates; expected at least 3, one for each side.*set split.val to 0"):
        deal(plate_rows(), Split(by="plate"), where="here")


def test_a_unit_that_is_not_known_of_every_image_is_refused() -> None:
    table = plate_rows()
    table.loc[3, "well"] = ""
    with pytest.raises(InputError, match=r"here: split\.by is 'well', but the well is not known of every image"):
        deal(table, Split(by="well"), where="here")


def test_sides_that_a_sheet_gives_are_kept() -> None:
    table = fields({"A": 3}).assign(split=["test", "train", "train"])
    assert deal(table, Split(), where="here").tolist() == ["test", "train", "train"]
    for given_sides, match in (
        (["test", "train", ""], "some rows name no side"),
        (["test", "train", "training"], "some rows name the side 'training'"),
        (["train", "train", "val"], "no row is on the test side"),
    ):
        with pytest.raises(InputError, match=match):
            deal(table.assign(split=given_sides), Split(), where="here")


def test_real_pairs_are_dealt_defect_by_defect() -> None:
    table = fields({"": 12}).assign(defect=["noise"] * 8 + ["blur"] * 4)
    table["split"] = deal(table, Split(), where="here")
    assert table.groupby("defect")["split"].nunique().eq(3).all()
    with pytest.raises(InputError, match=r"here: defect 'blur' has 2 fields; expected .*leave the defect out"):
        deal(table.drop(columns="split").iloc[:10], Split(), where="here")


def test_a_sheet_must_not_put_a_unit_on_two_sides() -> None:
    table = plate_rows().assign(split=["train", "test"] * 16)
    assert set(deal(table, Split(), where="here")) == {"train", "test"}
    with pytest.raises(InputError, match=r"^here: the column 'split' has well 'p1/A00' on two sides; expected each"):
        deal(table, Split(by="well"), where="here")


@given(n_fields=st.dictionaries(st.text("abc_", max_size=4), st.integers(1, 12), min_size=1, max_size=6), split=shares)
def test_small_groups_may_be_learned_from_first(n_fields: dict[str, int], split: Split) -> None:
    table = fields(n_fields).assign(split=lambda t: deal(t, split, where="here", few="train"))
    for protein, n in n_fields.items():
        got = table.loc[table["protein"] == protein, "split"].value_counts().reindex(SPLITS, fill_value=0)
        assert got["train"] >= 1
        assert (got["test"] >= 1) == (n > 1)
        assert (got["val"] >= 1) == (n > 2 and split.val > 0)
    enough = fields({name: n + 2 for name, n in n_fields.items()})
    assert deal(enough, split, where="here", few="train").equals(deal(enough, split, where="here"))


def test_only_what_the_user_can_set_is_advised() -> None:
    for stratifies in (True, False):
        with pytest.raises(InputError, match="has 2 fields") as caught:
            deal(fields({"A": 2}), Split(), where="here", stratifies=stratifies)
        assert ("split.stratify" in str(caught.value)) == stratifies


def test_who_splits_by_field_is_not_told_to_split_by_field() -> None:
    table = fields({"A": 3})
    table.loc[1, "field_id"] = ""
    with pytest.raises(InputError, match=r"the field is not known of every image.*or split by 'cell'$"):
        deal(table, Split(), where="here")
