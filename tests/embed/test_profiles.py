from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from multiscope.embed.profiles import profiles


def cells_of(proteins: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"protein": proteins, "symbol": proteins, "localization": "nucleus", "source": "clean"},
        index=range(len(proteins)),
    )


def test_one_cell_is_its_own_profile() -> None:
    x = np.array([[1.0, 2.0]], dtype=np.float32)
    vectors, table = profiles(x, cells_of(["A"]))
    assert np.array_equal(vectors, x)
    assert table.loc[0, "n_cells"] == 1
    assert table.loc[0, "dispersion"] == 0


@given(st.lists(st.sampled_from("ABC"), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_order_of_cells_does_not_matter(proteins: list[str], random: object) -> None:
    rng = np.random.default_rng(len(proteins))
    x = rng.normal(size=(len(proteins), 4)).astype(np.float32)
    order = rng.permutation(len(proteins))
    first, table = profiles(x, cells_of(proteins))
    second, other = profiles(x[order], cells_of([proteins[i] for i in order]))
    assert np.allclose(first, second, atol=1e-6)
    assert list(table["Protein"]) == list(other["Protein"]) == sorted(set(proteins))
    assert list(table["n_cells"]) == [proteins.count(p) for p in sorted(set(proteins))]


def test_mean_and_dispersion_from_their_definition() -> None:
    x = np.array([[0.0, 0.0], [2.0, 0.0], [5.0, 5.0]], dtype=np.float32)
    vectors, table = profiles(x, cells_of(["A", "A", "B"]))
    assert np.array_equal(vectors, [[1.0, 0.0], [5.0, 5.0]])
    assert list(table["dispersion"]) == [1.0, 0.0]
