"""Crops around cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from multiscope.crop.cut import cut


def disk(shape: tuple[int, int], y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


def test_a_planted_cell_is_centred_and_its_neighbour_is_kept_in_the_image_but_not_in_the_mask() -> None:
    labels = np.zeros((100, 120), np.uint32)
    labels[disk((100, 120), 50, 60, 6)] = 7
    labels[disk((100, 120), 50, 75, 5)] = 4
    image = np.stack([labels * 10, labels * 100]).astype(np.uint16)
    found = cut(image, labels, size=32, min_area=1)
    assert found.table.to_dict("list") == {"label": [4, 7], "y": [50.0, 50.0], "x": [75.0, 60.0]}
    crop, mask = found.images[1], found.masks[1]
    assert crop.shape == (2, 32, 32)
    assert mask.shape == (1, 32, 32)
    assert crop.dtype == np.uint16
    assert mask.dtype == np.uint8
    assert ndimage.center_of_mass(mask[0]) == (16, 16)
    np.testing.assert_array_equal(crop, image[:, 34:66, 44:76])
    np.testing.assert_array_equal(mask[0], labels[34:66, 44:76] == 7)
    assert (crop[0] == 40).any()
    assert found.dropped == {"edge": 0, "small": 0}


def test_cells_at_the_edge_and_small_objects_are_dropped_and_counted() -> None:
    labels = np.zeros((64, 64), np.uint32)
    labels[0:5, 30:35] = 1  # touches the border
    labels[28:34, 4:10] = 2  # its crop would leave the field
    labels[32, 32] = 3  # small
    labels[40:45, 30:35] = 4
    found = cut(np.zeros((1, 64, 64), np.uint8), labels, size=32, min_area=2)
    assert found.table["label"].tolist() == [4]
    assert found.dropped == {"edge": 2, "small": 1}


def test_a_cell_that_touches_the_border_is_dropped_though_its_crop_would_fit() -> None:
    labels = np.zeros((64, 64), np.uint32)
    labels[0:64, 32] = 1
    found = cut(np.zeros((1, 64, 64), np.uint8), labels, size=16, min_area=1)
    assert len(found.images) == 0
    assert found.dropped["edge"] == 1


def test_a_crop_that_just_fits_is_kept() -> None:
    labels = np.zeros((32, 32), np.uint32)
    labels[14:19, 14:19] = 1
    assert len(cut(np.zeros((1, 32, 32), np.uint8), labels, size=32, min_area=1).images) == 1
    labels = np.roll(labels, 1, axis=1)
    assert cut(np.zeros((1, 32, 32), np.uint8), labels, size=32, min_area=1).dropped["edge"] == 1


@pytest.mark.parametrize("labels", [np.zeros((40, 40), np.uint32), np.full((40, 40), 9, np.uint32)])
def test_fields_without_a_whole_cell(labels: np.ndarray) -> None:
    found = cut(np.zeros((3, 40, 40), np.float32), labels, size=16, min_area=1)
    assert found.images.shape == (0, 3, 16, 16)
    assert found.images.dtype == np.float32
    assert found.masks.shape == (0, 1, 16, 16)
    assert len(found.table) == 0


def test_huge_numbers_take_no_room() -> None:
    labels = np.zeros((40, 40), np.uint32)
    labels[18:22, 18:22] = 2**32 - 1
    assert cut(np.zeros((1, 40, 40), np.uint8), labels, size=16, min_area=1).table["label"].tolist() == [2**32 - 1]


def test_image_and_labels_have_to_fit() -> None:
    with pytest.raises(ValueError, match="expected the same field"):
        cut(np.zeros((1, 40, 41), np.uint8), np.zeros((40, 40), np.uint32), size=16, min_area=1)


@given(seed=st.integers(0, 999), size=st.sampled_from([8, 16, 24]), min_area=st.integers(1, 40))
def test_every_cell_is_kept_or_counted_and_lies_where_it_is_said(seed: int, size: int, min_area: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.zeros((60, 70), np.uint32)
    for number in rng.permutation(12) + 1:
        y, x, radius = rng.integers(0, 60), rng.integers(0, 70), rng.uniform(0.5, 6)
        labels[disk(labels.shape, y, x, radius) & (labels == 0)] = number
    image = rng.integers(0, 1000, (2, 60, 70)).astype(np.uint16)
    found = cut(image, labels, size=size, min_area=min_area)
    assert len(found.table) + sum(found.dropped.values()) == len(np.unique(labels)) - 1
    for row, crop, mask in zip(found.table.itertuples(), found.images, found.masks, strict=True):
        y, x = ndimage.center_of_mass(labels == row.label)
        assert (row.y, row.x) == pytest.approx((y, x))
        top, left = int(np.floor(y + 0.5)) - size // 2, int(np.floor(x + 0.5)) - size // 2
        np.testing.assert_array_equal(crop, image[:, top : top + size, left : left + size])
        np.testing.assert_array_equal(mask[0], labels[top : top + size, left : left + size] == row.label)
        assert (labels == row.label).sum() >= min_area
