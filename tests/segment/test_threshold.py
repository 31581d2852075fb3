"""Cells by their brightness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.io import imread

from benchmarks.segment import match, naive
from multiscope.segment.methods import remove_small
from multiscope.segment.threshold import cell_threshold, threshold_cells
from tests.segment.folders import blobs


def found(plane: np.ndarray, *, sigma: float = 1.0, min_distance: int = 7) -> np.ndarray:
    return remove_small(threshold_cells(plane, sigma=sigma, min_distance=min_distance), 30)[0]


@given(seed=st.integers(0, 999), n=st.integers(1, 14))
def test_planted_disks_are_found_where_they_are(seed: int, n: int) -> None:
    plane, labels = blobs(seed, n=n)
    assert match(labels, found(plane)) == (n, 0, 0)


def test_touching_cells_are_parted_and_a_larger_distance_joins_them() -> None:
    labels = np.zeros((60, 80), np.uint32)
    rows, columns = np.ogrid[:60, :80]
    for number, x in enumerate((30, 46), start=1):
        labels[(rows - 30) ** 2 + (columns - x) ** 2 <= 81] = number
    plane = np.where(labels > 0, 900, 100) + np.random.default_rng(0).normal(0, 10, labels.shape)
    assert match(labels, found(plane)) == (2, 0, 0)
    assert found(plane, min_distance=20).max() == 1


def test_holes_are_filled() -> None:
    plane, labels = blobs(0, n=4)
    holed = plane.copy()
    for y, x in (np.argwhere(labels == i).mean(axis=0).astype(int) for i in range(1, 5)):
        holed[y - 2 : y + 3, x - 2 : x + 3] = 200
    assert match(labels, found(holed)) == (4, 0, 0)


def empty_fields() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    noise = rng.normal(100, 5, (256, 256))
    rows, columns = np.ogrid[-128:128, -128:128]
    away = rows**2 + columns**2
    return {
        "constant": np.full((256, 256), 7, np.uint16),
        "gaussian": noise.astype(np.float32),
        "poisson": rng.poisson(3, (256, 256)).astype(np.uint8),
        "slope": (noise + np.linspace(0, 100, 256)).astype(np.uint16),
        "vignette": (noise + 200 * np.exp(-away / 20000)).astype(np.uint16),
        "hot pixels": np.where(rng.random((256, 256)) < 1e-4, 5000, noise).astype(np.uint16),
    }


@pytest.mark.parametrize("name", empty_fields())
@pytest.mark.parametrize("sigma", [0.0, 1.0, 2.0])
def test_a_field_without_cells_has_none(name: str, sigma: float) -> None:
    assert found(empty_fields()[name], sigma=sigma).max() == 0


@pytest.mark.parametrize("n", [1, 3, 10])
def test_few_dim_cells_in_a_large_noisy_field_are_found(n: int) -> None:
    rng = np.random.default_rng(n)
    plane = rng.normal(100, 5, (512, 512))
    rows, columns = np.ogrid[:512, :512]
    for i in range(n):
        plane[(rows - 40 - 45 * i) ** 2 + (columns - 250) ** 2 <= 64] += 15
    assert found(plane).max() == n


def test_a_threshold_needs_two_values() -> None:
    assert cell_threshold(np.zeros((4, 4), np.float32)) is None
    assert cell_threshold(np.zeros((1, 1), np.float32)) is None


def test_small_objects_are_removed_and_the_rest_renumbered() -> None:
    labels = np.zeros((10, 10), np.uint32)
    labels[0, :3], labels[2, :5], labels[4, :2], labels[6, :6] = 4, 7, 9, 2**32 - 1
    kept, n_small = remove_small(labels, 4)
    assert n_small == 2
    assert np.unique(kept).tolist() == [0, 1, 2]
    assert (kept[2, :5] == 1).all() and (kept[6, :6] == 2).all()
    assert remove_small(np.full((3, 3), 5, np.uint32), 1)[0].tolist() == [[1] * 3] * 3


def test_real_nuclei_are_found_better_than_by_a_bare_threshold(real_data: Path) -> None:
    scores = []
    for path in sorted((real_data / "dsb2018_nuclei" / "images").iterdir())[::12]:
        plane, labels = imread(path), imread(real_data / "dsb2018_nuclei" / "labels" / path.name)
        right, wrong, missed = np.transpose([match(labels, found(plane)), match(labels, naive(plane))])
        scores.append(right / (right + wrong + missed))
    ours, bare = np.mean(scores, axis=0)
    assert ours > 0.65
    assert ours > bare
