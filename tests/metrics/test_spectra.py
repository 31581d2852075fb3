from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from multiscope.metrics.spectra import ONE_SEVENTH, RingCorrelation, radial_power, ring_correlation, spectral_error

rng = np.random.default_rng(0)
CLEAN = gaussian_filter(rng.normal(0, 1, (96, 96)), 1.0) * 500 + 1000
NOISY = CLEAN + rng.normal(0, 50, CLEAN.shape)
SHAPES = st.tuples(st.integers(8, 40), st.integers(8, 40))


def naive_ring_correlation(a: np.ndarray, b: np.ndarray) -> tuple[list[float], list[int]]:
    """Every Fourier pixel of the whole plane by itself."""
    height, width = a.shape
    side = min(a.shape)
    spectra = []
    for image in (a, b):
        window = np.outer(
            [np.sin(np.pi * (y + 1) / (height + 1)) ** 2 for y in range(height)],
            [np.sin(np.pi * (x + 1) / (width + 1)) ** 2 for x in range(width)],
        )
        spectra.append(np.fft.fft2((image - (image * window).sum() / window.sum()) * window))
    rings: list[list[tuple[complex, complex]]] = [[] for _ in range(side // 2 + 1)]
    for i in range(height):
        for j in range(width):
            fy, fx = min(i, height - i) / height, min(j, width - j) / width
            ring = int(np.floor(round(np.sqrt(fy * fy + fx * fx) * side, 9) + 0.5))
            if ring < len(rings):
                rings[ring].append((spectra[0][i, j], spectra[1][i, j]))
    found = []
    for ring in rings[1:]:
        shared = sum(p * q.conjugate() for p, q in ring).real
        found.append(shared / np.sqrt(sum(abs(p) ** 2 for p, _ in ring) * sum(abs(q) ** 2 for _, q in ring)))
    return found, [len(ring) for ring in rings[1:]]


@settings(max_examples=15, deadline=None)
@given(SHAPES, st.integers(0, 2**31))
def test_ring_correlation_is_that_of_a_loop(shape: tuple[int, int], seed: int) -> None:
    draw = np.random.default_rng(seed)
    a, b = draw.normal(5, 1, shape), draw.normal(-3, 2, shape)
    b += a
    found = ring_correlation(a, b)
    expected, counts = naive_ring_correlation(a, b)
    np.testing.assert_allclose(found.correlation, expected, atol=1e-9)
    assert found.n_waves.tolist() == counts
    assert found.frequency[0] == pytest.approx(1 / min(shape))
    assert found.frequency[-1] <= 0.5


def test_white_noise_has_its_variance_in_every_ring() -> None:
    powers = np.mean([radial_power(np.random.default_rng(i).normal(40, 3, (64, 80)))[1] for i in range(40)], axis=0)
    assert np.allclose(powers, 9, rtol=0.25)
    assert powers.mean() == pytest.approx(9, rel=0.03)


def test_a_wave_is_found_at_its_frequency() -> None:
    for shape in ((64, 64), (64, 160), (160, 64)):
        y, x = np.mgrid[: shape[0], : shape[1]]
        for wave in (np.cos(2 * np.pi * x / 8), np.cos(2 * np.pi * y / 8)):
            frequency, power = radial_power(wave)
            assert frequency[power.argmax()] == pytest.approx(1 / 8)


def test_a_blur_lowers_the_power_at_high_frequencies_as_a_gaussian_does() -> None:
    image = np.random.default_rng(3).normal(size=(256, 256))
    frequency, before = radial_power(image)
    after = radial_power(gaussian_filter(image, 1.5, mode="wrap"))[1]
    expected = np.exp(-((2 * np.pi * frequency * 1.5) ** 2))
    inside = (frequency > 0.03) & (frequency < 0.25)
    assert np.allclose(after[inside] / before[inside], expected[inside], rtol=0.2)


def test_spectral_error_of_a_gain_is_its_power() -> None:
    assert spectral_error(CLEAN, CLEAN, data_range=1000) == 0
    assert spectral_error(10 * CLEAN, CLEAN, data_range=1000) == pytest.approx(2)
    assert spectral_error(CLEAN + 77, CLEAN, data_range=1000) == pytest.approx(0, abs=1e-9)
    assert spectral_error(NOISY, CLEAN, data_range=1000) == spectral_error(CLEAN, NOISY, data_range=1000)


def test_spectral_error_does_not_judge_what_no_camera_records() -> None:
    first, second = gaussian_filter(CLEAN, 4), gaussian_filter(CLEAN, 4) + rng.normal(0, 1e-6, CLEAN.shape)
    assert spectral_error(first, second, data_range=1000) < 1e-3


def test_spectral_error_of_noise_and_of_blur_grows() -> None:
    noise, blur = rng.normal(0, 1, CLEAN.shape), [gaussian_filter(CLEAN, s) for s in (1, 2)]
    noisy = [spectral_error(CLEAN + s * noise, CLEAN, data_range=1000) for s in (20, 100)]
    blurred = [spectral_error(image, CLEAN, data_range=1000) for image in blur]
    assert 0.01 < noisy[0] < noisy[1]
    assert 0.01 < blurred[0] < blurred[1]


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 100), st.floats(-1e4, 1e4))
def test_gain_and_offset_do_not_change_a_correlation(gain: float, offset: float) -> None:
    as_is, moved = ring_correlation(NOISY, CLEAN), ring_correlation(gain * NOISY + offset, CLEAN)
    np.testing.assert_allclose(moved.correlation, as_is.correlation, atol=1e-6)


