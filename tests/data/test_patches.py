from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from multiscope.data.patches import Fields, Scale


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
