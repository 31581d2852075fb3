from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from multiscope.metrics.intervals import mean_interval, paired_interval, seed_spread


def simulate(rng: np.random.Generator, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of mean 0: what rows of a group share is larger than what sets them apart."""
    sizes = rng.integers(1, 5, n_groups)
    groups = np.repeat(np.arange(n_groups), sizes)
    return rng.normal(0, 2, n_groups)[groups] + rng.normal(0, 1, len(groups)), groups


@pytest.mark.parametrize("n_groups", [2, 3, 6, 40])
def test_intervals_cover_the_truth_as_often_as_they_say(n_groups: int) -> None:
    rng = np.random.default_rng(0)
    covered = {0.95: 0, 0.5: 0}
    for trial in range(400):
        values, groups = simulate(rng, n_groups)
        for level in covered:
            found = mean_interval(values, groups, n=500, level=level, seed=trial)
            covered[level] += found.low <= 0 <= found.high
    assert 0.90 < covered[0.95] / 400 < 0.985
    assert 0.40 < covered[0.5] / 400 < 0.60


def test_rows_of_a_field_are_drawn_together() -> None:
    rng = np.random.default_rng(1)
    values = np.repeat(rng.normal(size=12), 50)
    groups = np.repeat([f"field{i}" for i in range(12)], 50)
    together, apart = mean_interval(values, groups), mean_interval(values, np.arange(len(values)))
    assert together.high - together.low > 4 * (apart.high - apart.low)
    once = mean_interval(values[::50], groups[::50])
    assert (together.low, together.high) == pytest.approx((once.low, once.high))
    assert (together.n_rows, together.n_groups, together.left_out) == (600, 12, 0)


def test_pairs_make_an_interval_narrow() -> None:
    rng = np.random.default_rng(2)
    b = rng.normal(20, 5, 30)
    a = b + 0.5 + rng.normal(0, 0.1, 30)
    paired = paired_interval(a, b, np.arange(30))
    assert paired.value == pytest.approx((a - b).mean())
    assert 0.4 < paired.low < paired.value < paired.high < 0.6
    swapped = paired_interval(b, a, np.arange(30))
    assert swapped.value == pytest.approx(-paired.value)
    single = mean_interval(a, np.arange(30))
    assert single.high - single.low > 10 * (paired.high - paired.low)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(0, 5)), min_size=2, max_size=30))
def test_equal_inputs_differ_by_exactly_nothing(rows: list[tuple[float, int]]) -> None:
    values, groups = [value for value, _ in rows], [group for _, group in rows]
    found = paired_interval(values, values, groups, n=50)
    assert found.value == 0
    if len(set(groups)) > 1:
        assert (found.low, found.high) == (0, 0)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 20), st.integers(0, 2**31))
def test_an_interval_holds_its_mean_and_the_seed_decides_it(n_groups: int, seed: int) -> None:
    values, groups = simulate(np.random.default_rng(seed), n_groups)
    found = mean_interval(values, groups, n=300, seed=seed)
    assert found == mean_interval(values, groups, n=300, seed=seed)
    assert found.low < found.value < found.high
    assert found.high - found.value == pytest.approx(found.value - found.low)
    assert found.value == pytest.approx(values.mean())
    order = np.random.default_rng(0).permutation(len(values))
    again = mean_interval(values[order], groups[order], n=300, seed=seed)
    assert (again.low, again.high) == pytest.approx((found.low, found.high))


def test_it_is_student_s_interval_where_every_field_has_one_row() -> None:
    values = np.random.default_rng(3).normal(5, 2, 12)
    expected = stats.t.interval(0.9, 11, values.mean(), stats.sem(values))
    found = mean_interval(values, np.arange(12), n=50_000, level=0.9)
    assert (found.low, found.high) == pytest.approx(expected, rel=0.01)


def test_what_is_not_finite_is_left_out_and_counted() -> None:
    a, b = [np.inf, np.inf, 3.0, 5.0, np.nan], [np.inf, 1.0, 1.0, 1.0, 1.0]
    found = paired_interval(a, b, ["a", "a", "b", "c", "d"])
    assert found.value == 3
    assert (found.n_rows, found.n_groups, found.left_out) == (2, 2, 3)


def test_one_group_has_no_interval() -> None:
    found = mean_interval([1.0, 3.0], ["a", "a"])
    assert found.value == 2
    assert np.isnan([found.low, found.high]).all()
    nothing = mean_interval([np.nan], ["a"])
    assert np.isnan([nothing.value, nothing.low]).all()
    assert (nothing.n_rows, nothing.n_groups, nothing.left_out) == (0, 0, 1)


def test_spread_over_seeds_is_that_of_their_means() -> None:
    found = seed_spread([1.0, 3.0, 4.0, 6.0, 9.0, np.inf], [0, 0, 1, 1, 2, 2])
    assert (found.mean, found.low, found.high, found.n_seeds) == (pytest.approx(16 / 3), 2, 9, 3)
    assert found.sd == pytest.approx(np.std([2, 5, 9], ddof=1))
    assert np.isnan(seed_spread([1.0, 2.0], [0, 0]).sd)
    assert seed_spread([np.nan], [0]).n_seeds == 0
