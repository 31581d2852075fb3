from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.metrics.probe import probe
from multiscope.metrics.representation import effective_rank, similarity

RNG = np.random.default_rng(0)


@given(st.integers(1, 8))
def test_the_rank_of_equal_directions_is_their_number(n: int) -> None:
    corners = np.concatenate([np.eye(8)[:n], -np.eye(8)[:n]])
    assert effective_rank(corners) == pytest.approx(n)


def test_the_rank_falls_as_one_direction_takes_over_and_a_point_has_none() -> None:
    x = RNG.normal(size=(200, 6))
    ranks = [effective_rank(x * np.array([scale, 1, 1, 1, 1, 1])) for scale in (1, 10, 100, 1000)]
    assert ranks[0] > 5.9 and ranks == sorted(ranks, reverse=True) and ranks[-1] < 1.1
    assert effective_rank(np.full((9, 4), 0.1)) == 0
    assert effective_rank(x * 7 + 3) == pytest.approx(effective_rank(x))


def test_similarity_is_that_of_its_definition_and_knows_no_rotation() -> None:
    x, y = RNG.normal(size=(50, 4)), RNG.normal(size=(50, 7))
    turn = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
    assert similarity(x, 3 * x @ turn + 5) == pytest.approx(1)
    centre = np.eye(50) - 1 / 50
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    assert similarity(x, y) == pytest.approx((k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum()))
    assert similarity(x, np.ones((50, 3))) == 0


def test_a_probe_reads_what_is_there_and_not_what_is_not() -> None:
    kinds = np.repeat([0, 1, 2], 100)
    told = np.eye(3)[kinds] * 2 + RNG.normal(size=(300, 3))
    train, test = np.arange(300) % 2 == 0, np.arange(300) % 2 == 1
    assert probe(told[train], kinds[train], told[test], kinds[test]).mean() > 0.8
    untold = RNG.normal(size=(300, 3))
    assert probe(untold[train], kinds[train], untold[test], kinds[test]).mean() == pytest.approx(1 / 3, abs=0.12)
    scaled = told * np.array([1e-6, 1, 1e6])
    assert (
        probe(scaled[train], kinds[train], scaled[test], kinds[test])
        == probe(told[train], kinds[train], told[test], kinds[test])
    ).mean() > 0.99
