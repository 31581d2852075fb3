"""Which defect a field gets."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from multiscope.data.assignment import assign_defects


@given(
    sides=st.lists(st.sampled_from(["train", "val", "test"]), min_size=1, max_size=60),
    defects=st.lists(st.sampled_from(["noise", "axial", "blur"]), min_size=1, unique=True),
    seed=st.integers(0, 9),
)
def test_defects_are_balanced_within_every_side(sides: list[str], defects: list[str], seed: int) -> None:
    ids = [f"f{i:03d}" for i in range(len(sides))]
    table = pd.DataFrame({"field_id": ids, "protein": [f"P{i % 5}" for i in range(len(ids))], "split": sides})
    own = assign_defects(table, defects, seed=seed)
    for side in set(sides):
        numbers = own[table["split"] == side].value_counts().reindex(defects, fill_value=0)
        assert numbers.max() - numbers.min() <= 1
    mixed = table.sample(frac=1, random_state=0)
    pd.testing.assert_series_equal(assign_defects(mixed, defects[::-1], seed=seed).sort_index(), own)


def test_the_seed_matters_and_no_defects_leave_it_empty() -> None:
    table = pd.DataFrame({"field_id": list("abcdefghij"), "protein": "P", "split": "test"})
    assert len({tuple(assign_defects(table, ["noise", "blur"], seed=seed)) for seed in range(5)}) > 1
    assert assign_defects(table, [], seed=0).tolist() == [""] * 10
