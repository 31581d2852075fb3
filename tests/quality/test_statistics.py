"""Numbers of a channel against numpy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multiscope.errors import InputError
from multiscope.quality.statistics import PERCENTILES, Statistics, Tally

Array = npt.NDArray[Any]


def numbers(*parts: Array) -> Statistics:
    tally = Tally(where="here")
    for part in parts:
        tally.add(part)
    return tally.result()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64, bool])
def test_they_are_those_of_all_parts_together(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    parts = [(rng.gamma(2, 30, (3, 40, 50 + i)) - (20 if np.dtype(dtype).kind in "if" else 0)) for i in range(3)]
    parts = [np.clip(part, 0, 250).astype(dtype) if dtype is np.uint8 else part.astype(dtype) for part in parts]
    found, pixels = numbers(*parts), np.concatenate([part.ravel() for part in parts])
    assert (found.minimum, found.maximum, found.n_pixels) == (pixels.min(), pixels.max(), pixels.size)
    assert found.mean == pytest.approx(pixels.mean(dtype=np.float64), rel=1e-12)
    assert found.std == pytest.approx(pixels.std(dtype=np.float64), rel=1e-9)
    assert found.n_at_minimum == (pixels == pixels.min()).sum()
    assert found.n_at_maximum == (pixels == pixels.max()).sum()
    expected = np.percentile(pixels, [100 * share for share in PERCENTILES.values()], method="inverted_cdf")
    np.testing.assert_allclose(list(found.percentiles.values()), expected, rtol=1e-3, atol=1e-3)


def test_the_mean_of_integers_is_exact() -> None:
    pixels = np.full((2000, 1000), 2**32 - 1, np.uint32)
    pixels[0, 0] = 0
    assert numbers(pixels).mean == (2**32 - 1) * (pixels.size - 1) / pixels.size


@given(hnp.arrays(np.uint16, st.integers(2, 60)), st.integers(1, 59))
def test_how_the_pixels_are_divided_does_not_matter(pixels: Array, at: int) -> None:
    whole, parts = numbers(pixels), numbers(*(part for part in (pixels[:at], pixels[at:]) if part.size))
    assert whole.std == pytest.approx(parts.std, rel=1e-9, abs=1e-9)
    assert {**vars(whole), "std": 0} == {**vars(parts), "std": 0}


def test_pixels_that_are_no_numbers_are_counted_and_left_out() -> None:
    pixels = np.array([1, 2, np.nan, np.inf, 3], np.float32)
    found = numbers(pixels)
    assert (found.n_not_finite, found.minimum, found.maximum, found.mean) == (2, 1, 3, 2)
    nothing = numbers(np.full(4, np.nan, np.float32))
    assert nothing.n_not_finite == 4 and np.isnan(nothing.mean)


def test_the_grid_of_the_values_is_found() -> None:
    assert numbers(np.arange(50, dtype=np.uint16) * 16).step == 16
    assert numbers(np.array([3, 4, 9], np.uint16)).step == 1


def test_complex_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="here: holds complex64; expected integers or floats"):
        numbers(np.ones(3, np.complex64))


def test_numbers_near_the_largest_float_have_statistics() -> None:
    tally = Tally(where="a.tif")
    tally.add(np.array([-1e300, 1e300]))
    found = tally.result()
    assert (found.minimum, found.maximum, found.mean) == (-1e300, 1e300, 0)
