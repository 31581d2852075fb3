from __future__ import annotations

import numpy as np
import pytest

from multiscope.metrics.matching import RULES, fit_affine, is_constant, match

rng = np.random.default_rng(0)
CLEAN = rng.normal(1000, 200, (40, 50))
NOISY = CLEAN + rng.normal(0, 50, CLEAN.shape)


def test_fixed_leaves_everything_as_it_is() -> None:
    image, clean, data_range = match(NOISY.astype(np.float32), CLEAN, rule="fixed", data_range=7.0)
    assert image.dtype == clean.dtype == np.float64
    assert np.array_equal(image, NOISY.astype(np.float32))
    assert np.array_equal(clean, CLEAN)
    assert data_range == 7


def test_affine_is_the_line_of_least_squares() -> None:
    slope, intercept = np.polyfit(NOISY.ravel(), CLEAN.ravel(), 1)
    assert np.allclose(fit_affine(NOISY, CLEAN), slope * NOISY + intercept)
    image, clean, data_range = match(NOISY, CLEAN, rule="affine", data_range=7.0)
    assert np.allclose(image, slope * NOISY + intercept)
    assert np.array_equal(clean, CLEAN)
    assert data_range == 7


def test_published_stretches_each_image_by_itself() -> None:
    image, clean, data_range = match(NOISY, CLEAN, rule="published", data_range=1.0)
    assert (image.min(), image.max(), clean.min(), clean.max()) == pytest.approx((0, 255, 0, 255))
    assert data_range == 255


def test_integers_do_not_wrap() -> None:
    image, clean = np.array([[0, 65535]], dtype=np.uint16), np.array([[65535, 0]], dtype=np.uint16)
    for rule in RULES:
        first, second, _ = match(image, clean, rule=rule, data_range=1.0)
        assert first.dtype == second.dtype == np.float64
    assert np.array_equal(fit_affine(image.astype(float), clean.astype(float)), clean)


@pytest.mark.parametrize("value", [0.0, 0.1, 5000.3])
def test_a_constant_image_is_the_mean_or_zero(value: float) -> None:
    # the mean of 2,000 times 0.1 is not 0.1: a variance of rounding must not be divided by
    constant = np.full_like(CLEAN, value)
    assert is_constant(constant)
    assert not is_constant(CLEAN)
    assert np.array_equal(fit_affine(constant, CLEAN), np.full_like(CLEAN, CLEAN.mean()))
    image, clean, _ = match(constant, constant, rule="published", data_range=1.0)
    assert not image.any()
    assert not clean.any()
