from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from multiscope.training.jitter import random_gamma, random_rotations

CROPS = torch.rand(6, 2, 17, 17, generator=torch.Generator().manual_seed(0)) + 3


class Fixed(np.random.Generator):
    """Draws one value wherever it is asked."""

    def __init__(self, value: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.value = value

    def uniform(self, low: float, high: float, size: object = None) -> np.ndarray:  # type: ignore[override, type-arg]
        return np.full(size, self.value)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("angle", [90.0, -90.0, 180.0])
def test_a_quarter_turn_is_that_of_numpy(angle: float) -> None:
    turned = random_rotations(CROPS, degrees=180, rng=Fixed(angle))
    assert torch.allclose(turned, torch.rot90(CROPS, round(angle / 90) % 4, (-2, -1)), atol=1e-4)


def test_any_turn_is_that_of_scipy_in_the_middle() -> None:
    smooth = torch.from_numpy(ndimage.gaussian_filter(np.random.default_rng(0).random((1, 1, 33, 33)), (0, 0, 3, 3)))
    turned = random_rotations(smooth.float(), degrees=180, rng=Fixed(30.0))[0, 0].numpy()
    expected = ndimage.rotate(smooth[0, 0].numpy(), 30, reshape=False, order=1, mode="reflect")
    assert np.allclose(turned[8:25, 8:25], expected[8:25, 8:25], atol=2e-3)


def test_no_degrees_change_nothing_and_each_crop_has_its_own() -> None:
    assert torch.allclose(random_rotations(CROPS, degrees=0, rng=np.random.default_rng(0)), CROPS, atol=1e-5)
    same = CROPS[:1].expand(4, -1, -1, -1)
    turned = random_rotations(same, degrees=180, rng=np.random.default_rng(0))
    assert all(not torch.allclose(turned[0], other, atol=1e-2) for other in turned[1:])


def test_gamma_keeps_bounds_and_order() -> None:
    bent = random_gamma(CROPS, strength=1.0, rng=np.random.default_rng(1))
    for dims in ((-2, -1),):
        assert torch.allclose(bent.amin(dims), CROPS.amin(dims)) and torch.allclose(bent.amax(dims), CROPS.amax(dims))
    order = CROPS.flatten(2).argsort(dim=-1)
    ranked = bent.flatten(2).gather(-1, order)
    assert (ranked.diff(dim=-1) >= -1e-5).all()
    assert not torch.allclose(bent, CROPS, atol=0.05)


def test_gamma_of_no_strength_and_of_a_constant_channel() -> None:
    assert torch.allclose(random_gamma(CROPS, strength=0, rng=np.random.default_rng(0)), CROPS, atol=1e-5)
    constant = torch.full((2, 1, 4, 4), 5.0)
    assert random_gamma(constant, strength=1, rng=np.random.default_rng(0)).equal(constant)
