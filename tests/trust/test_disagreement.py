"""Disagreement of seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from multiscope.trust.disagreement import disagreement, rank_correlation


def test_the_map_is_the_spread_of_every_pixel() -> None:
    restored = np.random.default_rng(0).normal(500, 20, (5, 2, 8, 9)).astype(np.float32)
    found = disagreement(restored)
    assert found is not None and found.dtype == np.float32
    np.testing.assert_allclose(found, restored.std(axis=0, ddof=1), rtol=1e-4)


def test_one_seed_says_nothing() -> None:
    assert disagreement(np.ones((1, 1, 4, 4), np.float32)) is None


@given(st.integers(0, 1000), st.booleans())
def test_ranks_correlate_as_scipy_says(seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, 6, 7))
    other = np.round(other + one) if ties else other
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one.ravel(), other.ravel()).statistic, abs=1e-12)


def test_a_constant_map_foretells_nothing() -> None:
    assert np.isnan(rank_correlation(np.ones((4, 4)), np.arange(16.0).reshape(4, 4)))
