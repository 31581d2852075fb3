"""What all images share: label numbers."""

from __future__ import annotations

import numpy as np
import pytest

from multiscope.errors import InputError
from multiscope.images.image import as_labels


@pytest.mark.parametrize("dtype", [np.uint32, np.int32, np.float32, np.int64])
def test_labels_keep_their_numbers(dtype: type) -> None:
    array = np.array([[0, 1], [70_000, 2]])
    labels = as_labels(array.astype(dtype), where="a.tif")
    assert labels.dtype == np.uint32
    np.testing.assert_array_equal(labels, array)


@pytest.mark.parametrize("bad", [-1, -1.0, 1.5, 1e20, np.nan, np.inf, 2**32])
def test_other_numbers_are_refused(bad: float) -> None:
    with pytest.raises(InputError, match=r"a\.tif: has values that are no labels; expected whole numbers from 0 on"):
        as_labels(np.array([[0, bad]]), where="a.tif")
