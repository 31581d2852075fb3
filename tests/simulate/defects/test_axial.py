"""Axial: the recipe of CARE, on one axis only."""

from __future__ import annotations

import numpy as np
import pytest

from multiscope.config import Axial
from multiscope.simulate.defects import degrade
from tests.simulate.defects.specimens import above, power, specimen


def test_detail_is_lost_along_the_rows_axis_only() -> None:
    image = specimen(height=128, width=128).astype(np.float64)
    rows_only = np.repeat(image[:1], 128, axis=0)
    degraded = degrade(image, Axial(), seed=0)
    assert degraded.shape == image.shape
    assert above(power(degraded), axis=0) < 0.05 * above(power(image), axis=0)
    np.testing.assert_allclose(degrade(rows_only, Axial(), seed=0), rows_only)
    columns_only = rows_only.T
    assert above(power(degrade(columns_only, Axial(), seed=0)), axis=0) < 0.05 * above(power(columns_only), axis=0)


@pytest.mark.parametrize("height", [2, 7, 31, 64, 300])
@pytest.mark.parametrize(("sigma", "factor", "strength"), [(3.0, 6.0, 1.0), (1.0, 10.2, 1.0), (2.0, 5.0, 0.37)])
def test_it_is_blur_then_linear_interpolation_between_kept_rows(
    height: int, sigma: float, factor: float, strength: float
) -> None:
    image = np.random.default_rng(2).uniform(100, 900, (height, 5))
    degraded = degrade(image, Axial(sigma_px=sigma, factor=factor, strength=strength), seed=0)
    step = 1 + (factor - 1) * strength
    kept = np.unique(np.append(np.rint(np.arange(0, height - 1, step)), height - 1)).astype(int)
    width = sigma * strength
    distance = np.arange(-60, 61)
    kernel = np.exp(-0.5 * (distance / width) ** 2) * (np.abs(distance) <= int(4 * width + 0.5))
    kernel /= kernel.sum()
    for column in range(5):
        mirrored = np.pad(image[:, column], 60, mode="symmetric")
        blurred = np.convolve(mirrored, kernel, mode="valid")
        np.testing.assert_allclose(degraded[:, column], np.interp(np.arange(height), kept, blurred[kept]), rtol=1e-9)


def test_noise_is_that_of_the_rows_as_acquired() -> None:
    image = np.full((601, 400), 1000.0)
    degraded = degrade(image, Axial(photons=100, read_noise=2), seed=0, offset=0)
    kept = degraded[::6]
    assert kept.var() == pytest.approx(10**2 * (100 + 2**2), rel=0.05)
    np.testing.assert_allclose(degraded[3:-3:6], (kept[:-1] + kept[1:]) / 2)
