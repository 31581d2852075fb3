from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from multiscope.errors import InputError
from multiscope.metrics.matching import RULES
from multiscope.metrics.score import score
from multiscope.metrics.spectra import ring_correlation
from multiscope.nn.content import SmallContent

rng = np.random.default_rng(0)
CLEAN = gaussian_filter(rng.normal(0, 1000, (40, 50)), 1.0) + 1000
NOISY = CLEAN + rng.normal(0, 50, CLEAN.shape)
RULED = ("psnr", "ssim", "ms_ssim", "nrmse")
UNRULED = ("spectral_error", "frc", "frc_resolution")
LOWER_IS_BETTER = ("nrmse", "spectral_error", "frc_resolution", "perceptual")
UNDEFINED = {("nrmse", "fixed"), ("nrmse", "affine"), ("nrmse", "published")}
UNDEFINED |= {("frc", "fixed"), ("frc_resolution", "fixed")}


def to_unit(plane: np.ndarray) -> np.ndarray:
    return np.asarray(plane / 500 - 2, dtype=np.float32)


def scores(image: np.ndarray, clean: np.ndarray, **options: object) -> dict[tuple[str, str], float]:
    options = {"data_range": 1000.0, **options}
    rows = list(score(image, clean, **options))  # type: ignore[arg-type]
    found = {(metric, rule): value for metric, rule, value in rows}
    assert len(found) == len(rows)
    assert all(type(value) is float for value in found.values())
    return found


@pytest.fixture(scope="module")
def network() -> SmallContent:
    torch.manual_seed(0)
    return SmallContent(4).freeze()


def test_the_rows(network: SmallContent) -> None:
    expected = {(metric, rule) for metric in RULED for rule in RULES} | {(metric, "fixed") for metric in UNRULED}
    assert scores(NOISY, CLEAN).keys() == expected
    assert scores(NOISY, CLEAN, content=network, to_unit=to_unit).keys() == expected | {("perceptual", "fixed")}


def test_fixed_is_scikit_image() -> None:
    found = scores(NOISY, CLEAN)
    assert found["psnr", "fixed"] == pytest.approx(peak_signal_noise_ratio(CLEAN, NOISY, data_range=1000))
    assert found["ssim", "fixed"] == pytest.approx(structural_similarity(CLEAN, NOISY, data_range=1000))


def test_published_is_scikit_image_on_images_stretched_to_255() -> None:
    image, clean = ((x - x.min()) / (x.max() - x.min()) * 255 for x in (NOISY, CLEAN))
    found = scores(NOISY, CLEAN)
    assert found["psnr", "published"] == pytest.approx(peak_signal_noise_ratio(clean, image, data_range=255))
    assert found["ssim", "published"] == pytest.approx(structural_similarity(clean, image, data_range=255))


@settings(max_examples=25, deadline=None)
@given(st.floats(0.1, 10), st.floats(-1000, 1000))
def test_gain_and_offset_matter_to_fixed_alone(gain: float, offset: float) -> None:
    as_is, moved = scores(NOISY, CLEAN), scores(gain * NOISY + offset, CLEAN)
    for metric in RULED:
        for rule in ("affine", "published"):
            assert moved[metric, rule] == pytest.approx(as_is[metric, rule], rel=1e-6)
        if abs(gain - 1) > 0.2:
            assert moved[metric, "fixed"] != pytest.approx(as_is[metric, "fixed"], rel=1e-3)
    assert moved["frc", "fixed"] == pytest.approx(as_is["frc", "fixed"], rel=1e-6)


def test_affine_never_does_worse_than_fixed() -> None:
    found = scores(0.5 * NOISY - 30, CLEAN)
    assert found["psnr", "affine"] > found["psnr", "fixed"]
    assert found["nrmse", "affine"] < found["nrmse", "fixed"]


def test_every_score_knows_better_from_worse(network: SmallContent) -> None:
    worse = CLEAN + 3 * (NOISY - CLEAN)
    near, far = (scores(image, CLEAN, content=network, to_unit=to_unit) for image in (NOISY, worse))
    for (metric, rule), value in near.items():
        assert (value < far[metric, rule]) == (metric in LOWER_IS_BETTER), (metric, rule)


