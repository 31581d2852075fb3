from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from multiscope.training.draws import balanced, uniform, weighted


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@st.composite
def classes(draw: st.DrawFn) -> np.ndarray:
    """Classes of samples, counted from 0, none empty."""
    n_classes = draw(st.integers(1, 6))
    more = draw(st.lists(st.integers(0, n_classes - 1), max_size=60))
    return np.array(draw(st.permutations([*range(n_classes), *more])), dtype=np.int64)


def test_uniform_draws_every_sample_once() -> None:
    assert list(uniform(5)(rng())) == [0, 1, 2, 3, 4]


@given(classes(), st.integers(0, 99))
def test_balanced_draws_every_class_equally_often_and_its_samples_in_turn(of: np.ndarray, seed: int) -> None:
    drawn = balanced(of)(rng(seed))
    per_class = np.bincount(of[drawn], minlength=of.max() + 1)
    assert len(drawn) == len(of)
    assert per_class.max() - per_class.min() <= 1
    times = np.bincount(drawn, minlength=len(of))
    for number in range(of.max() + 1):
        within = times[of == number]
        assert within.max() - within.min() <= 1
    assert np.array_equal(drawn, balanced(of)(rng(seed)))


def test_over_epochs_balanced_reaches_every_sample_of_a_frequent_class() -> None:
    of = np.array([0] * 90 + [1] * 10)
    drawn = np.concatenate([balanced(of)(rng(seed)) for seed in range(40)])
    assert set(drawn) == set(range(100))
    times = np.bincount(drawn, minlength=100)
    assert abs(times[:90].mean() - 40 * 50 / 90) < 1 and np.all(times[90:] == 40 * 5)


def test_weighted_draws_follow_the_weights() -> None:
    weights = np.array([0.0, 1.0, 3.0] * 2000)
    times = np.bincount(weighted(weights)(rng()) % 3, minlength=3)
    assert times[0] == 0
    assert abs(times[2] / times[1] - 3) < 0.3  # 5 standard deviations
