"""Each group by itself, as pycytominer and as plain numpy would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.embed.normalize import How, Normalized
from multiscope.stores.matrix import Values
from tests.embed.test_profiles import Held

METHODS: dict[How, str] = {"standardize": "standardize", "robust": "mad_robustize", "spherize": "spherize"}
N, D = 120, 6


def screen(seed: int = 0) -> tuple[Values, pd.DataFrame]:
    """Correlated features whose place and scale is another one on each of three plates of two sources."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(N, D)) @ rng.normal(size=(D, D))
    plate, source = rng.integers(0, 3, N), np.repeat(["clean", "degraded"], N // 2)
    x = mixed * (1 + plate[:, None]) + 5 * plate[:, None] - 3 * (source == "clean")[:, None]
    return x.astype(np.float32), pd.DataFrame({"plate": [f"p{i}" for i in plate], "source": source})


def whole(matrix: Normalized) -> Values:
    return np.concatenate([matrix.block(k) for k in range(-(-matrix.shape[0] // matrix.block_rows))])


def normalized(x: Values, cells: pd.DataFrame, how: How, by: str = "plate", **options: Any) -> Values:
    return whole(Normalized(Held(x), cells, by, how, **options))


@pytest.mark.parametrize("how", METHODS)
def test_it_is_what_pycytominer_makes_of_each_plate(how: How) -> None:
    from pycytominer import normalize

    x, cells = screen()
    found = normalized(x, cells, how)
    names = [f"emb_{i}" for i in range(D)]
    for (source, plate), rows in cells.groupby(["source", "plate"]).indices.items():
        frame = pd.DataFrame(x[rows].astype(np.float64), columns=names).assign(Metadata_Plate=plate)
        theirs = normalize(frame, features=names, meta_features=["Metadata_Plate"], method=METHODS[how])
        assert np.allclose(found[rows], theirs[names], atol=2e-4), (source, plate)


@settings(max_examples=10)
@given(st.integers(0, 100))
def test_each_from_its_definition(seed: int) -> None:
    x, cells = screen(seed)
    for rows in cells.groupby(["source", "plate"]).indices.values():
        own = x[rows].astype(np.float64)
        deviation = np.abs(own - np.median(own, axis=0))
        robust = (own - np.median(own, axis=0)) / (1.4826 * np.median(deviation, axis=0))
        assert np.allclose(normalized(x, cells, "robust")[rows], robust, atol=1e-3)
        standard = (own - own.mean(axis=0)) / own.std(axis=0)
        assert np.allclose(normalized(x, cells, "standardize")[rows], standard, atol=1e-4)
        # the symmetric root of the inverse correlation (Kessy et al. 2018, eq. 15)
        values, vectors = np.linalg.eigh(np.cov(standard.T))
        white = standard @ (vectors / np.sqrt(values)) @ vectors.T
        assert np.allclose(normalized(x, cells, "spherize")[rows], white, atol=2e-3)


def test_all_cells_of_a_source_together() -> None:
    x, cells = screen()
    found = normalized(x, cells, "standardize", by="source")
    for source in ("clean", "degraded"):
        own = found[cells["source"] == source]
        assert np.allclose(own.mean(axis=0), 0, atol=1e-5) and np.allclose(own.std(axis=0), 1, atol=1e-5)


def test_sparse_features_keep_their_scale_and_constant_ones_become_zero() -> None:
    rng = np.random.default_rng(0)
    rare = np.where(rng.random(N) < 0.3, rng.random(N), 0.0)
    x = np.stack([rare, np.full(N, 7.0), rng.normal(size=N)], axis=1).astype(np.float32)
    cells = pd.DataFrame({"plate": ["p"] * N, "source": "clean"})
    found = normalized(x, cells, "robust")
    assert np.allclose(found[:, 0], rare / (1.253314 * np.abs(rare).mean()), atol=1e-5)
    for how in METHODS:
        found = normalized(x, cells, how)
        assert np.isfinite(found).all() and np.abs(found).max() < 20
        assert np.allclose(found[:, 1], 0, atol=1e-6)


def test_dependent_features_are_spherized_in_the_directions_there_are() -> None:
    rng = np.random.default_rng(0)
    places = np.eye(3)[rng.integers(0, 3, N)]  # labels: each row sums to one
    x = np.concatenate([places, rng.normal(size=(N, 2))], axis=1).astype(np.float32)
    found = normalized(x, pd.DataFrame({"plate": ["p"] * N, "source": "clean"}), "spherize")
    assert np.allclose(np.linalg.eigvalsh(np.cov(found.T)), [0, 1, 1, 1, 1], atol=1e-3)


def test_a_large_group_is_normalized_by_cells_spread_over_it() -> None:
    x, cells = screen()
    cells = cells.assign(plate="p", source="clean")
    spread = np.unique(np.linspace(0, N - 1, 40).astype(int))
    found = normalized(x, cells, "standardize", most=40 * D)
    assert np.allclose(found, (x - x[spread].mean(axis=0)) / x[spread].std(axis=0), atol=1e-4)
