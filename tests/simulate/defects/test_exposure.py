"""Noise: its variance, its mean, binning, saturation."""

from __future__ import annotations

import numpy as np
import pytest

from multiscope.config import Noise
from multiscope.simulate.defects import degrade

LEVELS = np.array([0.0, 200, 400, 800, 1600])
OFFSET = 500.0


def measured(defect: Noise) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance at each of the levels of light."""
    image = OFFSET + np.repeat(LEVELS, 8000)[None, :].repeat(8, axis=0)
    noisy = degrade(image, defect, seed=0, offset=OFFSET)
    groups = noisy.reshape(8, len(LEVELS), 8000).swapaxes(0, 1).reshape(len(LEVELS), -1)
    return groups.mean(axis=1) - OFFSET, groups.var(axis=1)


@pytest.mark.parametrize("strength", [0.1, 0.5, 1, 4])
@pytest.mark.parametrize(("photons", "read_noise"), [(20.0, 1.6), (200.0, 5.0), (20.0, 0.0)])
def test_the_variance_rises_linearly_with_the_light(strength: float, photons: float, read_noise: float) -> None:
    mean, variance = measured(Noise(strength=strength, photons=photons, read_noise=read_noise))
    gain = LEVELS[-1] * strength / photons
    np.testing.assert_allclose(mean, LEVELS, atol=0.02 * gain * (read_noise + np.sqrt(photons / strength)) + 1e-9)
    slope, intercept = np.polyfit(LEVELS, variance, 1)
    assert slope == pytest.approx(gain, rel=0.04)
    assert intercept == pytest.approx((gain * read_noise) ** 2, rel=0.06, abs=0.03 * gain * LEVELS[-1])
    np.testing.assert_allclose(variance, gain * LEVELS + (gain * read_noise) ** 2, rtol=0.05, atol=1e-9)


@pytest.mark.parametrize("binning", [2, 4])
def test_binning_reads_the_noise_once_for_all_pixels_of_a_bin(binning: int) -> None:
    mean, variance = measured(Noise(binning=binning, read_noise=4))
    gain = LEVELS[-1] / 20
    np.testing.assert_allclose(mean, LEVELS, atol=0.03 * gain * 6)
    expected = gain * LEVELS / binning**2 + (gain * 4 / binning**2) ** 2
    np.testing.assert_allclose(variance, expected, rtol=0.12)


def test_bins_are_constant_and_any_size_comes_out_as_it_went_in() -> None:
    image = np.random.default_rng(0).uniform(100, 900, (7, 9))
    made = degrade(image, Noise(binning=2), seed=0)
    assert made.shape == (7, 9)
    for y in range(0, 7, 2):
        for x in range(0, 9, 2):
            assert np.ptp(made[y : y + 2, x : x + 2]) == 0
    bright = degrade(image, Noise(binning=2, photons=1e6, read_noise=0), seed=0)
    np.testing.assert_allclose(bright[0, 0], image[:2, :2].mean(), rtol=0.01)


def test_saturation_cuts_the_light_at_its_share_of_the_peak() -> None:
    image = np.linspace(0, 1000, 10_000).reshape(100, 100)
    peak = np.percentile(image, 99.9)
    made = degrade(image, Noise(saturation=0.5, photons=1e4), seed=0, offset=0)
    assert made.max() == pytest.approx(0.5 * peak)
    assert (made == made.max()).mean() == pytest.approx(0.5, abs=0.02)
    weaker = degrade(image, Noise(saturation=0.5, photons=1e4, strength=0.625), seed=0, offset=0)
    assert weaker.max() == pytest.approx(0.8 * peak)


def test_what_is_below_the_offset_stays_below_it() -> None:
    image = np.full((100, 100), 100.0)
    image[:50] = 90
    image[:, :10] = 1000
    made = degrade(image, Noise(photons=1e4, read_noise=0), seed=0, offset=100)
    np.testing.assert_allclose(made[:50, 10:], 90)
    np.testing.assert_allclose(made[50:, 10:], 100)
