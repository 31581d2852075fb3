from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d
from skimage.metrics import normalized_root_mse, peak_signal_noise_ratio, structural_similarity

from multiscope.errors import InputError
from multiscope.metrics.pixels import SCALE_WEIGHTS, ms_ssim, nrmse, psnr, ssim

rng = np.random.default_rng(0)
CLEAN = rng.normal(1000, 200, (200, 190))
NOISY = CLEAN + rng.normal(0, 50, CLEAN.shape)


def test_psnr_ssim_and_nrmse_are_scikit_image_s() -> None:
    assert psnr(NOISY, CLEAN, 900.0) == pytest.approx(peak_signal_noise_ratio(CLEAN, NOISY, data_range=900))
    assert ssim(NOISY, CLEAN, 900.0) == pytest.approx(structural_similarity(CLEAN, NOISY, data_range=900))
    assert nrmse(NOISY, CLEAN) == pytest.approx(normalized_root_mse(CLEAN, NOISY, normalization="min-max"))


def test_psnr_and_nrmse_from_their_definitions() -> None:
    error = ((NOISY - CLEAN) ** 2).mean()
    assert psnr(NOISY, CLEAN, 1000.0) == pytest.approx(10 * np.log10(1000**2 / error))
    assert nrmse(NOISY, CLEAN) == pytest.approx(np.sqrt(error) / (CLEAN.max() - CLEAN.min()))


def test_equal_images() -> None:
    assert psnr(CLEAN, CLEAN, 1000.0) == np.inf
    assert psnr(CLEAN * (1 + 1e-15), CLEAN, 1000.0) == np.inf
    assert psnr(CLEAN + 1e-6, CLEAN, 1000.0) == pytest.approx(180, abs=0.01)
    assert ssim(CLEAN, CLEAN, 1000.0) == pytest.approx(1)
    assert ms_ssim(CLEAN, CLEAN, 1000.0) == pytest.approx(1)
    assert nrmse(CLEAN, CLEAN) == 0


def reference_ms_ssim(a: np.ndarray, b: np.ndarray, data_range: float, n_scales: int) -> float:
    """Wang et al. 2003 word by word: a two-dimensional window, one convolution a moment, the product of powers."""
    y, x = np.mgrid[-5:6, -5:6]
    window = np.exp(-(x**2 + y**2) / (2 * 1.5**2))
    window /= window.sum()
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333][:n_scales])
    weights = weights / weights.sum()
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    found = 1.0
    for scale in range(n_scales):
        mu_a, mu_b = convolve2d(a, window, "valid"), convolve2d(b, window, "valid")
        var_a = convolve2d(a * a, window, "valid") - mu_a**2
        var_b = convolve2d(b * b, window, "valid") - mu_b**2
        cov = convolve2d(a * b, window, "valid") - mu_a * mu_b
        factor = (2 * cov + c2) / (var_a + var_b + c2)
        if scale == n_scales - 1:
            factor = factor * (2 * mu_a * mu_b + c1) / (mu_a**2 + mu_b**2 + c1)
        found *= max(factor.mean(), 0) ** weights[scale]
        a, b = (convolve2d(z, np.full((2, 2), 0.25), "valid")[::2, ::2] for z in (a, b))
    return float(found)


@pytest.mark.parametrize(("shape", "n_scales"), [((176, 190), 5), ((175, 200), 4), ((45, 91), 3), ((22, 40), 2)])
def test_ms_ssim_is_the_paper_s(shape: tuple[int, int], n_scales: int) -> None:
    a, b = NOISY[: shape[0], : shape[1]], CLEAN[: shape[0], : shape[1]]
    if shape[1] > CLEAN.shape[1]:
        a, b = NOISY.T[: shape[0], : shape[1]], CLEAN.T[: shape[0], : shape[1]]
    assert a.shape == shape
    assert ms_ssim(a, b, 1000.0) == pytest.approx(reference_ms_ssim(a, b, 1000.0, n_scales), rel=1e-9)


def test_ms_ssim_of_one_scale_is_scikit_image_s_gaussian_ssim() -> None:
    a, b = NOISY[:21, :60], CLEAN[:21, :60]
    single = structural_similarity(b, a, data_range=1000, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    assert ms_ssim(a, b, 1000.0) == pytest.approx(single)


def test_ms_ssim_weights_are_the_published_ones() -> None:
    assert sum(SCALE_WEIGHTS) == pytest.approx(1, abs=2e-4)


def test_ms_ssim_of_structures_upside_down_is_zero() -> None:
    assert ms_ssim(2000 - CLEAN, CLEAN, 1000.0) == 0


def test_ms_ssim_needs_a_window() -> None:
    with pytest.raises(InputError, match=r"10 pixels.*at least 11"):
        ms_ssim(CLEAN[:10], CLEAN[:10], 1000.0)
    assert 0 < ms_ssim(NOISY[:11], CLEAN[:11], 1000.0) < 1


@settings(max_examples=20, deadline=None)
@given(st.floats(1, 100), st.floats(1.2, 5), st.integers(0, 2**31))
def test_more_noise_is_worse(sd: float, factor: float, seed: int) -> None:
    clean = CLEAN[:48, :48]
    noise = np.random.default_rng(seed).normal(0, sd, clean.shape)
    less, more = clean + noise, clean + factor * noise
    assert psnr(less, clean, 1000.0) > psnr(more, clean, 1000.0)
    assert nrmse(less, clean) < nrmse(more, clean)
    assert ms_ssim(less, clean, 1000.0) > ms_ssim(more, clean, 1000.0)


def test_scores_are_symmetric_where_they_should_be() -> None:
    for metric in (psnr, ssim, ms_ssim):
        assert metric(NOISY, CLEAN, 1000.0) == pytest.approx(metric(CLEAN, NOISY, 1000.0))


def test_nrmse_is_undefined_for_a_constant_clean_image_alone() -> None:
    constant = np.full_like(CLEAN, 3.0)
    assert np.isnan(nrmse(CLEAN, constant))
    assert np.isfinite(nrmse(constant, CLEAN))
