"""Crops around cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from multiscope.config import Crop
from multiscope.crop.cells import find_objects, measure
from multiscope.crop.choice import REASONS, choose
from multiscope.crop.cut import cut
from multiscope.crop.window import n_cut, n_padded


def disk(shape: tuple[int, int], y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


def crops(
    image: np.ndarray, labels: np.ndarray, **settings: Any
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, dict[str, int]]:
    """Images, masks and rows of the cells that are kept, and the counts of the others."""
    config = Crop(data="x", **settings)
    objects = find_objects(labels)
    cells = pd.concat([objects.table, measure(image, objects)], axis=1).assign(
        n_cut=n_cut(objects, config.size), n_padded=n_padded(objects.table, labels.shape, config.size)
    )
    reasons = choose(cells, labels.shape, config)
    kept = cells[reasons == ""]
    counts = {reason: int((reasons == reason).sum()) for reason in REASONS if (reasons == reason).any()}
    return *cut(image, objects, kept, size=config.size, neighbours=config.neighbours), kept, counts


def test_a_planted_cell_is_centred_and_its_neighbour_is_kept_in_the_image_but_not_in_the_mask() -> None:
    labels = np.zeros((100, 120), np.uint32)
    labels[disk((100, 120), 50, 60, 6)] = 7
    labels[disk((100, 120), 50, 75, 5)] = 4
    image = np.stack([labels * 10, labels * 100]).astype(np.uint16)
    images, masks, table, dropped = crops(image, labels, size=32, min_area=1)
    assert table[["label", "y", "x"]].to_dict("list") == {"label": [4, 7], "y": [50.0, 50.0], "x": [75.0, 60.0]}
    crop, mask = images[1], masks[1]
    assert crop.shape == (2, 32, 32)
    assert mask.shape == (1, 32, 32)
    assert crop.dtype == np.uint16
    assert mask.dtype == np.uint8
    assert ndimage.center_of_mass(mask[0]) == (16, 16)
    np.testing.assert_array_equal(crop, image[:, 34:66, 44:76])
    np.testing.assert_array_equal(mask[0], labels[34:66, 44:76] == 7)
    assert (crop[0] == 40).any()
    assert dropped == {}


def test_masked_neighbours_have_the_background_of_each_channel_and_the_cell_keeps_its_pixels() -> None:
    labels = np.zeros((64, 64), np.uint32)
    labels[28:36, 28:36] = 3
    labels[28:36, 36:40] = 9
    image = np.stack([np.full((64, 64), 101), np.full((64, 64), 7)]).astype(np.uint16)
    image[:, labels > 0] += 50
    image[0, 0] = 60000  # bright rubbish does not move a median
    images, masks, table, _ = crops(image, labels, size=32, min_area=1, neighbours="mask")
    assert table["label"].tolist() == [3, 9]
    for crop, mask in zip(images, masks[:, 0], strict=True):
        assert (crop[0, mask == 1] == 151).all() and (crop[1, mask == 1] == 57).all()
        assert (crop[0, mask == 0] == 101).all() and (crop[1, mask == 0] == 7).all()


def test_cells_at_the_edge_and_small_objects_are_dropped_and_counted() -> None:
    labels = np.zeros((64, 64), np.uint32)
    labels[0:5, 30:35] = 1  # touches the border
    labels[28:34, 4:10] = 2  # its crop would leave the field
    labels[32, 32] = 3  # small
    labels[40:45, 30:35] = 4
    *_, table, dropped = crops(np.zeros((1, 64, 64), np.uint8), labels, size=32, min_area=2)
    assert table["label"].tolist() == [4]
    assert dropped == {"border": 1, "edge": 1, "small": 1}


def test_padding_repeats_the_edge_says_how_far_and_never_keeps_a_cell_that_is_cut_by_the_border() -> None:
    labels = np.zeros((40, 64), np.uint32)
    labels[0:5, 30:35] = 1
    labels[2:7, 3:8] = 2
    labels[34:39, 58:63] = 3
    labels[18:21, 31:34] = 4
    image = np.arange(40 * 64, dtype=np.uint16).reshape(1, 40, 64)
    images, masks, table, dropped = crops(image, labels, size=32, min_area=2, border="pad")
    assert table["label"].tolist() == [2, 3, 4]
    assert dropped == {"border": 1}
    assert n_padded(table, labels.shape, 32).tolist() == [12, 12, 0]
    padded = np.pad(image, ((0, 0), (32, 32), (32, 32)), mode="edge")
    np.testing.assert_array_equal(images[0], padded[:, 20:52, 21:53])
    assert masks.sum(axis=(1, 2, 3)).tolist() == [25, 25, 9]


def test_a_label_in_two_far_corners_is_no_cell() -> None:
    labels = np.zeros((90, 90), np.uint32)
    labels[5:9, 5:9] = labels[80:84, 80:84] = 3
    assert crops(np.zeros((1, 90, 90), np.uint8), labels, size=32, min_area=1)[3] == {"scattered": 1}


def test_a_field_smaller_than_the_crop_gives_crops_only_with_padding() -> None:
    labels = np.zeros((20, 24), np.uint32)
    labels[8:12, 8:12] = 1
    image = np.arange(480, dtype=np.float32).reshape(1, 20, 24)
    assert crops(image, labels, size=64, min_area=1)[3] == {"edge": 1}
    images, masks, table, _ = crops(image, labels, size=64, min_area=1, border="pad")
    assert n_padded(table, labels.shape, 64).tolist() == [22]
    np.testing.assert_array_equal(images[0], np.pad(image, ((0, 0), (22, 22), (22, 18)), mode="edge"))
    assert masks.sum() == 16


def test_a_cell_that_touches_the_border_is_dropped_though_its_crop_would_fit() -> None:
    labels = np.zeros((64, 64), np.uint32)
    labels[0:64, 32] = 1
    images, *_, dropped = crops(np.zeros((1, 64, 64), np.uint8), labels, size=16, min_area=1)
    assert len(images) == 0
    assert dropped == {"border": 1}


def test_a_crop_that_just_fits_is_kept() -> None:
    labels = np.zeros((32, 32), np.uint32)
    labels[14:19, 14:19] = 1
    assert len(crops(np.zeros((1, 32, 32), np.uint8), labels, size=32, min_area=1)[0]) == 1
    labels = np.roll(labels, 1, axis=1)
    assert crops(np.zeros((1, 32, 32), np.uint8), labels, size=32, min_area=1)[3] == {"edge": 1}


@pytest.mark.parametrize("labels", [np.zeros((40, 40), np.uint32), np.full((40, 40), 9, np.uint32)])
@pytest.mark.parametrize("border", ["drop", "pad"])
@pytest.mark.parametrize("neighbours", ["keep", "mask"])
def test_fields_without_a_whole_cell(labels: np.ndarray, border: str, neighbours: str) -> None:
    image = np.zeros((3, 40, 40), np.float32)
    images, masks, table, _ = crops(image, labels, size=16, min_area=1, border=border, neighbours=neighbours)
    assert images.shape == (0, 3, 16, 16)
    assert images.dtype == np.float32
    assert masks.shape == (0, 1, 16, 16)
    assert len(table) == 0


def test_huge_numbers_take_no_room() -> None:
    labels = np.zeros((40, 40), np.uint32)
    labels[18:22, 18:22] = 2**32 - 1
    assert crops(np.zeros((1, 40, 40), np.uint8), labels, size=16, min_area=1)[2]["label"].tolist() == [2**32 - 1]


def test_image_and_labels_have_to_fit() -> None:
    objects = find_objects(np.zeros((40, 40), np.uint32))
    with pytest.raises(ValueError, match="expected the same field"):
        cut(np.zeros((1, 40, 41), np.uint8), objects, objects.table, size=16)


@given(seed=st.integers(0, 999), size=st.sampled_from([16, 24]), min_area=st.integers(1, 40))
def test_every_cell_is_kept_or_counted_and_lies_where_it_is_said(seed: int, size: int, min_area: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.zeros((60, 70), np.uint32)
    for number in rng.permutation(12) + 1:
        y, x, radius = rng.integers(0, 60), rng.integers(0, 70), rng.uniform(0.5, 6)
        labels[disk((60, 70), y, x, radius) & (labels == 0)] = number
    image = rng.integers(0, 1000, (2, 60, 70)).astype(np.uint16)
    images, masks, table, dropped = crops(image, labels, size=size, min_area=min_area)
    assert len(table) + sum(dropped.values()) == len(np.unique(labels)) - 1
    np.testing.assert_array_equal(table["area"] - table["n_cut"], masks.sum(axis=(1, 2, 3)))
    for row, crop, mask in zip(table.itertuples(), images, masks, strict=True):
        y, x = ndimage.center_of_mass(labels == row.label)
        assert (row.y, row.x) == pytest.approx((y, x))
        top, left = int(np.floor(y + 0.5)) - size // 2, int(np.floor(x + 0.5)) - size // 2
        np.testing.assert_array_equal(crop, image[:, top : top + size, left : left + size])
        np.testing.assert_array_equal(mask[0], labels[top : top + size, left : left + size] == row.label)
        assert (labels == row.label).sum() >= min_area
