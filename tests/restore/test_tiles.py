from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.resnet_generator import ResnetGenerator
from multiscope.restore.tiles import restore_plane, starts, window

CPU = torch.device("cpu")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([16, 32, 64]))
def test_the_identity_stays_the_identity_at_any_size(height: int, width: int, tile: int) -> None:
    plane = np.random.default_rng(height).normal(size=(height, width)).astype(np.float32)
    network = ResnetGenerator(width=2, blocks=1, output="residual").eval()  # untrained: adds nothing
    assert np.allclose(restore_plane(network, plane, tile=tile, device=CPU), plane, atol=1e-5)


@given(st.integers(8, 500), st.sampled_from([8, 16, 64]))
def test_tiles_cover_everything_and_overlap(size: int, tile: int) -> None:
    size = max(size, tile)
    found = starts(size, tile)
    assert found[0] == 0 and found[-1] == size - tile
    assert all(0 < b - a <= 3 * tile // 4 + 1 for a, b in pairwise(found))


def test_away_from_borders_a_local_filter_gives_what_it_gives_on_the_whole_image() -> None:
    blur = torch.nn.Conv2d(1, 1, 5, padding=2, bias=False)
    torch.nn.init.constant_(blur.weight, 1 / 25)
    plane = np.random.default_rng(0).normal(size=(150, 170)).astype(np.float32)
    whole = blur(torch.from_numpy(plane)[None, None])[0, 0].detach().numpy()
    tiled = restore_plane(blur, plane, tile=64, device=CPU)
    # zero padding reaches two pixels into a tile, where its weight is smallest
    assert np.abs(tiled - whole).mean() < 0.02 * np.abs(whole).mean()


def test_there_is_no_seam() -> None:
    class Brightness(torch.nn.Module):
        """Adds to each tile a constant of its own: the worst case of tiles that disagree."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + x.mean(dim=(-2, -1), keepdim=True)

    ramp = np.linspace(-1, 1, 256, dtype=np.float32)[None, :].repeat(256, axis=0)
    restored = restore_plane(Brightness(), ramp, tile=64, device=CPU)
    steps = np.abs(np.diff(restored, axis=1))
    step_of_a_hard_seam = 48 * 2 / 255
    assert steps.max() < 0.2 * step_of_a_hard_seam


def test_the_window_is_symmetric_and_never_zero() -> None:
    weights = window(32)
    assert torch.equal(weights, weights.flip(0)) and torch.equal(weights, weights.T)
    assert weights.min() > 0 and weights.max() == pytest.approx(1)
