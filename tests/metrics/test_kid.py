from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from multiscope.errors import InputError
from multiscope.metrics.kid import features_of, fid, kid
from multiscope.nn.content import SmallContent


def brute_force(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased estimate, pair by pair (Gretton et al. 2012, equation 3)."""

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return float((sum(p * q for p, q in zip(x, y, strict=True)) / len(x) + 1) ** 3)

    n, m = len(a), len(b)
    within_a = sum(k(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_b = sum(k(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    across = sum(k(x, y) for x in a for y in b) / (n * m)
    return within_a + within_b - 2 * across


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 4), st.integers(0, 2**31))
def test_kid_is_the_double_loop(n: int, m: int, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, d)), rng.normal(0.5, 2, size=(m, d))
    assert kid(a, b, n=2).value == pytest.approx(brute_force(a, b), rel=1e-9, abs=1e-9)


def test_kid_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    values = np.array([kid(rng.normal(size=(12, 3)), rng.normal(size=(12, 3)), n=1).value for _ in range(800)])
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values))
    assert (values < 0).any()


def test_the_interval_of_one_distribution_covers_zero() -> None:
    rng = np.random.default_rng(1)
    covered = []
    for trial in range(60):
        sample = rng.normal(size=(120, 8))
        found = kid(sample[:60], sample[60:], n=200, seed=trial)
        assert found.low < found.high
        covered.append(found.low <= 0 <= found.high)
    assert np.mean(covered) > 0.9


def test_the_interval_of_two_distributions_covers_their_distance() -> None:
    rng = np.random.default_rng(2)
    truth = np.mean([kid(rng.normal(size=(400, 2)), rng.normal(1, 1, (400, 2)), n=1).value for _ in range(60)])
    covered = []
    for trial in range(100):
        found = kid(rng.normal(size=(60, 2)), rng.normal(1, 1, (60, 2)), n=300, seed=trial)
        assert found.value > 0
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) > 0.85


def test_kid_grows_with_a_shift_and_leaves_zero() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(80, 6)), rng.normal(size=(80, 6))
    found = [kid(a, b + shift, n=200) for shift in (0, 0.5, 1, 2)]
    values = [interval.value for interval in found]
    assert values == sorted(values)
    assert found[0].low <= 0
    assert all(interval.low > 0 for interval in found[2:])


def test_kid_is_symmetric_and_repeats_itself() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(20, 4)), rng.normal(1, 1, (30, 4))
    assert kid(a, b, seed=5) == kid(a, b, seed=5)
    assert kid(a, b, seed=5) != kid(a, b, seed=6)
    assert kid(a, b).value == pytest.approx(kid(b, a).value)


def test_constant_and_fewest_samples() -> None:
    flat = np.ones((5, 3))
    assert kid(flat, flat) == kid(flat, flat, seed=3)
    assert kid(flat, flat).value == pytest.approx(0)
    found = kid(np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]]), n=100)
    assert np.isfinite([found.low, found.value, found.high]).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(0, 2**31))
def test_fid_is_the_formula(d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(40, d)) @ rng.normal(size=(d, d)), rng.normal(0.3, 2, (50, d))
    first, second = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    shared = np.trace(np.atleast_2d(sqrtm(first @ second)).real)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * shared
    assert fid(a, b) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_fid_of_gaussians() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(20_000, 2)), rng.normal([3, 0], 2, (20_000, 2))
    assert fid(a, b) == pytest.approx(9 + 2, rel=0.05)
    assert fid(a, a) == pytest.approx(0, abs=1e-9)
    assert fid(np.ones((5, 2)), np.ones((5, 2)) + 1) == pytest.approx(2)


@pytest.mark.parametrize("sizes", [(8, 30), (30, 8), (8, 8)])
def test_fid_refuses_few_images(sizes: tuple[int, int]) -> None:
    a, b = (np.random.default_rng(0).normal(size=(n, 8)) for n in sizes)
    with pytest.raises(InputError, match="8 images, expected more than its 8 features") as error:
        fid(a, b)
    assert "\n" not in str(error.value)
    assert np.isfinite(kid(a, b).value)


def test_samples_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(InputError, match="at least 2"):
        kid(np.ones((1, 3)), np.ones((5, 3)))
    for wrong in (np.ones((5, 4)), np.ones(5)):
        with pytest.raises(InputError, match="one network"):
            kid(np.ones((5, 3)), wrong)
        with pytest.raises(InputError, match="one network"):
            fid(np.ones((5, 3)), wrong)


def test_features_are_means_and_deviations_of_every_layer() -> None:
    torch.manual_seed(0)
    network = SmallContent(3).freeze()
    batch = torch.rand(4, 1, 20, 16) * 2 - 1
    found = features_of(network, batch)
    assert found.shape == (4, 2 * (3 + 6 + 12))
    assert found.dtype == np.float64
    layers = [layer.numpy() for layer in network(batch)]
    np.testing.assert_allclose(found[:, :3], layers[0].mean(axis=(2, 3)), rtol=1e-5)
    np.testing.assert_allclose(found[:, -12:], layers[-1].std(axis=(2, 3)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(features_of(network, batch[1:2]), found[1:2], rtol=1e-4, atol=1e-6)
