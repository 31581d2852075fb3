"""Restorations degraded again."""

from __future__ import annotations

import numpy as np
import pytest

from multiscope.trust.consistency import LEAST_FLOOR, as_type, consistency

CLEAN = (500 + 400 * np.sin(np.mgrid[:96, :96][0] / 9) * np.cos(np.mgrid[:96, :96][1] / 7)).astype(np.uint16)
SD = 40.0


def noisy(image: np.ndarray, draw: int) -> np.ndarray:
    return image + np.random.default_rng([7, draw]).normal(0, SD, image.shape)


DEGRADED = as_type(noisy(CLEAN, 99), CLEAN.dtype)


def ratio(restored: np.ndarray) -> float:
    return float(consistency(restored[None], CLEAN, DEGRADED, noisy, draws=4, span=800)[0])


def test_the_truth_is_consistent() -> None:
    assert ratio(CLEAN) == 1
    assert ratio(CLEAN.astype(np.float32) + 0.2) == pytest.approx(1, abs=0.02)


def test_a_copy_of_the_input_is_better_than_the_truth() -> None:
    assert ratio(DEGRADED) == pytest.approx(0.5, abs=0.05)


def test_what_the_input_does_not_show_is_inconsistent() -> None:
    invented = CLEAN.copy()
    invented[40:56, 40:56] += 600
    assert ratio(invented) > 2
    assert ratio(CLEAN + 2.0 * SD) == pytest.approx(1 + 4 / 2, rel=0.1)  # brighter by two deviations, of variance two


def test_without_noise_the_floor_is_a_share_of_the_range() -> None:
    def half(image: np.ndarray, draw: int) -> np.ndarray:
        return image / 2

    degraded = CLEAN / 2
    same, off = consistency(np.stack([CLEAN, CLEAN + 32]), CLEAN, degraded, half, draws=1, span=800)
    assert same == 0 and off == pytest.approx((16 / (LEAST_FLOOR * 800)) ** 2)


def test_images_are_stored_as_a_camera_does() -> None:
    found = as_type(np.array([-3.2, 1.6, 300.0]), np.dtype(np.uint8))
    assert found.tolist() == [0, 2, 255]
    assert as_type(np.array([1.5]), np.dtype(np.float32)).dtype == np.float32
