"""A copy of a cell on another side is found, other cells are not taken for it."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage

from multiscope.data.crops import Crops
from multiscope.split import copies as module
from multiscope.split.copies import copies

Array = npt.NDArray[Any]
SIDES = ["train"] * 20 + ["test"] * 20


def fake(images: Array) -> Any:
    """Crops that are in memory."""
    return SimpleNamespace(
        table=pd.DataFrame({"cell_id": [f"c{i}" for i in range(len(images))]}),
        channels=[f"ch{i}" for i in range(images.shape[1])],
        size=images.shape[-1],
        read=lambda rows, channels: images[rows][:, channels],
    )


def cells(n: int, channels: int = 2, side: int = 64, seed: int = 0) -> Array:
    """Round cells with structures inside (n, C, S, S), a little off the middle, as a camera gives them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side][:, None, None] - (side - 1) / 2 - rng.normal(0, 1, (2, n, 1, 1, 1))
    body = 1 / (1 + np.exp((np.hypot(y, x) - side * rng.uniform(0.2, 0.3, (n, 1, 1, 1))) / 1.5))
    blur = side / 24
    inside = ndimage.gaussian_filter(rng.normal(size=(n, channels, side, side)), (0, 0, blur, blur)) * 4 * blur
    return rng.poisson((100 + 600 * body * (1 + 0.5 * inside)).clip(0)).astype(np.uint16)


def as_jpeg(crop: Array) -> Array:
    planes = []
    for plane in crop:
        file = io.BytesIO()
        Image.fromarray((plane / plane.max() * 255).astype(np.uint8)).save(file, "jpeg", quality=60)
        planes.append(np.asarray(Image.open(file)))
    return np.stack(planes)


def noisy(crop: Array) -> Array:
    """With noise of 5 % of the range of each channel."""
    low, high = np.percentile(crop, (1, 99.5), axis=(-2, -1), keepdims=True)
    return crop + np.random.default_rng(1).normal(0, 0.05, crop.shape) * (high - low)


def moved(crop: Array, by: tuple[int, int]) -> Array:
    """As if cut a pixel beside: what comes in at the border is not what goes out."""
    return np.pad(crop, ((0, 0), (1, 1), (1, 1)), mode="reflect")[
        :, 1 + by[0] : 1 + by[0] + crop.shape[1], 1 + by[1] : 1 + by[1] + crop.shape[2]
    ]


CHANGES: dict[str, Callable[[Array], Array]] = {
    "same": lambda crop: crop,
    "brighter": lambda crop: crop * 1.7 + 40,
    "noisy": noisy,
    "smoothed": lambda crop: ndimage.gaussian_filter(crop.astype(float), (0, 1, 1)),
    "jpeg": as_jpeg,
    **{f"moved {by}": lambda crop, by=by: moved(crop, by) for by in itertools.product((-1, 0, 1), repeat=2) if any(by)},
    "moved and noisy": lambda crop: noisy(moved(crop, (1, -1))),
}


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_copy_on_another_side_is_found_and_nothing_else(change: Callable[[Array], Array], channels: int) -> None:
    images = cells(40, channels)
    images[25] = change(images[3]).clip(0, 65535).astype(np.uint16)
    assert copies(fake(images), SIDES) == [("c3", "c25")]
    assert copies(fake(images), SIDES[::-1]) == [("c3", "c25")]
    assert copies(fake(images), ["train"] * 40) == []


@pytest.mark.parametrize("side", [41, 100])
def test_crops_of_any_size(side: int) -> None:
    images = cells(40, side=side)
    images[25] = noisy(images[3]).clip(0).astype(np.uint16)
    assert copies(fake(images), SIDES) == [("c3", "c25")]


@pytest.mark.parametrize("channels", [1, 2])
def test_different_cells_are_no_copies(channels: int) -> None:
    assert copies(fake(cells(600, channels)), ["train", "test", "val"] * 200) == []


def test_one_channel_alike_is_no_copy_where_the_other_differs() -> None:
    images = cells(40)
    images[25, 0] = images[3, 0]
    assert copies(fake(images), SIDES) == []


def test_a_channel_in_which_one_crop_is_empty_does_not_count() -> None:
    images = cells(40)
    images[:, 1] = 7
    images[25] = noisy(images[3]).clip(0).astype(np.uint16)
    images[25, 1] = 7
    assert copies(fake(images), SIDES) == [("c3", "c25")]


@pytest.mark.parametrize(("strength", "channels"), [(10, {1, 2}), (25, {2}), (40, set())])
def test_how_alike_they_must_be(strength: float, channels: set[int]) -> None:
    """Correlations of 0.997, 0.984 and 0.960; a channel alone must be more alike."""
    crop = cells(1, 1)[0]
    other = ndimage.gaussian_filter(np.random.default_rng(2).normal(size=crop.shape), (0, 2, 2))
    images = np.stack([crop, crop + strength * other / other.std()])
    for n in (1, 2):
        found = copies(fake(np.repeat(images, n, axis=1)), ["train", "test"])
        assert found == ([("c0", "c1")] if n in channels else [])


@pytest.mark.parametrize("level", [0, 100, 60_000])
def test_empty_crops_are_no_copies_of_each_other(level: int) -> None:
    images = np.full((4, 2, 64, 64), level, np.uint16)
    assert copies(fake(images), ["train", "train", "test", "test"]) == []
    assert copies(fake(images.astype(np.float32) / 3), ["train", "train", "test", "test"]) == []


def test_copies_of_all_sides_are_found_in_any_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    images = cells(12)[rng.integers(0, 12, 60)]
    images = (images + rng.normal(0, 5, images.shape)).clip(0).astype(np.uint16)
    sides = rng.choice(["train", "val", "test"], 60).tolist()
    once = copies(fake(images), sides)
    source = np.random.default_rng(3).integers(0, 12, 60)
    pairs = itertools.combinations(range(60), 2)
    assert once == [(f"c{i}", f"c{j}") for i, j in pairs if source[i] == source[j] and sides[i] != sides[j]]
    monkeypatch.setattr(module, "_BLOCK", 7)
    monkeypatch.setattr(module, "_BATCH", 2)
    assert copies(fake(images), sides) == once
    monkeypatch.setattr(module, "MOST", 5)
    assert 5 <= len(copies(fake(images), sides)) < len(once)


@pytest.mark.parametrize("by", ["cell_id", "protein"])
def test_cells_of_the_virtual_screen_are_no_copies(tiny_crops: Path, by: str) -> None:
    crops = Crops(tiny_crops)
    number = crops.table.groupby(by, sort=False).ngroup()
    assert copies(crops, number.map(lambda n: ("train", "val", "test")[n % 3]).tolist()) == []


def test_real_cells_are_no_copies_but_their_noisy_copies_are(real_data: Path) -> None:
    import zipfile

    with zipfile.ZipFile(real_data / "yeast_gfp" / "images.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.endswith("_gfp.tif"))[::4]
        pairs = [(name, name.replace("_gfp.tif", "_rfp.tif")) for name in names]
        images = np.stack(
            [[np.asarray(Image.open(io.BytesIO(archive.read(n)))) for n in pair] for pair in pairs]
        ).astype(np.float32)
    sides = ["train", "test"] * (len(images) // 2) + ["val"] * (len(images) % 2)
    assert len(images) > 200 and copies(fake(images), sides) == []
    again = np.concatenate([images, np.stack([noisy(crop) for crop in images[:20]]).astype(np.float32)])
    expected = [(f"c{i}", f"c{len(images) + i}") for i in range(20)]
    assert copies(fake(again), ["train"] * len(images) + ["test"] * 20) == expected
