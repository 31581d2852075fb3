"""Spots that were planted are counted and measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from multiscope.features.classic import classic_features
from tests.features.cells import Floats, disks, with_spots

CORNERS = [(24.0, 24.0), (24.0, 39.0), (39.0, 24.0), (39.0, 39.0), (31.5, 31.5), (19.0, 31.5)]


def measured(*images: Floats) -> pd.DataFrame:
    found = classic_features(np.concatenate(images), disks(len(images)), ["p"]).filter(like="Spots")
    return found.rename(columns=lambda name: name.split("_")[1])


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_as_many_as_planted(noise: float) -> None:
    rng = np.random.default_rng(0)
    images = [with_spots(CORNERS[:n]) for n in range(7)]
    found = measured(*[image + rng.normal(0, noise, image.shape) for image in images])
    assert found["number"].tolist() == list(range(7))


@pytest.mark.parametrize("width", [1.2, 1.8, 2.5, 3.2])
def test_size_height_and_light_are_those_planted(width: float) -> None:
    found = measured(with_spots(CORNERS[:4], width=width)).iloc[0]
    light = 10 * disks(1).sum() + 4 * 20 * 2 * np.pi * width**2
    assert found["number"] == 4
    assert found["size"] == pytest.approx(width, rel=0.1)
    assert found["height"] == pytest.approx(20 / (light / disks(1).sum()), rel=0.1)
    assert found["fraction"] == pytest.approx(4 * 20 * 2 * np.pi * width**2 / light, rel=0.25)


def test_spread_and_distance_are_in_radii() -> None:
    radius = float(np.sqrt(disks(1).sum() / np.pi))
    found = measured(*[with_spots([(31.5 - r, 31.5), (31.5 + r, 31.5)]) for r in (5.0, 9.0, 13.0)])
    np.testing.assert_allclose(found["spread"] * radius, [5, 9, 13], atol=0.5)
    np.testing.assert_allclose(found["distance"] * radius, [5, 9, 13], atol=0.5)
    gathered = measured(with_spots([(20.0, 31.0), (25.0, 31.0)])).iloc[0]
    assert gathered["spread"] < 0.2 < 0.4 < gathered["distance"]


def test_noise_is_no_spot() -> None:
    rng = np.random.default_rng(0)
    found = measured(*[with_spots([]) + rng.normal(0, 2, (1, 1, 64, 64)) for _ in range(50)])
    assert found["number"].mean() < 0.5


def test_a_gradient_is_no_spot() -> None:
    slope = with_spots([]) + np.linspace(0, 10, 64)[None, None, None] * disks(1)[:, None]
    assert measured(slope)["number"].item() == 0
