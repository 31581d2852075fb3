"""Smooth random fields: their moments and their coarseness."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from multiscope.simulate.cells.geometry import Grid
from multiscope.simulate.smooth import gaussian, smooth_field
from tests.simulate.drawn import keys

GRID = Grid(48, 48, 0.16, (0.0,))


@pytest.mark.parametrize("sigma", [0.25, 0.34, 0.6])
def test_a_field_has_mean_0_and_variance_1_everywhere(sigma: float) -> None:
    made = smooth_field(keys(4000), GRID, "x", sigma)
    assert made.shape == (4000, 1, 48, 48)
    error = 1 / np.sqrt(4000)
    assert float(made.mean(0).abs().max()) < 5 * error
    variance = made.var(0)
    assert float((variance - 1).abs().max()) < 0.05 + 5 * np.sqrt(2) * error


def test_pixels_are_alike_as_far_as_the_field_is_coarse() -> None:
    for sigma in (0.3, 0.6):
        made = smooth_field(keys(4000), GRID, "x", sigma)[:, 0, 24]
        for apart in (1, 3, 6):
            found = np.corrcoef(made[:, 20], made[:, 20 + apart])[0, 1]
            # two Gaussians of width sigma overlap as one of twice the variance
            assert found == pytest.approx(np.exp(-((apart * 0.16) ** 2) / (4 * sigma**2)), abs=0.08)


def test_each_cell_may_have_its_own_coarseness() -> None:
    sigma = torch.linspace(0.3, 0.8, 32)
    together = smooth_field(keys(32), GRID, "x", sigma)
    roughness = together.diff(dim=-1).square().mean((1, 2, 3))
    assert np.corrcoef(sigma, roughness.log())[0, 1] < -0.8
    names = smooth_field(keys(32), GRID, "y", sigma)
    assert abs(np.corrcoef(names.flatten(), together.flatten())[0, 1]) < 0.15


def test_a_gaussian_is_one_in_its_middle_and_never_a_number_that_is_slow() -> None:
    made = gaussian(torch.tensor([0.0, 1.0, -2.0, 1e6]), 1.0)
    np.testing.assert_allclose(made[:3].numpy(), np.exp([0, -0.5, -2]), rtol=1e-6)
    assert 0 < float(made[3]) < 1e-15 and float(made[3]) > torch.finfo(torch.float32).tiny
