from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from multiscope.data.patches import Fields, Scale, UnpairedPatches


@given(st.floats(-1000, 1000), st.floats(1, 60000))
def test_scaling_and_back(low: float, width: float) -> None:
    scale = Scale(low, low + width)
    plane = np.linspace(low - width, low + 2 * width, 50)
    assert np.allclose(scale.to_camera(scale.to_unit(plane)), plane, atol=width * 1e-4 + 1e-2)
    assert np.allclose(scale.to_unit(np.array([low, low + width])), [-1, 1], atol=1e-2)


def test_scales_come_from_clean_training_fields_alone(tiny_screen: Path) -> None:
    fields = Fields(tiny_screen)
    train = np.stack([fields.image("clean", name) for name in fields.rows(split="train")["field_id"]])
    for channel, scale in enumerate(fields.scales):
        low, high = np.percentile(train[:, channel], [0.1, 99.9])
        assert abs(scale.low - low) <= 1 and abs(scale.high - high) <= 0.01 * high


def test_a_draw_is_repeatable_and_stays_inside(tiny_screen: Path) -> None:
    fields = Fields(tiny_screen)
    rows = fields.rows(split="train")
    for seed in range(20):
        place = fields.draw("clean", rows, size=48, rng=np.random.default_rng(seed))
        assert place == fields.draw("clean", rows, size=48, rng=np.random.default_rng(seed))
        assert fields.patch("clean", place, 48).shape == (48, 48)
        assert place.field_id in set(rows["field_id"])


@given(size=st.sampled_from([16, 24, 40, 100, 128]))
def test_tiles_lie_in_the_middle_and_do_not_overlap(tiny_screen: Path, size: int) -> None:
    fields = Fields(tiny_screen)
    rows = fields.rows(split="train")
    tiles = fields.tiles(rows, size=size)
    assert len(tiles) == len(rows) * len(fields.channels) * (128 // size) ** 2
    for axis in ("y", "x"):
        starts = sorted({getattr(tile, axis) for tile in tiles})
        assert all(b - a == size for a, b in pairwise(starts))
        assert abs(starts[0] - (128 - starts[-1] - size)) <= 1


def test_every_tile_comes_once_and_half_by_structure(tiny_screen: Path) -> None:
    fields = Fields(tiny_screen)
    tiles = fields.tiles(fields.rows(split="train"), size=32)
    order = list(fields.in_random_order(tiles, size=32, rng=np.random.default_rng(0)))
    assert sorted(map(repr, order)) == sorted(map(repr, tiles))
    structure = [float(fields.patch("clean", place, 32).std()) for place in order]
    third = len(order) // 3
    assert np.mean(structure[:third]) > np.mean(structure[-third:])


def test_unpaired_patches_are_of_training_fields_with_the_defect(tiny_screen: Path) -> None:
    fields = Fields(tiny_screen)
    patches = UnpairedPatches(fields, size=32)
    drawn = patches.degraded(np.random.default_rng(0), ["noise", "blur"])
    assert drawn.shape == (2, 1, 32, 32)
    for patch, defect in zip(drawn, ["noise", "blur"], strict=True):
        rows = fields.rows(split="train", defect=defect)
        everywhere = [
            np.lib.stride_tricks.sliding_window_view(scale.to_unit(fields.image(defect, name)[channel]), (32, 32))
            for name in rows["field_id"]
            for channel, scale in enumerate(fields.scales)
        ]
        assert any((windows == patch[0].numpy()).all(axis=(-2, -1)).any() for windows in everywhere)