def test_identical_images_have_the_best_scores(network: SmallContent) -> None:
    best = {"psnr": np.inf, "ssim": 1, "ms_ssim": 1, "nrmse": 0, "spectral_error": 0, "frc": 1, "frc_resolution": 2}
    best["perceptual"] = 0
    found = scores(CLEAN, CLEAN, content=network, to_unit=to_unit)
    for (metric, rule), value in found.items():
        assert value == pytest.approx(best[metric], abs=1e-12), (metric, rule)


@pytest.mark.parametrize("level", [0.0, 0.1, 5.0, 1000.0, 65535.0])
def test_a_constant_image_has_bad_scores_and_no_nan(level: float, network: SmallContent) -> None:
    constant = scores(np.full(CLEAN.shape, level), CLEAN, content=network, to_unit=to_unit)
    noisy = scores(NOISY, CLEAN, content=network, to_unit=to_unit)
    assert np.isfinite(list(constant.values())).all()
    assert constant["frc", "fixed"] == 0
    assert constant["frc_resolution", "fixed"] == 40
    for rule in RULES:
        assert constant["psnr", rule] < noisy["psnr", rule]


def test_beside_a_constant_clean_image_the_same_scores_are_undefined_for_all(network: SmallContent) -> None:
    constant = np.full(CLEAN.shape, 100.1)
    for image in (constant, constant + 50, NOISY):
        found = scores(image, constant, content=network, to_unit=to_unit)
        assert {key for key, value in found.items() if np.isnan(value)} == UNDEFINED
    assert scores(constant, constant)["psnr", "fixed"] == np.inf


def test_resolution_is_taken_at_the_threshold_for_a_clean_reference() -> None:
    rings = ring_correlation(CLEAN + 8 * (NOISY - CLEAN), CLEAN)
    found = scores(CLEAN + 8 * (NOISY - CLEAN), CLEAN)["frc_resolution", "fixed"]
    assert found == pytest.approx(rings.resolution(0.5))
    assert found > rings.resolution(1 / 7)


def test_camera_counts_are_taken_as_numbers() -> None:
    image, clean = (np.clip(np.rint(x), 0, None).astype(np.uint16) for x in (NOISY, CLEAN))
    found, expected = scores(image, clean), scores(image.astype(float), clean.astype(float))
    assert found == pytest.approx(expected)


def test_perceptual_looks_within_the_range_of_the_data(network: SmallContent) -> None:
    hot, hotter = CLEAN.copy(), CLEAN.copy()
    hot[3, 3], hotter[3, 3] = 2_000, 60_000
    found = [scores(x, CLEAN, content=network, to_unit=to_unit)["perceptual", "fixed"] for x in (hot, hotter)]
    assert found[0] == found[1] > 0


@pytest.mark.parametrize(
    ("image", "clean", "data_range", "says"),
    [
        (NOISY[1:], CLEAN, 1.0, "one shape"),
        (NOISY[None], CLEAN[None], 1.0, "one shape"),
        (NOISY[:9], CLEAN[:9], 1.0, "at least 11 pixels"),
        (NOISY, CLEAN, 0.0, "data range is 0.0"),
        (NOISY, CLEAN, float("nan"), "data range is nan"),
        (np.full(CLEAN.shape, np.nan), CLEAN, 1.0, "the image has values"),
        (NOISY, np.where(CLEAN > 1000, np.inf, CLEAN), 1.0, "the clean image has values"),
    ],
)
def test_what_has_no_score_is_refused(image: np.ndarray, clean: np.ndarray, data_range: float, says: str) -> None:
    with pytest.raises(InputError, match=says) as error:
        list(score(image, clean, data_range=data_range))
    assert "\n" not in str(error.value)


def test_a_content_network_needs_the_scaling(network: SmallContent) -> None:
    with pytest.raises(ValueError, match="to_unit"):
        list(score(NOISY, CLEAN, data_range=1.0, content=network))


def test_scoring_is_no_burden() -> None:
    clean = gaussian_filter(rng.normal(0, 1000, (256, 256)), 1.0)
    image = clean + rng.normal(0, 50, clean.shape)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        scores(image, clean)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5  # 0.05 s on an idle core
