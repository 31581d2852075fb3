"""Ranges of intensity."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multiscope.data.intensity import IntensityRange
from multiscope.errors import InputError


def gathered(images: list[npt.NDArray[Any]]) -> dict[str, dict[str, dict[str, float]]]:
    ranges = IntensityRange(["a", "b"])
    for image in images:
        ranges.add(image)
    return ranges.as_notes(where="here")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_exact_and_need_not_be_of_one_size(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    images = [(rng.gamma(2, 12, (2, 60, 50 + i)) * (1, 2)[i % 2]).astype(dtype) for i in range(4)]
    notes = gathered(images)
    for number, name in enumerate("ab"):
        pixels = np.concatenate([image[number].ravel() for image in images])
        low, high = np.percentile(pixels, [0.1, 99.9], method="inverted_cdf")
        assert notes["range"][name] == {"low": low, "high": high}
        assert notes["extremes"][name] == {"min": pixels.min(), "max": pixels.max()}


@given(st.sampled_from([1e-6, 1.0, 3e4]), st.floats(-1, 1), st.integers(0, 99))
def test_floats_are_within_a_thousandth(scale: float, shift: float, seed: int) -> None:
    images = [((np.random.default_rng(seed).normal(shift, 1, (2, 50, 61))) * scale).astype(np.float32)]
    notes = gathered(images)
    for number, name in enumerate("ab"):
        expected = np.percentile(images[0][number], [0.1, 99.9], method="inverted_cdf")
        np.testing.assert_allclose(list(notes["range"][name].values()), expected, rtol=1e-3)


@given(hnp.arrays(np.float32, (2, 4, 5), elements=st.floats(-(2.0**99), 2.0**99, width=32)))
def test_the_range_is_never_empty_and_never_beyond_the_extremes(image: npt.NDArray[np.float32]) -> None:
    if min(np.ptp(image[0]), np.ptp(image[1])) == 0:
        return
    notes = gathered([image])
    for name in "ab":
        limits, extremes = notes["range"][name], notes["extremes"][name]
        assert extremes["min"] <= limits["low"] < limits["high"] <= extremes["max"]


def test_a_rare_signal_falls_back_to_the_extremes() -> None:
    image = np.zeros((2, 100, 100), np.uint16)
    image[:, 0, 0] = 700
    assert gathered([image])["range"]["a"] == {"low": 0, "high": 700}


def test_a_channel_of_one_value_is_refused() -> None:
    image = np.zeros((2, 9, 9), np.uint8)
    image[0, 0, 0] = 1
    with pytest.raises(InputError, match="here: channel 'b' is 0 in every pixel"):
        gathered([image])
