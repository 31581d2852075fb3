from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import trim_mean

from multiscope.embed.groups import Blocks
from multiscope.embed.profiles import Aggregate, profiles
from multiscope.stores.matrix import Values

AGGREGATES: tuple[Aggregate, ...] = ("mean", "median", "robust")
PROTEINS = st.lists(st.sampled_from("ABC"), min_size=1, max_size=60)


class Held(Blocks):
    """A matrix in memory, read in blocks, that counts them."""

    def __init__(self, x: Values, block_rows: int = 7) -> None:
        self.x, self.block_rows, self.n_read = x, block_rows, 0
        self.shape = (x.shape[0], x.shape[1])

    def block(self, number: int) -> Values:
        self.n_read += 1
        return self.x[number * self.block_rows : (number + 1) * self.block_rows]


def cells_of(proteins: Sequence[str], source: str | Sequence[str] = "clean") -> pd.DataFrame:
    return pd.DataFrame(
        {"protein": proteins, "symbol": proteins, "localization": "nucleus", "source": source},
        index=range(len(proteins)),
    )


def drawn(n: int, n_features: int = 4) -> Values:
    return np.random.default_rng(n).normal(size=(n, n_features)).astype(np.float32)


def of_all(x: Values, proteins: Sequence[str], aggregate: Aggregate = "mean") -> tuple[Values, pd.DataFrame]:
    return profiles(Held(x), cells_of(proteins), np.arange(len(x)), aggregate)


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_one_cell_is_its_own_profile(aggregate: Aggregate) -> None:
    x = np.array([[0.1, 2.7]], dtype=np.float32)
    vectors, table = of_all(x, ["A"], aggregate)
    assert np.array_equal(vectors, x)
    assert table.loc[0, "n_cells"] == 1
    assert table.loc[0, "dispersion"] == 0


@given(PROTEINS, st.sampled_from(AGGREGATES))
def test_order_of_cells_does_not_matter(proteins: list[str], aggregate: Aggregate) -> None:
    x = drawn(len(proteins))
    order = np.random.default_rng(len(proteins)).permutation(len(proteins))
    first, table = of_all(x, proteins, aggregate)
    second, other = of_all(x[order], [proteins[i] for i in order], aggregate)
    assert np.allclose(first, second, atol=1e-6)
    pd.testing.assert_frame_equal(table, other)
    assert list(table["Protein"]) == sorted(set(proteins))
    assert list(table["n_cells"]) == [proteins.count(p) for p in sorted(set(proteins))]


@given(PROTEINS, st.sampled_from(AGGREGATES))
def test_each_from_its_definition(proteins: list[str], aggregate: Aggregate) -> None:
    x = drawn(len(proteins))
    vectors, table = of_all(x, proteins, aggregate)
    by_definition = {
        "mean": lambda own: own.mean(axis=0),
        "median": lambda own: np.quantile(own, 0.5, axis=0),
        "robust": lambda own: trim_mean(own, 0.1, axis=0),
    }[aggregate]
    for row, protein in enumerate(table["Protein"]):
        own = x[[name == protein for name in proteins]].astype(np.float64)
        expected = by_definition(own)
        assert np.allclose(vectors[row], expected, atol=1e-6)
        distance = np.linalg.norm(own - expected, axis=1)
        assert np.isclose(table.loc[row, "dispersion"], np.sqrt((distance**2).mean()), atol=1e-5)


def test_one_outlier_in_twenty_moves_the_mean_alone() -> None:
    x = np.concatenate([np.linspace(-1, 1, 19), [1e6]]).astype(np.float32)[:, None]
    found = {aggregate: float(of_all(x, ["A"] * 20, aggregate)[0][0, 0]) for aggregate in AGGREGATES}
    assert found["mean"] > 1e4
    assert abs(found["median"]) < 0.1 and abs(found["robust"]) < 0.1


@given(PROTEINS, st.integers(1, 70), st.integers(1, 700), st.sampled_from(AGGREGATES))
def test_neither_blocks_nor_memory_change_a_profile(
    proteins: list[str], block_rows: int, budget: int, aggregate: Aggregate
) -> None:
    x, cells, rows = drawn(len(proteins)), cells_of(proteins), np.arange(len(proteins))
    expected, table = profiles(Held(x, len(x)), cells, rows, aggregate)
    found, other = profiles(Held(x, block_rows), cells, rows, aggregate, budget=budget)
    assert np.array_equal(found, expected)
    assert np.allclose(other.pop("dispersion"), table.pop("dispersion"))
    pd.testing.assert_frame_equal(other, table)


def test_cells_in_the_order_of_their_proteins_are_read_about_once() -> None:
    proteins = [f"P{i // 10:03d}" for i in range(1000)]
    matrix = Held(drawn(1000), block_rows=50)
    profiles(matrix, cells_of(proteins), np.arange(1000), "median", budget=100 * 4 * 4)
    assert matrix.n_read == 20


def test_only_the_rows_that_are_named_count_and_sources_are_apart() -> None:
    x = np.array([[0.0], [2.0], [4.0], [100.0], [7.0]], dtype=np.float32)
    cells = cells_of(["A", "A", "A", "A", "B"], ["clean", "clean", "degraded", "clean", "clean"])
    vectors, table = profiles(Held(x), cells, np.array([0, 1, 2, 4]), "mean")
    assert vectors[:, 0].tolist() == [1.0, 7.0, 4.0]
    assert table[["Source", "Protein", "n_cells"]].to_numpy().tolist() == [
        ["clean", "A", 2],
        ["clean", "B", 1],
        ["degraded", "A", 1],
    ]