def test_equal_opposite_and_unrelated_images() -> None:
    assert ring_correlation(CLEAN, CLEAN).mean == pytest.approx(1)
    assert ring_correlation(CLEAN, -CLEAN).mean == pytest.approx(-1)
    unrelated = ring_correlation(rng.normal(size=(128, 128)), rng.normal(size=(128, 128)))
    assert abs(unrelated.mean) < 0.1


def test_correlation_with_noise_falls_as_the_ratio_of_signal_says() -> None:
    signal = gaussian_filter(np.random.default_rng(1).normal(size=(256, 256)), 1.0)
    noise = np.random.default_rng(2).normal(0, 0.1, signal.shape)
    found = ring_correlation(signal + noise, signal)
    power = radial_power(signal)[1]
    assert np.allclose(found.correlation, np.sqrt(power / (power + 0.01)), atol=0.15)


def curve(correlation: list[float], n_waves: int = 10**12) -> RingCorrelation:
    n = len(correlation)
    frequency = np.arange(1, n + 1) / (2 * n)
    return RingCorrelation(frequency, np.array(correlation), np.full(n, n_waves))


def test_resolution_is_where_the_curve_falls_below() -> None:
    falling = curve([1.0, 1.0, 0.5, 0.0, 1.0])
    assert falling.resolution(0.5) == pytest.approx(1 / 0.3)
    assert falling.resolution(0.25) == pytest.approx(1 / 0.35)
    assert falling.resolution(0.25, pixel_size=0.1) == pytest.approx(0.1 / 0.35)
    assert falling.resolution() == pytest.approx(1 / (0.3 + 0.1 * (0.5 - ONE_SEVENTH) / 0.5))


def test_resolution_at_the_ends() -> None:
    assert curve([1.0, 0.9, 0.8]).resolution() == 2
    assert curve([1.0, 0.9, 0.8]).resolution(pixel_size=0.065) == pytest.approx(0.13)
    assert curve([0.0, 0.9, 0.8]).resolution() == 6
    assert np.isnan(curve([np.nan, np.nan]).resolution())
    assert np.isnan(curve([np.nan, np.nan]).mean)


def test_half_a_bit_is_a_correlation_of_0_17_for_many_waves_and_more_for_few() -> None:
    limit = 0.2071 / 1.2071  # what the criterion tends to
    falling = [1.0, 0.75, 0.5, 0.25, 0.0]
    assert curve(falling).resolution("half_bit") == pytest.approx(curve(falling).resolution(limit), rel=1e-4)
    # 100 waves: (0.2071 + 1.9102 / 10) / (1.2071 + 0.9102 / 10), as printed by van Heel & Schatz
    few = curve(falling, n_waves=100).resolution("half_bit")
    assert few == pytest.approx(curve(falling).resolution((0.2071 + 0.19102) / (1.2071 + 0.09102)), rel=1e-4)


def test_a_blurred_image_resolves_less() -> None:
    views = [gaussian_filter(CLEAN, sigma) + rng.normal(0, 5, CLEAN.shape) for sigma in (0.5, 1.5, 3)]
    resolution = [ring_correlation(view, CLEAN).resolution(0.5) for view in views]
    assert resolution[0] < resolution[1] < resolution[2]


def test_constant_images() -> None:
    constant = np.full(CLEAN.shape, 0.1)
    assert not radial_power(constant)[1].any()
    assert spectral_error(constant, constant + 3, data_range=1000) == 0
    assert np.isfinite(spectral_error(constant, CLEAN, data_range=1000))
    assert spectral_error(constant, CLEAN, data_range=1000) > spectral_error(NOISY, CLEAN, data_range=1000)
    assert ring_correlation(constant, CLEAN).mean == 0
    assert ring_correlation(constant, CLEAN).resolution() == 96
    assert np.isnan(ring_correlation(constant, constant).mean)
    assert np.isnan(ring_correlation(constant, constant).resolution())


def test_integer_images_are_those_numbers() -> None:
    counts = np.clip(NOISY, 0, 65535).astype(np.uint16)
    found = ring_correlation(counts, CLEAN.astype(np.float32))
    assert np.allclose(found.correlation, ring_correlation(counts.astype(float), CLEAN).correlation, atol=1e-5)
