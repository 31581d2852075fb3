from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import auc, roc_auc_score

from multiscope.metrics.roc import roc, roc_area

# few values, so that there are ties
CELLS = st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 4)), min_size=2, max_size=60)


@settings(max_examples=60, deadline=None)
@given(CELLS)
def test_the_area_is_that_of_scikit_learn_and_of_the_curve(cells: list[tuple[int, bool, int]]) -> None:
    score, positive, groups = (np.array(column) for column in zip(*cells, strict=True))
    found = roc_area(score / 10, positive, groups, n=50)
    if positive.all() or not positive.any():
        assert np.isnan([found.value, found.low, found.high]).all()
        return
    assert found.value == pytest.approx(roc_auc_score(positive, score))
    false, true = roc(score / 10, positive)
    assert auc(false, true) == pytest.approx(found.value)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    if np.isfinite(found.low):
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_interval_covers_the_area_of_many_fields() -> None:
    # scores of the class are one deviation higher; cells of a field share half of their variance
    truth = float(stats.norm.cdf(1 / np.sqrt(2)))
    covered, naive = 0, 0
    for trial in range(300):
        rng = np.random.default_rng(trial)
        fields = np.repeat(np.arange(24), 8)
        positive = fields % 2 == 0
        score = positive + np.sqrt(0.5) * (rng.normal(size=24)[fields] + rng.normal(size=192))
        found, apart = (roc_area(score, positive, groups, n=300) for groups in (fields, np.arange(192)))
        covered += found.low <= truth <= found.high
        naive += apart.low <= truth <= apart.high
    assert 0.90 < covered / 300 < 0.985
    assert naive / 300 < 0.8


def test_where_no_cell_is_in_the_wrong_order_the_interval_cannot_be_told() -> None:
    found = roc_area(np.arange(6.0), np.arange(6) > 2, np.arange(6))
    assert found.value == 1
    assert np.isnan([found.low, found.high]).all()


def test_blocks_change_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    score, positive, groups = rng.random(40), rng.random(40) < 0.5, np.arange(40) // 4
    whole = roc_area(score, positive, groups, n=30)
    monkeypatch.setattr("multiscope.metrics.roc._BLOCK", 40 * 7)
    assert roc_area(score, positive, groups, n=30) == whole
