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
