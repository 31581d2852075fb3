from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from multiscope.restore.scores import RULES, fit_affine, match, score

rng = np.random.default_rng(0)
CLEAN = rng.normal(1000, 200, (40, 50))
NOISY = CLEAN + rng.normal(0, 50, CLEAN.shape)


def scores(image: np.ndarray, clean: np.ndarray, data_range: float = 1000.0) -> dict[tuple[str, str], float]:
    return {(metric, rule): value for metric, rule, value in score(image, clean, data_range=data_range)}


def test_fixed_is_scikit_image() -> None:
    found = scores(NOISY, CLEAN)
    assert found["psnr", "fixed"] == pytest.approx(peak_signal_noise_ratio(CLEAN, NOISY, data_range=1000))
    assert found["ssim", "fixed"] == pytest.approx(structural_similarity(CLEAN, NOISY, data_range=1000))


def test_psnr_from_its_definition() -> None:
    error = ((NOISY - CLEAN) ** 2).mean()
    assert scores(NOISY, CLEAN)["psnr", "fixed"] == pytest.approx(10 * np.log10(1000**2 / error))


@settings(max_examples=25, deadline=None)
@given(st.floats(0.1, 10), st.floats(-1000, 1000))
def test_gain_and_offset_matter_to_fixed_alone(gain: float, offset: float) -> None:
    as_is, moved = scores(NOISY, CLEAN), scores(gain * NOISY + offset, CLEAN)
    for rule in ("affine", "published"):
        assert moved["psnr", rule] == pytest.approx(as_is["psnr", rule], rel=1e-6)
        assert moved["ssim", rule] == pytest.approx(as_is["ssim", rule], rel=1e-6)
    if abs(gain - 1) > 0.2:
        assert moved["psnr", "fixed"] != pytest.approx(as_is["psnr", "fixed"], rel=1e-3)


def test_affine_never_does_worse_than_fixed() -> None:
    found = scores(0.5 * NOISY - 30, CLEAN)
    assert found["psnr", "affine"] > found["psnr", "fixed"]
    slope, intercept = np.polyfit(NOISY.ravel(), CLEAN.ravel(), 1)
    assert np.allclose(fit_affine(NOISY, CLEAN), slope * NOISY + intercept)


def test_published_stretches_each_image_by_itself() -> None:
    image, clean, data_range = match(NOISY, CLEAN, rule="published", data_range=1.0)
    assert (image.min(), image.max(), clean.min(), clean.max()) == pytest.approx((0, 255, 0, 255))
    assert data_range == 255


def test_identical_and_constant_images_have_scores() -> None:
    found = scores(CLEAN, CLEAN)
    assert found["psnr", "fixed"] == np.inf
    assert found["ssim", "fixed"] == pytest.approx(1)
    constant = scores(np.full_like(CLEAN, 5.0), CLEAN)
    assert all(np.isfinite(constant["psnr", rule]) for rule in RULES)
