"""Background, peak and point spread functions against numpy and scipy."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from multiscope.simulate.defects import background, brightness
from multiscope.simulate.defects.spread import spread, spread_rows


@given(n=st.integers(1, 3), height=st.integers(1, 60), width=st.integers(1, 60), seed=st.integers(0, 99))
def test_background_and_peak_are_percentiles(n: int, height: int, width: int, seed: int) -> None:
    planes = np.random.default_rng(seed).gamma(1, 100, (n, height, width))
    dark = background(torch.from_numpy(planes))
    np.testing.assert_allclose(dark, np.percentile(planes, 1, axis=(1, 2)), rtol=1e-12)
    peaks = brightness(torch.from_numpy(planes), dark)
    expected = np.percentile(planes, 99.9, axis=(1, 2)) - dark.numpy()
    np.testing.assert_allclose(peaks, expected, rtol=1e-9, atol=1e-9)


def test_the_peak_of_a_few_lit_pixels_is_the_brightest() -> None:
    planes = torch.zeros(2, 100, 100)
    planes[0, 3, 4] = 7
    assert brightness(planes, torch.tensor([0.0, 1.0])).tolist() == [7, 0]


@given(
    height=st.integers(1, 300),
    width=st.integers(1, 40),
    sigmas=st.lists(st.floats(0.01, 20), min_size=1, max_size=3),
    seed=st.integers(0, 9),
)
@settings(max_examples=40)
def test_spreading_is_scipys_gaussian_filter(height: int, width: int, sigmas: list[float], seed: int) -> None:
    planes = np.random.default_rng(seed).uniform(size=(len(sigmas), height, width))
    widths = torch.tensor(sigmas, dtype=torch.float64).view(-1, 1, 1)
    rows, both = (f(torch.from_numpy(planes), widths).numpy() for f in (spread_rows, spread))
    for i, sigma in enumerate(sigmas):
        np.testing.assert_allclose(rows[i], gaussian_filter1d(planes[i], sigma, axis=0), atol=1e-12)
        np.testing.assert_allclose(both[i], gaussian_filter(planes[i], sigma), atol=1e-12)
