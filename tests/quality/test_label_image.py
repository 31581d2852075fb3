"""Label images told from masks and intensities."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.data import binary_blobs
from skimage.measure import label

from multiscope.quality.label_image import fault_of_labels

BLOBS = binary_blobs(128, blob_size_fraction=0.1, rng=0)


def test_labels_are_labels() -> None:
    assert fault_of_labels(label(BLOBS)) is None
    assert fault_of_labels(np.zeros((64, 64), np.uint32)) is None
    one_cell = np.zeros((64, 64), np.uint32)
    one_cell[10:50, 10:50] = 255
    assert fault_of_labels(one_cell) is None
    slim = np.repeat(np.arange(1, 41, dtype=np.uint32), 3)[None].repeat(60, axis=0)
    assert fault_of_labels(slim) is None


def test_a_mask_of_several_objects_is_no_label_image() -> None:
    n = int(label(BLOBS).max())
    assert fault_of_labels(BLOBS * 255) == f"is 255 in all of its {n} separate objects, as a binary mask is"


@pytest.mark.parametrize("shape", [(64, 64), (4, 32, 32)])
def test_intensities_are_no_labels(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).poisson(300, shape)
    assert "as images of intensities have" in str(fault_of_labels(image))
