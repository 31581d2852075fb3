from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.metrics.calibration import BINS, bin_of, calibration_error, reliability

CELLS = st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.integers(0, 4)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(CELLS)
def test_the_error_is_that_of_its_definition(cells: list[tuple[float, bool, int]]) -> None:
    probability, hit, groups = (np.array(column) for column in zip(*cells, strict=True))
    expected = 0.0
    for number in range(BINS):
        own = [cell for cell in cells if min(int(cell[0] * BINS), BINS - 1) == number]
        if own:
            expected += abs(sum(cell[0] - cell[1] for cell in own)) / len(cells)
    found = calibration_error(probability, hit, groups, n=50)
    assert found.value == pytest.approx(expected)
    if len(set(groups.tolist())) > 1:
        assert 0 <= found.low <= found.value <= found.high <= 1
    else:
        assert np.isnan(found.low) and np.isnan(found.high)


def test_probabilities_that_mean_what_they_say_have_no_error() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(20_000)
    hit = rng.random(20_000) < probability
    fields = np.arange(20_000) % 100
    assert calibration_error(probability, hit, fields).value < 0.02
    # sure of everything, and right as often as before
    boasted = calibration_error(np.where(probability > 0.5, 0.99, 0.01), hit, fields)
    assert boasted.value == pytest.approx(0.24, abs=0.02)
    assert boasted.low > 0.2


def test_the_interval_covers_the_error_of_many_fields() -> None:
    # every cell is called 90% sure; fields differ in how many are right, 70% on average
    covered = 0
    for trial in range(300):
        rng = np.random.default_rng(trial)
        right = rng.beta(7, 3, 20)
        fields = np.repeat(np.arange(20), 15)
        found = calibration_error(np.full(300, 0.9), rng.random(300) < right[fields], fields, n=300)
        covered += found.low <= 0.2 <= found.high
    assert 0.90 < covered / 300 < 0.985


def test_bins_hold_every_cell_and_the_last_one_holds_one() -> None:
    probability = np.array([0.0, 0.05, 0.1, 0.95, 1.0])
    assert bin_of(probability).tolist() == [0, 0, 1, 9, 9]
    found = reliability(probability, np.array([False, True, True, True, False]))
    assert found.n.tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert found.said[[0, 1, 9]] == pytest.approx([0.025, 0.1, 0.975])
    assert found.found[[0, 1, 9]] == pytest.approx([0.5, 1.0, 0.5])
    assert np.isnan(found.said[2:9]).all()


def test_no_cells_have_no_error() -> None:
    found = calibration_error(np.empty(0), np.empty(0, bool), np.empty(0))
    assert np.isnan([found.value, found.low, found.high]).all()
