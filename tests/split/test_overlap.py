"""Crops of one field that share pixels."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from multiscope.split.overlap import n_overlapping


@given(seed=st.integers(0, 1000), size=st.integers(1, 9))
def test_overlapping_crops_are_those_that_have_a_pixel_in_common(seed: int, size: int) -> None:
    rng, n = np.random.default_rng(seed), 24
    cells = pd.DataFrame(rng.uniform(0, 40, (n, 2)), columns=["y", "x"]).assign(field_id=["F1", "F2"] * (n // 2))
    sides = pd.Series(rng.choice(["train", "val", "test"], n))
    drawn = np.zeros((n, 60, 60), dtype=bool)
    for number, (y, x) in enumerate(np.floor(cells[["y", "x"]] + 0.5).to_numpy(int) + 10 - size // 2):
        drawn[number, y : y + size, x : x + size] = True
    expected = 0
    for number in np.flatnonzero(sides == "test"):
        others = drawn[((sides == "train") & (cells["field_id"] == cells["field_id"][number])).to_numpy()]
        expected += bool((others & drawn[number]).any())
    assert n_overlapping(cells, sides, size) == expected


def test_cells_whose_place_is_not_known_are_left_out() -> None:
    cells = pd.DataFrame({"y": [1.0, 2.0, np.nan, np.nan], "x": [1.0, 2.0, np.nan, np.nan], "field_id": "F"})
    sides = pd.Series(["train", "test", "train", "test"])
    assert n_overlapping(cells, sides, 4) == 1
    assert n_overlapping(cells.drop(columns=["y", "x"]), sides, 4) == 0
