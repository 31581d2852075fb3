"""Illumination: a Gaussian beam on the specimen's light, and stray light on top."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from multiscope.config import Illumination
from multiscope.simulate.defects import degrade


def test_the_beam_has_lost_its_share_at_half_a_diagonal() -> None:
    image = np.full((61, 81), 1100.0)
    lit = degrade(image, Illumination(loss=0.4, shift=0, background=0, flare=0), seed=0, offset=100) - 100
    assert lit[30, 40] == pytest.approx(1000)
    assert np.unravel_index(lit.argmax(), lit.shape) == (30, 40)
    y, x = np.indices(image.shape)
    squared = ((y - 30) ** 2 + (x - 40) ** 2) / (np.hypot(61, 81) / 2) ** 2
    np.testing.assert_allclose(lit, 1000 * 0.6**squared)


def test_the_beam_may_lie_beside_the_middle_but_not_too_far() -> None:
    image = np.full((61, 61), 1000.0)
    places = []
    for seed in range(40):
        lit = degrade(image, Illumination(shift=0.3, background=0, flare=0), seed=seed, offset=0)
        places.append(np.unravel_index(lit.argmax(), lit.shape))
    away = np.hypot(*(np.array(places).T - 30)) / (np.hypot(61, 61) / 2)
    assert 0.2 < away.max() < 0.32
    assert np.abs(np.mean(places, axis=0) - 30).max() < 5


def test_stray_light_lies_where_there_is_no_specimen_too() -> None:
    image = np.zeros((64, 64))
    image[0, :10] = 1000
    for seed in range(10):
        defect = Illumination(loss=0, background=0.2, flare=0)
        gradient = degrade(image, defect, seed=seed, offset=0)[1:]
        assert gradient.min() >= 0 and gradient.max() <= 200 + 1e-9
        np.testing.assert_allclose(np.diff(gradient, n=2, axis=0), 0, atol=1e-9)
        assert np.ptp(gradient) > 60
        flare = degrade(image, Illumination(loss=0, background=0, flare=0.3), seed=seed, offset=0)[1:]
        assert 280 < flare.max() <= 300 and flare.min() >= 0


def test_it_adds_no_noise_and_grows_with_its_strength() -> None:
    image = np.full((32, 32), 500.0)
    strengths = [0.2, 0.5, 1, 3, 10]
    lit = [degrade(image, Illumination(strength=s, background=0, flare=0), seed=2, offset=0) for s in strengths]
    assert all((b <= a).all() for a, b in pairwise(lit))
    assert lit[-1].min() > 0
