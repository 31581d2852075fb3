"""Bleaching: dimmer by its dose, with the noise of the photons that are left."""

from __future__ import annotations

import numpy as np
import pytest

from multiscope.config import Bleaching
from multiscope.simulate.defects import degrade

PHOTONS = 50.0


@pytest.mark.parametrize("strength", [0.1, 0.5, 1, 3])
@pytest.mark.parametrize("read_noise", [0.0, 3.0])
def test_light_falls_exponentially_and_photons_are_thinned(strength: float, read_noise: float) -> None:
    levels = np.array([400.0, 800, 1600])
    image = 100 + np.repeat(levels, 200 * 200).reshape(3 * 200, 200)
    defect = Bleaching(strength=strength, loss=0.6, photons=PHOTONS, read_noise=read_noise)
    dim = degrade(image, defect, seed=0, offset=100).reshape(3, -1) - 100
    left, gain = 0.4**strength, levels[-1] / PHOTONS
    expected = gain * levels * left * (1 - left) + (gain * read_noise) ** 2 * (1 - left**2)
    np.testing.assert_allclose(dim.var(axis=1), expected, rtol=0.05)
    assert (np.abs(dim.mean(axis=1) - left * levels) < 4 * np.sqrt(expected) / 200).all()


def test_of_a_photon_limited_image_the_bleached_one_is_again_poisson() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(PHOTONS, (400, 400)).astype(np.float64)
    bleached = degrade(counts, Bleaching(loss=0.7, read_noise=0), seed=1, offset=0)
    gain = np.percentile(counts, 99.9) / 100.0
    # the settings say more photons than there were by 1 / gain, so gain is what one of them counts
    thinned = 0.3**2 * counts.var() + 0.3 * 0.7 * gain * PHOTONS
    assert bleached.mean() == pytest.approx(0.3 * PHOTONS, rel=0.01)
    assert bleached.var() == pytest.approx(thinned, rel=0.03)


def test_signal_to_noise_falls_as_the_read_noise_shows() -> None:
    image = np.full((200, 200), 1000.0)
    ratios = []
    for strength in (0.25, 1, 2, 4):
        dim = degrade(image, Bleaching(strength=strength), seed=0, offset=0)
        ratios.append(dim.mean() / dim.std())
    assert np.all(np.diff(ratios) < 0)


def test_a_dose_in_two_parts_is_the_sum_of_both() -> None:
    image = np.full((100, 100), 1000.0)
    half = Bleaching(strength=0.5, photons=1e6)
    twice = degrade(degrade(image, half, seed=0, offset=0), half, seed=1, offset=0)
    once = degrade(image, Bleaching(photons=1e6), seed=0, offset=0)
    assert twice.mean() == pytest.approx(once.mean(), rel=1e-3)
