from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from multiscope.metrics.perceptual import perceptual_distance, plane_distance
from multiscope.nn.content import SmallContent


class Fixed:
    """Features of one place and two channels, given by the first pixel."""

    name = "fixed"

    def __call__(self, x: Tensor, /) -> list[Tensor]:
        value = x[:, :, :1, :1]
        return [torch.cat([value, 1 - value], dim=1), 7 * torch.cat([value, value], dim=1)]


@pytest.fixture(scope="module")
def network() -> SmallContent:
    torch.manual_seed(0)
    return SmallContent(4).freeze()


def test_from_the_definition() -> None:
    a, b = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    # first layer (0, 1) and (1, 0): 2 apart; second (0, 0), which has no direction, and (7, 7): 1 apart
    assert float(perceptual_distance(Fixed(), a, b)) == pytest.approx(1.5)
    # the second layer's direction is one and the same
    half = torch.full((1, 1, 4, 4), 0.5)
    assert float(perceptual_distance(Fixed(), b, half)) == pytest.approx((2 - np.sqrt(2)) / 2, rel=1e-5)


def test_equal_images_are_zero_apart_and_others_between_0_and_2(network: SmallContent) -> None:
    a, b = torch.rand(3, 1, 20, 24) * 2 - 1, torch.rand(3, 1, 20, 24) * 2 - 1
    assert perceptual_distance(network, a, a).tolist() == [0, 0, 0]
    found = perceptual_distance(network, a, b)
    assert found.shape == (3,)
    assert ((found > 0) & (found <= 2)).all()
    torch.testing.assert_close(found, perceptual_distance(network, b, a))


def test_each_image_of_a_batch_for_itself(network: SmallContent) -> None:
    a, b = torch.rand(2, 1, 20, 24), torch.rand(2, 1, 20, 24)
    alone = torch.cat([perceptual_distance(network, a[i : i + 1], b[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(perceptual_distance(network, a, b), alone)


def test_more_noise_is_farther(network: SmallContent) -> None:
    rng = np.random.default_rng(0)
    clean, noise = rng.uniform(-0.5, 0.5, (32, 32)), rng.normal(0, 1, (32, 32))
    near, far = (plane_distance(network, clean + sd * noise, clean) for sd in (0.05, 0.3))
    assert 0 < near < far
    assert plane_distance(network, clean, clean) == 0


def test_constant_images_have_a_distance(network: SmallContent) -> None:
    flat = np.zeros((16, 16))
    assert plane_distance(network, flat, flat) == 0
    assert np.isfinite(plane_distance(network, flat, flat + 1))
