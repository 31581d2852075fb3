"""The benchmark of real pairs puts two channels onto one another, and two scales: wrong there is wrong everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.real_pairs import Match, centre, halves, misalignment, overlap


@pytest.mark.parametrize("shift", [(0, 0, 0), (-2, 1, 4), (1, -3, 2), (-1, 0, -1)])
def test_a_planted_shift_is_found_and_undone(shift: tuple[int, int, int]) -> None:
    scene = ndimage.gaussian_filter(np.random.default_rng(0).random((16, 64, 56)), (1, 2, 2))
    dz, dy, dx = shift
    confocal = scene[4:12, 8:56, 8:48]
    widefield = scene[4 - dz : 12 - dz, 8 - dy : 56 - dy, 8 - dx : 48 - dx]
    planes = np.arange(2, 6, 3)
    assert misalignment(confocal, widefield, planes) == shift
    fixed, moved = overlap(confocal, widefield, shift, planes)
    assert fixed.shape == (2, 48 - abs(dy), 40 - abs(dx))
    np.testing.assert_array_equal(fixed, moved)


def test_a_match_brings_percentiles_over_and_back() -> None:
    rng = np.random.default_rng(0)
    image, reference = rng.gamma(2, 900, (40, 50)), rng.gamma(2, 10, 3000)
    match = Match.of(image, reference)
    there = match.there(image)
    np.testing.assert_allclose(np.percentile(there, (0.1, 99.9)), np.percentile(reference, (0.1, 99.9)), rtol=1e-4)
    np.testing.assert_allclose(match.back(there), image, rtol=1e-3)


def test_the_halves_keep_apart() -> None:
    stack = np.full((3, 20, 200), 7.0)
    stack[:, 4:9, 90:111] = 9.0
    assert centre(stack) == (6, 100)
    train, test = halves(100)
    assert (test.start, test.stop, train.start, train.stop) == (0, 96, 104, 168)
