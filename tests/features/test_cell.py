"""The cell in the middle is found in crops whose cells are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from multiscope.features.cell import central_cells
from tests.features.cells import Floats

Mask = npt.NDArray[np.bool_]
Cell = tuple[float, float, float, float]
"""Middle (y, x) and radius in shares of the side, and brightness."""
MIDDLE: Cell = (0.52, 0.49, 0.22, 30)
ALONE = [MIDDLE]
DIM_BESIDE_BRIGHT: list[Cell] = [
    (0.5, 0.5, 0.15, 12),
    (0.15, 0.2, 0.2, 120),
    (0.85, 0.85, 0.2, 110),
    (0.1, 0.8, 0.2, 90),
]
TOUCHING: list[Cell] = [(0.5, 0.5, 0.17, 50), (0.5, 0.83, 0.18, 55), (0.18, 0.42, 0.18, 45)]
OFF: list[Cell] = [(0.35, 0.6, 0.15, 40), (0.9, 0.1, 0.15, 40)]
CUT: list[Cell] = [(0.5, 0.5, 0.2, 40), (0.5, 0.0, 0.28, 60)]


def crop(cells: list[Cell], side: int = 64, *, seed: int = 0) -> tuple[Floats, Mask]:
    """A blurred, noisy image of round cells on a background of 100, and the mask of the first of them."""
    y, x = np.mgrid[:side, :side] / (side - 1)
    masks = [np.hypot(y - at_y, x - at_x) < radius for at_y, at_x, radius, _ in cells]
    light = np.max([mask * cell[3] for mask, cell in zip(masks, cells, strict=True)], axis=0)
    image = ndimage.gaussian_filter(light, side / 64) + np.random.default_rng(seed).normal(100, 3, light.shape)
    return image, masks[0]


def overlap(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("side", [48, 64, 128])
@pytest.mark.parametrize("cells", [ALONE, DIM_BESIDE_BRIGHT, TOUCHING, OFF, CUT])
def test_the_cell_in_the_middle_is_found(cells: list[Cell], side: int) -> None:
    image, expected = crop(cells, side)
    assert overlap(central_cells(image[None])[0], expected) > 0.8


def test_a_dark_place_in_a_cell_is_of_the_cell() -> None:
    image, expected = crop(ALONE)
    y, x = np.mgrid[:64, :64]
    image -= 25 * (np.hypot(y - 35, x - 28) < 6)
    assert overlap(central_cells(image[None])[0], expected) > 0.9


def test_each_crop_is_seen_for_itself() -> None:
    images = np.stack([crop(cells)[0] for cells in (ALONE, DIM_BESIDE_BRIGHT, TOUCHING, OFF, CUT)])
    together = central_cells(images)
    assert together.shape == images.shape and together.dtype == np.bool_
    np.testing.assert_array_equal(together[3], central_cells(images[3:4])[0])
    assert central_cells(images[:0]).shape == (0, 64, 64)


@pytest.mark.parametrize(
    "change", [lambda x: x * 37 + 1000, lambda x: x / 4096, lambda x: np.rint(x).astype(np.uint16)]
)
def test_units_of_brightness_change_nothing_much(change: Any) -> None:
    images = np.stack([crop(cells)[0] for cells in (ALONE, DIM_BESIDE_BRIGHT, TOUCHING)])
    for one, other in zip(central_cells(images), central_cells(change(images)), strict=True):
        assert overlap(one, other) > 0.95


@pytest.mark.parametrize("kind", ["constant", "noise", "counts", "speck"])
def test_a_crop_without_a_cell_is_all_cell(kind: str) -> None:
    rng = np.random.default_rng(0)
    images = {
        "constant": np.full((5, 64, 64), 7.0),
        "noise": rng.normal(100, 3, (5, 64, 64)),
        "counts": rng.poisson(2.0, (5, 64, 64)),
        "speck": 1000.0 * (np.arange(64 * 64).reshape(64, 64) == 2080)[None],
    }
    assert central_cells(images[kind]).all()


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint16, (1, 20, 20)))
def test_a_mask_is_never_empty(image: npt.NDArray[np.uint16]) -> None:
    assert central_cells(image).any()
