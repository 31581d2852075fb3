"""Geometry and statistics of masks against scikit-image, scipy and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from skimage.measure import regionprops

from multiscope.features.intensity import intensity
from multiscope.features.light import light_of
from multiscope.features.regions import regions_of
from multiscope.features.shape import shape
from tests.features.cells import Masks, ellipses, noisy

MASKS = ellipses(10)
PLANES = noisy(MASKS)[:, 0]
PROPS = [
    regionprops(mask.astype(np.uint8), intensity_image=plane)[0] for mask, plane in zip(MASKS, PLANES, strict=True)
]


def test_geometry_is_that_of_regionprops() -> None:
    regions = regions_of(MASKS)
    np.testing.assert_array_equal(regions.area, [p.area for p in PROPS])
    np.testing.assert_allclose(regions.centre, [p.centroid for p in PROPS])
    np.testing.assert_allclose(2 * regions.radius, [p.equivalent_diameter_area for p in PROPS])
    np.testing.assert_allclose(regions.depth[3], distance_transform_edt(MASKS[3]))


def odd_masks() -> Masks:
    """A pixel, a line, a diagonal line, a square at the border, everything, two parts."""
    masks = np.zeros((6, 64, 64), bool)
    masks[0, 5, 7] = masks[1, 9, 3:30] = masks[3, :9, :9] = masks[4] = masks[5, 5:20, 5:9] = masks[5, 50:, 50:] = True
    masks[2] = np.eye(64)
    return masks


@pytest.mark.parametrize("masks", [MASKS, odd_masks()], ids=["ellipses", "odd"])
def test_shapes_are_those_of_regionprops(masks: Masks) -> None:
    props = [regionprops(mask.astype(np.uint8))[0] for mask in masks]
    found = shape(regions_of(masks))
    for name in found.keys() - {"form"}:
        np.testing.assert_allclose(found[name], [p[name] for p in props], atol=1e-9, err_msg=name)
    assert len(found) == 6


def test_an_empty_mask_has_no_shape() -> None:
    assert all(values.tolist() == [0] for values in shape(regions_of(np.zeros((1, 8, 8), bool))).values())


def test_pixels_off_the_crop_are_outside() -> None:
    depth = regions_of(np.ones((1, 5, 5), bool)).depth[0]
    assert depth.max() == 3 and depth[0, 0] == 1


def test_statistics_are_those_of_the_pixels_inside() -> None:
    regions, shares = regions_of(MASKS), [0, 0.05, 0.31, 0.5, 1]
    inside = [plane[mask] for plane, mask in zip(PLANES, MASKS, strict=True)]
    np.testing.assert_allclose(regions.mean(PLANES), [p.intensity_mean for p in PROPS])
    np.testing.assert_allclose(regions.sd(PLANES), [pixels.std() for pixels in inside])
    np.testing.assert_allclose(regions.quantiles(PLANES, shares), [np.quantile(pixels, shares) for pixels in inside])


def test_the_background_is_the_median_outside() -> None:
    light = light_of(PLANES, MASKS)
    expected = [plane - np.median(plane[~mask]) for plane, mask in zip(PLANES, MASKS, strict=True)]
    np.testing.assert_allclose(light, expected, atol=1e-9)


def test_intensity_is_that_of_regionprops() -> None:
    light = np.maximum(light_of(PLANES, MASKS), 0)
    found = intensity(light, regions_of(MASKS))
    props = [
        regionprops(mask.astype(np.uint8), intensity_image=plane)[0] for mask, plane in zip(MASKS, light, strict=True)
    ]
    apart = [np.hypot(*np.subtract(p.centroid_weighted, p.centroid)) / p.equivalent_diameter_area * 2 for p in props]
    np.testing.assert_allclose(found["displacement"], apart, rtol=1e-6)
    np.testing.assert_allclose(found["mean"], [p.intensity_mean for p in props])
    np.testing.assert_allclose(found["integrated"], [p.intensity_mean * p.area for p in props])
