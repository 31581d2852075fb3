"""Blur: fine detail is lost, haze is added."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from multiscope.config import Blur
from multiscope.simulate.defects import degrade
from tests.simulate.defects.specimens import above, power, specimen


def test_fine_detail_is_lost_and_haze_added() -> None:
    image = specimen()
    degraded = degrade(image, Blur(), seed=0)
    assert degraded.shape == image.shape
    lost = gaussian_filter(degraded.astype(float), 1.0)  # the shot noise is not the specimen's detail
    for axis in (0, 1):
        assert above(power(lost), axis=axis) < 0.1 * above(power(image.astype(float)), axis=axis)
    assert np.percentile(degraded, 5) > np.percentile(image, 5)


@pytest.mark.parametrize("strength", [0.5, 1, 2])
def test_without_noise_and_medium_it_is_the_sum_of_two_gaussians(strength: float) -> None:
    image = specimen("float64", height=70, width=90)
    defect = Blur(strength=strength, photons=1e6, read_noise=0, haze_level=0)
    degraded = degrade(image, defect, seed=0, offset=0.1)
    share = 0.2 * strength
    focused, astray = (gaussian_filter(image, sigma, mode="reflect") for sigma in (2.5 * strength, 14))
    np.testing.assert_allclose(degraded, (1 - share) * focused + share * astray, atol=0.01)
    assert degraded.mean() == pytest.approx(image.mean(), rel=1e-3)


def test_the_medium_is_smooth_and_of_its_level() -> None:
    image = np.zeros((64, 64))
    image[:8, :8] = 1000.0
    means = []
    for seed in range(12):
        hazy = degrade(image, Blur(haze_share=0, photons=1e6, read_noise=0, haze_level=0.1), seed=seed, offset=0)
        corner = hazy[24:, 24:]
        assert corner.min() >= 0 and corner.max() <= 0.2 * 1000 * 1.02
        assert np.abs(np.diff(gaussian_filter(corner, 2))).max() < 15
        means.append(corner.mean())
    assert np.mean(means) == pytest.approx(100, rel=0.3)
    assert np.std(means) > 5
