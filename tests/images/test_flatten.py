"""Stacks as planes."""

from __future__ import annotations

import numpy as np
import pytest

from multiscope.images.flatten import flatten, flatten_labels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.float32])
def test_the_type_is_kept_and_means_are_rounded(dtype: type) -> None:
    stack = np.array([[[[1]], [[9]], [[4]], [[5]]]], dtype)  # (1, 4, 1, 1)
    found = {how: flatten(stack, how) for how in ("max", "mean", "central")}  # type: ignore[arg-type]
    assert {array.shape for array in found.values()} == {(1, 1, 1)}
    assert {array.dtype for array in found.values()} == {np.dtype(dtype)}
    mean = 4.75 if dtype is np.float32 else 5
    assert [float(found[how].item()) for how in ("max", "mean", "central")] == [9, mean, 4]


def test_the_largest_numbers_survive_a_mean() -> None:
    top = np.full((1, 3, 2, 2), 2**32 - 1, np.uint32)
    assert (flatten(top, "mean") == 2**32 - 1).all()


def test_planes_stay_as_they_are() -> None:
    image = np.arange(8, dtype=np.uint16).reshape(2, 2, 2)
    assert flatten(image, "mean") is image
    assert flatten_labels(image[0], "max").tolist() == [[0, 1], [2, 3]]


def test_labels_are_flattened_by_their_largest_number_and_beside_a_plane_are_those_of_the_plane() -> None:
    labels = np.array([[[0, 3], [0, 0]], [[7, 2], [0, 0]]], np.uint32)
    for how in ("max", "mean"):
        assert flatten_labels(labels, how).tolist() == [[7, 3], [0, 0]]  # type: ignore[arg-type]
    assert flatten_labels(labels, "central").tolist() == [[7, 2], [0, 0]]
    assert flatten_labels(labels, "max").dtype == np.uint32
