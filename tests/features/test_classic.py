"""The table of classic features: names, finiteness, what it does not depend on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from multiscope.errors import InputError
from multiscope.features.classic import classic_features, feature_names
from tests.features.cells import disks, ellipses, noisy

CHANNELS = ["protein", "cytosol"]
IN_UNITS = r"Intensity_(?:mean|sd|integrated|edge|q\d+)_"


def table(images: npt.NDArray[Any], masks: npt.NDArray[np.bool_]) -> pd.DataFrame:
    return classic_features(images, masks, CHANNELS[: images.shape[1]])


def test_names_and_types() -> None:
    masks = ellipses(40)
    found = table(noisy(masks), masks)
    expected = {"Intensity_mean_protein", "Granularity_3_protein", "Radial_fraction_2_protein", "Shape_area"}
    expected |= {"Texture_contrast_3_cytosol", "Spots_number_cytosol", "Moments_depth_protein", "Zernike_2_0_cytosol"}
    assert expected | {"Correlation_protein_cytosol", "Manders_cytosol_protein"} <= set(found)
    assert list(found) == feature_names(CHANNELS)
    assert len(found) == 40 and set(found.dtypes) == {np.dtype(np.float32)} and found.columns.is_unique


def test_a_cell_has_the_same_features_in_any_company() -> None:
    masks = ellipses(40)
    images = noisy(masks)
    alone = pd.concat([table(images[k : k + 1], masks[k : k + 1]) for k in range(40)], ignore_index=True)
    pd.testing.assert_frame_equal(table(images, masks), alone, rtol=1e-6, atol=1e-6)


def test_turns_and_flips_change_nothing() -> None:
    masks = ellipses(12)
    images = noisy(masks)
    expected = table(images, masks)
    for turns in (1, 2):
        turned = table(np.rot90(images, turns, (-2, -1)), np.rot90(masks, turns, (-2, -1)))
        pd.testing.assert_frame_equal(turned, expected, rtol=1e-4, atol=1e-5)
    pd.testing.assert_frame_equal(table(images[..., ::-1], masks[..., ::-1]), expected, rtol=1e-4, atol=1e-5)


def test_an_offset_changes_nothing_and_a_scale_only_what_has_units() -> None:
    masks = ellipses(12)
    images = noisy(masks)
    expected, found = table(images, masks), table(images * 7 + 1000, masks)
    units = expected.columns.str.contains(IN_UNITS)
    pd.testing.assert_frame_equal(found.loc[:, ~units], expected.loc[:, ~units], rtol=1e-4, atol=1e-5)
    pd.testing.assert_frame_equal(found.loc[:, units], expected.loc[:, units] * 7, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float16, np.float32, np.float64, bool])
def test_any_real_type_will_do(dtype: Any) -> None:
    masks = ellipses(6)
    images = (noisy(masks) > 20 if dtype is bool else np.rint(noisy(masks)).clip(0, 255)).astype(dtype)
    pd.testing.assert_frame_equal(table(images, masks), table(images.astype(np.float64), masks))


@pytest.mark.parametrize("level", [0, 0.1, -3.3, 1e-30, 1e30])
@pytest.mark.parametrize("kind", ["empty", "whole", "pixel", "line", "disk"])
def test_constant_images_have_no_feature_but_shape(kind: str, level: float) -> None:
    masks = np.zeros((3, 64, 64), bool)
    where: dict[str, Any] = {"whole": np.s_[:], "pixel": np.s_[:, 5, 7], "line": np.s_[:, 9], "empty": np.s_[:0]}
    masks[where.get(kind, np.s_[:])] = disks(3) if kind == "disk" else True
    found = table(np.full((3, 2, 64, 64), level), masks)
    assert np.isfinite(found.to_numpy()).all()
    assert (found.filter(regex="^(?!Shape)").to_numpy() == 0).all()


@pytest.mark.parametrize("kind", ["flat cell", "dark cell", "one bright pixel", "noise", "cut by the border"])
def test_odd_images_have_finite_features(kind: str) -> None:
    masks = disks(3)
    images = np.full((3, 2, 64, 64), 5.0)
    if kind in ("flat cell", "dark cell"):
        images += np.where(masks, 0.1 if kind == "flat cell" else -3, 0)[:, None]
    elif kind == "one bright pixel":
        images[:, :, 30, 30] = 1e6
    else:
        images += np.random.default_rng(0).normal(0, 1, images.shape)
    if kind == "cut by the border":
        masks = np.roll(masks, (-30, -20), (1, 2))
    found = table(images, masks)
    assert np.isfinite(found.to_numpy()).all()
    assert found.filter(like="Correlation").abs().to_numpy().max() <= 1


def test_a_flat_cell_has_no_texture_and_no_spots() -> None:
    masks = ellipses(8)
    found = table(np.where(masks, 0.7, 0.1)[:, None], masks)
    assert (found.filter(regex="Texture|Spots|Granularity").to_numpy() == 0).all()
    assert found["Intensity_sd_protein"].max() < 1e-6


def test_no_cells_are_a_table_without_rows() -> None:
    found = table(np.zeros((0, 2, 64, 64), np.float32), np.zeros((0, 64, 64), bool))
    assert len(found) == 0 and list(found) == feature_names(CHANNELS) and set(found.dtypes) == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("images", "masks", "channels", "message"),
    [
        (np.zeros((2, 2, 8, 8)), np.zeros((2, 8, 9), bool), ["a", "b"], "of the same crops"),
        (np.zeros((2, 8, 8)), np.zeros((2, 8, 8), bool), ["a"], "of the same crops"),
        (np.zeros((2, 1, 8, 8), complex), np.zeros((2, 8, 8), bool), ["a"], "images are complex128"),
        (np.zeros((2, 1, 8, 8)), np.zeros((2, 8, 8), np.uint8), ["a"], "masks uint8"),
        (np.zeros((2, 2, 8, 8)), np.zeros((2, 8, 8), bool), ["a", "a"], "each named once"),
        (np.full((2, 1, 8, 8), np.nan), np.zeros((2, 8, 8), bool), ["a"], "NaN or infinite"),
    ],
)
def test_what_does_not_fit_is_refused(images: Any, masks: Any, channels: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        classic_features(images, masks, channels)
