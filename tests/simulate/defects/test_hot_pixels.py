"""Hot pixels: of the camera, few, and brighter than any lens can make them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multiscope.config import HotPixels
from multiscope.quality.hot_pixels import spikes_of
from multiscope.simulate.defects import degrade
from tests.simulate.defects.specimens import specimen


def test_shares_and_heat_are_as_set() -> None:
    image = np.full((500, 500), 1100.0)
    made = degrade(image, HotPixels(hot=0.02, dead=0.01, level=0.5, brightest=4), seed=0, offset=100)
    added = (made - image) / 1000
    hot, dead = added > 0, made == 100
    assert hot.mean() == pytest.approx(0.02, rel=0.1) and dead.mean() == pytest.approx(0.01, rel=0.1)
    assert (added[~hot & ~dead] == 0).all()
    heat = added[hot]
    assert heat.min() == pytest.approx(0.5, rel=0.01) and heat.max() == pytest.approx(4)
    for times in (2, 4):
        assert (heat > 0.5 * times).mean() == pytest.approx(1 / times, rel=0.08)


def test_what_is_hot_stays_hot_at_a_greater_strength() -> None:
    image = specimen("float64")
    weak, strong = (degrade(image, HotPixels(hot=0.01, dead=0.01, strength=s), seed=0) for s in (0.5, 2))
    changed = weak != image
    assert 0 < changed.sum() < (strong != image).sum()
    np.testing.assert_array_equal(strong[changed], weak[changed])


def test_places_are_the_cameras_the_same_in_all_channels() -> None:
    image = np.stack([specimen("float64"), 3 * specimen("float64", height=96, width=96)[::-1]])
    made = degrade(image, HotPixels(hot=0.01, dead=0), seed=0)
    changed = made != image
    np.testing.assert_array_equal(changed[0], changed[1])
    assert changed.any()
    other = degrade(image, HotPixels(hot=0.01, dead=0), seed=1) != image
    assert np.any(other[0] != changed[0])


def test_lines_are_hot_from_end_to_end() -> None:
    image = np.full((200, 300), 1000.0)
    made = degrade(image, HotPixels(hot=0, dead=0, columns=0.03, rows=0.02, line_level=0.3), seed=0, offset=0)
    columns, rows = (made > 1200).all(axis=0), (made > 1200).all(axis=1)
    assert 2 <= columns.sum() <= 20 and 1 <= rows.sum() <= 12
    assert (made[~rows][:, ~columns] == 1000).all()
    np.testing.assert_allclose(made[rows][:, ~columns], 1300)
    np.testing.assert_allclose(made[rows][:, columns], 1600)


def test_they_are_found_as_those_of_real_cameras_are(real_data: Any) -> None:
    """A real pair: the image without its hot pixel, degraded, has spikes like the one of the image with it."""
    from tifffile import imread

    folder = real_data / "neubias"
    hot, clean = (
        imread(folder / "xyc_16bit__membranes_nuclei_hot_pixel.tif"),
        imread(folder / "xyc_8bit__membranes_nuclei.tif"),
    )
    real = [np.argwhere(channel).tolist() for channel in hot != clean]
    assert len(real[0]) == 1 and real[0] == real[1], "one pixel of the camera, in both channels"
    made = degrade(clean.astype(np.uint16), HotPixels(hot=1e-4, dead=0, level=2), seed=0)
    for channel, before in zip(made, clean, strict=True):
        changed = set(map(tuple, np.argwhere(channel != before)))
        found = {(spike.y, spike.x) for spike in spikes_of(channel) if spike.rise > 1}
        assert len(changed) > 5 and len(found & changed) >= 0.8 * len(changed)
