"""Whether images look like those of the training."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from multiscope.quality.familiar import BANDS, NAMES, Range, patch_features

SIZE = 32


def texture(seed: int, *, shape: tuple[int, int] = (128, 128), sigma: float = 2.0) -> np.ndarray:
    smooth = gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma, mode="wrap")
    return 500 + 100 * smooth / smooth.std() + np.random.default_rng(seed + 1000).normal(0, 10, shape)


@pytest.fixture(scope="module")
def training() -> Range:
    return Range.of(np.concatenate([patch_features(texture(seed), SIZE) for seed in range(6)]))


def test_images_like_the_training_images_are_familiar(training: Range) -> None:
    found = [training.compare(patch_features(texture(seed), SIZE)) for seed in range(100, 120)]
    assert all(each.familiar for each in found)
    assert np.mean([each.strange for each in found]) < 0.2


@pytest.mark.parametrize(
    ("change", "features"),
    [
        (lambda image: image + 400, {"mean", "peak"}),
        (lambda image: image + np.random.default_rng(5).normal(0, 80, image.shape), {f"power_{BANDS - 1}"}),
        (lambda image: gaussian_filter(image, 2), {f"power_{BANDS - 1}"}),
        (lambda image: 500 + 5 * (image - 500), {f"power_{band}" for band in range(BANDS)} | {"peak"}),
    ],
    ids=["brighter", "noisier", "smoother", "more contrast"],
)
def test_others_are_not_and_it_is_said_why(training: Range, change, features) -> None:  # type: ignore[no-untyped-def]
    found = training.compare(patch_features(change(texture(200)), SIZE))
    assert not found.familiar
    assert found.distance > 1 and found.strange > 0.5
    assert found.feature in features


def test_the_middle_is_0_and_the_ends_are_1() -> None:
    features = np.array([[0.0] * len(NAMES), [2.0] * len(NAMES)])
    known = Range(tuple(features[0]), tuple(features[1]))
    assert known.compare(np.full((3, len(NAMES)), 1.0)).distance == 0
    assert known.compare(features).distance == 1
    assert known.compare(np.full((1, len(NAMES)), 3.0)).distance == 2


def test_ranges_survive_a_model_card(training: Range) -> None:
    assert Range.from_facts(json.loads(json.dumps(training.facts()))) == training


@given(st.integers(1, 70), st.integers(1, 70), st.integers(16, 48))
def test_every_pixel_is_in_a_patch_whatever_the_size(height: int, width: int, size: int) -> None:
    plane = np.random.default_rng(0).normal(100, 5, (height, width))
    features = patch_features(plane, size)
    assert features.shape[1] == len(NAMES)
    assert np.isfinite(features).all()
    side = min(size, height, width)
    assert len(features) == -(-height // side) * -(-width // side)


def test_power_is_that_of_the_band() -> None:
    x = np.arange(64)
    for period, band in ((32, 0), (10, 1), (6, 2), (3, 3)):
        plane = np.tile(50 + 10 * np.cos(2 * np.pi * x / period), (64, 1))
        power = patch_features(plane, 64)[0, 2:]
        assert int(power.argmax()) == band
    white = np.random.default_rng(1).normal(0, 3, (512, 512))
    np.testing.assert_allclose(patch_features(white, 64)[:, 2:].mean(axis=0), np.log10(9), atol=0.1)
