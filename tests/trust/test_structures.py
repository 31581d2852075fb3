"""Structures of two images, matched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from multiscope.config import Trust
from multiscope.trust.structures import Counts, find_structures, match


def disks(*centres: tuple[int, int], radius: int = 6, size: int = 96) -> np.ndarray:
    yy, xx = np.mgrid[:size, :size]
    labels = np.zeros((size, size), np.uint32)
    for number, (y, x) in enumerate(centres, start=1):
        labels[(yy - y) ** 2 + (xx - x) ** 2 <= radius**2] = number
    return labels


def test_one_is_kept_one_lost_one_invented() -> None:
    clean, other = disks((20, 20), (60, 60)), disks((21, 20), (20, 70))
    assert match(clean, other) == Counts(kept=1, lost=1, invented=1)


def test_a_merged_pair_is_lost_and_its_union_invented() -> None:
    clean, other = disks((20, 20), (20, 34)), (disks((20, 20), (20, 34)) > 0).astype(np.uint32)
    assert match(clean, other) == Counts(kept=0, lost=2, invented=1)


def test_nothing_matches_nothing() -> None:
    empty, full = np.zeros((8, 8), np.uint32), np.ones((8, 8), np.uint32)
    assert match(empty, empty) == Counts(0, 0, 0)
    assert match(empty, full) == Counts(0, 0, 1)
    assert match(full, empty) == Counts(0, 1, 0)


def test_a_share_that_leaves_several_partners_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.5 or more"):
        match(disks((9, 9)), disks((9, 9)), overlap=0.3)


labels = hnp.arrays(np.uint32, (6, 7), elements=st.integers(0, 4))


@given(labels, labels, st.sampled_from([0.5, 0.6, 0.75]))
@settings(max_examples=200)
def test_counts_are_those_of_the_best_assignment(clean: np.ndarray, other: np.ndarray, overlap: float) -> None:
    found = match(clean, other, overlap=overlap)
    a, b = ([image == number for number in np.setdiff1d(image, [0])] for image in (clean, other))
    iou = np.array([[(one & two).sum() / (one | two).sum() for two in b] for one in a]).reshape(len(a), len(b))
    rows, columns = linear_sum_assignment(-(iou > overlap).astype(float))
    kept = int((iou[rows, columns] > overlap).sum())
    assert found == Counts(kept, len(a) - kept, len(b) - kept)
    assert match(other, clean, overlap=overlap) == Counts(kept, len(b) - kept, len(a) - kept)


def test_bright_structures_are_found_whatever_the_units() -> None:
    truth = disks((20, 20), (60, 60), (20, 70), radius=8)
    rng = np.random.default_rng(0)
    plane = 100 + 400 * (truth > 0) + rng.normal(0, 10, truth.shape)
    found = find_structures(plane, Trust())
    assert match(truth, found) == Counts(3, 0, 0)
    assert match(found, find_structures(7 * plane + 50, Trust())) == Counts(3, 0, 0)
    assert find_structures(plane, Trust(min_area=400)).max() == 0
