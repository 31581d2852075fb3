"""What is measured of objects, and which of them are kept."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import regionprops_table

from multiscope.config import Crop
from multiscope.crop.cells import at_ceiling, background_of, find_objects, measure
from multiscope.crop.choice import REASONS, choose


def field(seed: int = 0, *, noise: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    """Two channels of 80 x 90 with three cells, numbered 2, 30 and 400."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((80, 90), np.uint32)
    labels[20:32, 20:32], labels[20:32, 60:72], labels[55:65, 40:60] = 2, 30, 400
    image = 100 + rng.normal(0, noise, (2, 80, 90))
    image[0, labels == 2] += 200
    image[1, labels == 400] += 50
    return image.round().astype(np.uint16), labels


@given(seed=st.integers(0, 999), n=st.integers(0, 12))
def test_areas_centroids_boxes_and_solidity_agree_with_scikit_image(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.zeros((40, 50), np.uint32)
    for number in rng.choice(10**6, n, replace=False):
        y, x = rng.integers(0, 40), rng.integers(0, 50)
        labels[y : y + rng.integers(1, 9), x : x + rng.integers(1, 9)] = number + 1
    objects = find_objects(labels)
    names = ["label", "area", "centroid", "bbox", "solidity"]
    expected = pd.DataFrame(regionprops_table(labels.astype(np.int64), properties=names))
    found = objects.table.assign(solidity=measure(np.zeros((1, 40, 50), np.uint8), objects)["solidity"])
    np.testing.assert_array_equal(found[["label", "area"]], expected[["label", "area"]])
    np.testing.assert_array_equal(found[["y", "x"]], expected[["centroid-0", "centroid-1"]])
    boxes = [f"bbox-{i}" for i in range(4)]
    np.testing.assert_array_equal(found[["top", "left", "bottom", "right"]], expected[boxes])
    np.testing.assert_allclose(found["solidity"], expected["solidity"])


def test_contrast_is_that_of_the_best_channel_in_deviations_of_the_background() -> None:
    image, labels = field()
    measured = measure(image, find_objects(labels))
    assert measured["contrast"].tolist() == pytest.approx([40, 0, 10], rel=0.05, abs=0.5)


def test_sharpness_is_the_variance_of_the_laplacian_over_that_of_the_pixels() -> None:
    image, labels = field()
    inside = labels == 2
    planes = image.astype(float)
    expected = max(ndimage.laplace(p, mode="nearest")[inside].var() / p[inside].var() for p in planes)
    assert measure(image, find_objects(labels))["sharpness"][0] == pytest.approx(expected)
    blurred = ndimage.gaussian_filter(planes, (0, 2, 2))
    sharp, soft = (measure(planes, find_objects(labels))["sharpness"] for planes in (image, blurred))
    assert (soft < sharp / 10).all()
    assert (measure(np.full((1, 80, 90), 7, np.uint8), find_objects(labels))["sharpness"] == 0).all()


def test_saturation_counts_the_type_s_largest_value_and_piled_up_values_but_no_single_brightest_pixel() -> None:
    image, labels = field()
    assert measure(image, find_objects(labels))["saturated"].tolist() == [0, 0, 0]
    image[1, 20:26, 20:32] = 65535
    assert measure(image, find_objects(labels))["saturated"].tolist() == [0.5, 0, 0]
    clipped = np.minimum(field(noise=50)[0], 200)
    assert measure(clipped, find_objects(labels))["saturated"][0] > 0.9
    assert not at_ceiling(np.full((4, 4), 3.0, np.float32)).any()


def test_a_flat_background_has_the_spread_of_rounding_and_a_field_full_of_cells_its_own() -> None:
    image = np.full((1, 8, 8), 100, np.uint8)
    assert background_of(image, np.zeros((8, 8), np.int64)).spread == pytest.approx([0.2887], abs=1e-4)
    full = background_of(image, np.ones((8, 8), np.int64))
    assert (full.median[0], full.spread[0]) == (100, pytest.approx(0.2887, abs=1e-4))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.float32])
def test_one_pixel_cells_lines_and_corners_are_measured_without_a_warning(dtype: type) -> None:
    labels = np.zeros((30, 30), np.uint32)
    labels[0, 0], labels[29, 29], labels[10, 10], labels[15, 5:9], labels[20:25, 3] = 1, 2, 3, 4, 5
    objects = find_objects(labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measured = measure(np.zeros((2, 30, 30), dtype), objects)
    assert np.isfinite(measured.to_numpy()).all()
    assert (measured["solidity"] == 1).all()
    cells = pd.concat([objects.table, measured], axis=1).assign(n_cut=0, n_padded=0)
    assert choose(cells, (30, 30), Crop(data="x", size=16, min_area=1)).tolist() == ["border", "border", "", "", ""]


def test_an_object_in_two_pieces_is_one_cell_around_their_common_centre_that_solidity_can_tell() -> None:
    labels = np.zeros((60, 60), np.uint32)
    labels[20:24, 20:24] = labels[20:24, 36:40] = 5
    objects = find_objects(labels)
    assert objects.table[["area", "y", "x"]].iloc[0].tolist() == [32, 21.5, 29.5]
    measured = measure(np.zeros((1, 60, 60), np.uint8), objects)
    assert measured["solidity"][0] == pytest.approx(32 / 80)
    cells = pd.concat([objects.table, measured], axis=1).assign(n_cut=0, n_padded=0)
    ragged = Crop(data="x", size=16, min_area=1, min_solidity=0.5)
    assert choose(cells, (60, 60), ragged).tolist() == ["ragged"]


GOOD = {
    "area": 100, "y": 50.0, "x": 50.0, "top": 45, "left": 45, "bottom": 55, "right": 55, "solidity": 0.9, "n_cut": 0,
    "n_padded": 0, "contrast": 5.0, "sharpness": 0.5, "saturated": 0.1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "settings"),
    [
        ("small", {"min_area": 101}),
        ("large", {"max_area": 99}),
        ("edge", {"n_padded": 1}),
        ("border", {"top": 0}),
        ("border", {"right": 100}),
        ("scattered", {"n_cut": 100}),
        ("ragged", {"min_solidity": 0.91}),
        ("faint", {"min_contrast": 5.1}),
        ("blurred", {"min_sharpness": 0.51}),
        ("saturated", {"max_saturated": 0.09}),
    ],
)
def test_each_limit_drops_what_is_beyond_it_and_keeps_what_is_on_it(reason: str, settings: dict[str, float]) -> None:
    cells = pd.DataFrame([GOOD])
    on = Crop(
        data="x", size=96, min_area=100, max_area=100, min_solidity=0.9, min_contrast=5, min_sharpness=0.5,
        max_saturated=0.1,
    )  # fmt: skip
    assert choose(cells, (100, 100), on).tolist() == [""]
    other = cells.assign(**{key: value for key, value in settings.items() if key in GOOD})
    assert choose(other, (100, 100), on.model_copy(update=settings)).tolist() == [reason]
    assert reason in REASONS


def test_without_limits_nothing_but_area_and_edge_counts() -> None:
    bad = GOOD | {"solidity": 0.01, "contrast": -50.0, "sharpness": 0.0, "saturated": 1.0}
    assert choose(pd.DataFrame([bad]), (100, 100), Crop(data="x")).tolist() == [""]
