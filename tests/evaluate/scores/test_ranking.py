"""Average precision equals scikit-learn's with ties; what rows, intervals and bootstrap samples are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from multiscope.errors import InputError
from multiscope.evaluate.scores.ranking import average_precision, interval, resample, unit_rows


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=60))
def test_plain_ap_is_that_of_sklearn(pairs: list[tuple[bool, int]]) -> None:
    truth, score = (np.array(column) for column in zip(*pairs, strict=True))
    if truth.any():
        expected = average_precision_score(truth, score)
        assert average_precision(truth, score.astype(float)) == pytest.approx(expected, abs=1e-12)


def test_rows_without_direction_are_named() -> None:
    assert unit_rows(np.array([[3.0, 4.0], [3e300, 4e300], [3e-300, 4e-300]]), ["a", "b", "c"], what="row") == (
        pytest.approx(np.array([[0.6, 0.8]] * 3))
    )
    with pytest.raises(InputError, match=r"row 'b' has values that are not finite"):
        unit_rows(np.array([[1.0, 2.0], [np.nan, 1.0]]), ["a", "b"], what="row")
    with pytest.raises(InputError, match=r"row 'a' has only zeros"):
        unit_rows(np.array([[0.0, 0.0], [0.0, 1.0]]), ["a", "b"], what="row")


def test_interval_leaves_out_undefined_samples() -> None:
    samples = np.append(np.linspace(0, 1, 101), np.nan)
    assert interval(samples, 0.9) == pytest.approx((0.05, 0.95))
    assert np.isnan(interval(np.array([np.nan]), 0.9)).all()


def test_resampling_draws_as_many_as_there_are() -> None:
    drawn = resample(7, 30, seed=1)
    assert drawn.shape == (30, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert (drawn == resample(7, 30, seed=1)).all()
    assert (drawn != resample(7, 30, seed=2)).any()
