"""The camera: the statistics of its counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from multiscope.config import Camera
from multiscope.simulate import counter
from multiscope.simulate.camera import expected, expose, full_scale, illumination, poisson
from tests.simulate.drawn import keys

MEANS = [0.05, 0.5, 3, 3.9, 4.1, 10, 60, 2000]
N = 200_000


def camera(**values: Any) -> Camera:
    return Camera.model_validate(values)


def counts_of(photons: float, settings: Camera, *, n: int = 4, side: int = 128, seed: int = 0) -> npt.NDArray[np.int64]:
    made = expose(torch.full((n, side, side), photons), keys(n, seed), settings)
    assert made.dtype == torch.uint16
    return made.numpy().astype(np.int64)


def photons_drawn(mean: float, seed: int = 0) -> npt.NDArray[np.float64]:
    normal = counter.normal(keys(1, seed), "shot", N)[0]
    return np.asarray(poisson(torch.full_like(normal, mean), normal).double().numpy())


@pytest.mark.parametrize("mean", MEANS)
def test_photons_are_poisson_numbers(mean: float) -> None:
    drawn = photons_drawn(mean)
    assert drawn.min() >= 0 and np.array_equal(drawn, drawn.round())
    assert abs(drawn.mean() - mean) < 5 * np.sqrt(mean / N)
    # the fourth central moment of a Poisson number is m + 3 m^2
    assert abs(drawn.var() - mean) < 5 * np.sqrt((mean + 2 * mean**2) / N)
    numbers = np.arange(int(mean + 12 * np.sqrt(mean) + 12))
    below = np.searchsorted(np.sort(drawn), numbers, side="right") / N
    assert np.abs(below - stats.poisson.cdf(numbers, mean)).max() < 1.95 / np.sqrt(N)


@pytest.mark.parametrize("mean", [0.05, 0.5, 3, 3.9, 10, 60])
def test_each_number_of_photons_is_as_frequent_as_it_should_be(mean: float) -> None:
    drawn = photons_drawn(mean, seed=1)
    edges = np.unique(stats.poisson.ppf(np.linspace(0, 1, 40)[1:-1], mean))
    found = np.bincount(np.searchsorted(edges, drawn), minlength=len(edges) + 1)
    shares = np.diff(np.concatenate([[0], stats.poisson.cdf(edges, mean), [1]]))
    assert stats.chisquare(found, shares / shares.sum() * N).pvalue > 1e-4


@given(mean=st.floats(0, 1e5), normal=st.floats(-5.5, 5.5))
def test_photons_rise_with_the_normal_number_and_the_mean(mean: float, normal: float) -> None:
    few, more = poisson(torch.tensor([mean, mean]), torch.tensor([normal, normal + 0.25]))
    assert 0 <= few <= more
    brighter = poisson(torch.tensor([1.2 * mean + 0.2]), torch.tensor([normal]))
    # where the two ways of counting meet, they may differ by one
    assert brighter[0] >= few - 1


def test_no_light_gives_no_photons() -> None:
    normal = counter.normal(keys(1), "shot", 10_000)[0]
    assert not poisson(torch.zeros_like(normal), normal).any()
    assert not poisson(torch.full_like(normal, -3.0), normal).any(), "nor does less than none"


@pytest.mark.parametrize("gain", [0.5, 1.5, 8.0])
def test_the_variance_rises_with_the_mean_by_the_gain(gain: float) -> None:
    settings = camera(gain=gain, read_noise=2.0, offset=200)
    made = [counts_of(photons, settings) for photons in (20, 80, 300, 1200, 3000)]
    means, variances = (np.array([getattr(one, what)() for one in made]) for what in ("mean", "var"))
    slope, intercept = np.polyfit(means - 200, variances - 1 / 12, 1, w=1 / variances)
    assert slope == pytest.approx(gain, rel=0.03)
    assert intercept == pytest.approx((2 * gain) ** 2, rel=0.6)


@pytest.mark.parametrize(("read_noise", "gain"), [(1.6, 1.5), (5.0, 2.0), (3.0, 0.7)])
def test_without_light_there_is_read_noise_around_the_offset(read_noise: float, gain: float) -> None:
    made = counts_of(0.0, camera(read_noise=read_noise, gain=gain, offset=100))
    assert made.mean() == pytest.approx(100, abs=5 * read_noise * gain / np.sqrt(made.size))
    assert made.var() == pytest.approx((read_noise * gain) ** 2 + 1 / 12, rel=0.03)
    assert stats.skew(made.ravel()) == pytest.approx(0, abs=0.05)


def test_without_any_noise_the_dark_is_the_offset() -> None:
    assert (counts_of(0.0, camera(read_noise=0, offset=123)) == 123).all()


def test_counts_do_not_fall_below_0() -> None:
    made = counts_of(0.0, camera(read_noise=10, offset=5))
    assert made.min() == 0 and (made == 0).mean() > 0.2


@pytest.mark.parametrize("bits", [12, 16])
def test_counts_saturate_at_full_scale(bits: int) -> None:
    settings = camera(bits=bits)
    assert full_scale(settings) == 2**bits - 1
    assert (counts_of(1e6, settings) == 2**bits - 1).all()
    assert (expected(torch.full((8, 8), 1e6), settings) == 2**bits - 1).all()
    near = counts_of(4095 / 1.5, settings)
    assert near.max() == 4095 if bits == 12 else near.max() > 4095


def test_the_stated_share_of_pixels_is_hot() -> None:
    dark = camera(read_noise=0, hot_pixels=0.02)
    made = counts_of(0.0, dark, n=8)
    bright = made > dark.offset
    n = made.size
    assert abs(bright.mean() - 0.02) < 5 * np.sqrt(0.02 / n) + 0.02 * 0.01
    assert made.max() > 0.9 * full_scale(dark)
    assert not (counts_of(0.0, camera(read_noise=0)) > 100).any()


@pytest.mark.parametrize("level", [3.0, 50.0, 700.0])
def test_what_is_expected_is_the_mean_of_exposures(level: float) -> None:
    settings = camera()
    photons = level * torch.rand((1, 24, 24), generator=torch.Generator().manual_seed(0))
    made = expose(photons.expand(600, 24, 24), keys(600), settings).numpy().astype(float)
    mean, clean = made.mean(0), expected(photons, settings)[0].numpy().astype(float)
    sampling = made.std(0) / np.sqrt(600)
    # what is expected is rounded, by 0.29 counts (root mean square) and half a count at most
    assert abs((mean - clean).mean()) < 5 * np.hypot(sampling, 0.29).mean() / 24
    assert np.all(np.abs(mean - clean) < 0.5 + 5 * sampling)


def test_noise_differs_between_keys_channels_and_pixels_and_not_between_batches() -> None:
    photons = torch.full((40, 2, 32, 32), 100.0)
    made = expose(photons, keys(40), camera())
    assert torch.equal(made[7:8], expose(photons[:1], keys(40)[7:8], camera()))
    flat = made.numpy().astype(float).reshape(80, -1)
    between = np.corrcoef(flat)[np.triu_indices(80, 1)]
    assert np.abs(between).max() < 5.5 / np.sqrt(flat.shape[1])
    images = made.numpy().astype(float)
    beside = np.corrcoef(images[..., 1:].ravel(), images[..., :-1].ravel())[0, 1]
    assert abs(beside) < 5 / np.sqrt(images[..., 1:].size)


def test_a_marker_that_is_put_into_place_is_interpolated_and_loses_noise() -> None:
    photons = torch.full((4, 2, 64, 64), 200.0)
    plain, moved = (expose(photons, keys(4), camera(registration=share)).numpy().astype(float) for share in (0, 0.5))
    np.testing.assert_array_equal(plain[:, 0], moved[:, 0])
    inner = np.s_[:, 1, :-1, :-1]
    # a half in both directions is the mean of four pixels
    assert moved[inner].var() == pytest.approx(plain[:, 1].var() / 4, rel=0.1)
    assert moved[:, 1].mean() == pytest.approx(plain[:, 1].mean(), rel=0.01)
    edge = torch.zeros(1, 2, 8, 8)
    edge[:, :, :, 4:] = 100
    clean = expected(edge, camera(registration=0.25)).numpy().astype(float)[0] - 100
    np.testing.assert_allclose(clean[1, 2], [0, 0, 0, 37.5, 150, 150, 150, 150], atol=0.5)
    np.testing.assert_allclose(clean[0, 2], [0, 0, 0, 0, 150, 150, 150, 150], atol=0.5)


@given(
    height=st.integers(3, 80),
    width=st.integers(3, 80),
    loss=st.floats(0, 0.95),
    centre=st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)),
)
def test_illumination_is_brightest_at_its_centre(
    height: int, width: int, loss: float, centre: tuple[float, float]
) -> None:
    profile = illumination((height, width), loss, centre).double().numpy()
    assert profile.shape == (height, width)
    assert profile.min() >= 0 and profile.max() <= 1
    half = np.hypot(height, width) / 2
    y, x = np.mgrid[:height, :width].astype(float)
    away = np.hypot((y - (height - 1) / 2) / half - centre[0], (x - (width - 1) / 2) / half - centre[1])
    assert profile.max() - profile.flat[away.argmin()] < 1e-6
    order = away.ravel().argsort()
    assert np.all(np.diff(profile.ravel()[order]) < 1e-6), "it falls with the distance"


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.6])
def test_the_stated_share_of_light_is_lost_at_the_half_diagonal(loss: float) -> None:
    profile = illumination((1001, 751), loss, (0.0, 0.0))
    assert float(profile[500, 375]) == pytest.approx(1, abs=1e-6)
    for corner in (profile[0, 0], profile[0, -1], profile[-1, 0], profile[-1, -1]):
        assert float(corner) == pytest.approx(1 - loss, abs=0.003)
    shifted = illumination((1001, 751), loss, (0.8, 0.6))
    assert float(shifted[500, 375]) == pytest.approx(1 - loss, abs=0.003), "a half-diagonal from the centre"
