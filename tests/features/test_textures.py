"""Granularity, rings, co-occurrence, correlation and moments on images whose features are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.feature import graycomatrix, graycoprops

from multiscope.features.classic import classic_features
from multiscope.features.granularity import RADII, granularity, openings
from multiscope.features.regions import regions_of
from multiscope.features.texture import DISTANCES, LEVELS, texture
from tests.features.cells import XX, YY, Floats, disks, ellipses, noisy


def spectrum(weights: Floats) -> Floats:
    return np.array(list(granularity(weights, weights > -1).values()))[:, 0]


@pytest.mark.parametrize("radius", range(1, RADII))
def test_a_disk_goes_with_the_next_larger_opening(radius: int) -> None:
    cross, square = ndimage.generate_binary_structure(2, 1), np.ones((3, 3))
    disk = np.zeros((1, 64, 64))
    disk[0, 20, 20] = disk[0, 45, 40] = 1
    for step in range(1, radius + 1):
        disk[0] = ndimage.grey_dilation(disk[0], footprint=cross if step % 2 else square)
    found = spectrum(disk)
    assert found[radius] == 1 and found.sum() == 1


def test_openings_are_those_of_scipy() -> None:
    planes = noisy(disks(2))[:, 0]
    everywhere = np.ones(planes.shape, bool)
    first, second = list(openings(planes, everywhere, 2))
    cross = ndimage.generate_binary_structure(2, 1)
    octagon = ndimage.binary_dilation(np.pad(cross, 1), np.ones((3, 3)))
    for found, footprint in ((first, cross), (second, octagon)):
        padded = np.pad(planes, ((0, 0), (4, 4), (4, 4)), mode="edge")
        expected = np.stack([ndimage.grey_opening(plane, footprint=footprint) for plane in padded])[:, 4:-4, 4:-4]
        np.testing.assert_allclose(found[:, 6:-6, 6:-6], expected[:, 6:-6, 6:-6], rtol=1e-6)


def test_rings_share_a_flat_disk_by_their_area() -> None:
    masks = disks(1, radius=24)
    found = classic_features(np.where(masks, 3.0, 1.0)[:, None], masks, ["p"]).iloc[0]
    shares = found.filter(like="Radial_fraction")
    np.testing.assert_allclose(shares, np.array([1, 3, 5, 7]) / 16, atol=0.02)
    np.testing.assert_allclose(found.filter(like="Radial_mean"), 1, rtol=1e-5)
    np.testing.assert_allclose(found.filter(like="Radial_cv"), 0, atol=1e-3)


def test_light_at_the_rim_is_outside_and_far() -> None:
    masks, distance = disks(1, radius=24), np.hypot(YY - 31.5, XX - 31.5)
    images = np.stack([np.where(masks[0], 1.0 + 9 * part, 0) for part in (distance > 19, distance < 9)])[:, None]
    found = classic_features(images, disks(2, radius=24), ["p"])
    rim, middle = (row for _, row in found.iterrows())
    assert rim["Radial_mean_4_p"] > 1.5 > rim["Radial_mean_1_p"]
    assert rim["Moments_distance_p"] > 2 / 3 > middle["Moments_distance_p"]
    assert rim["Moments_depth_p"] < 1 / 3 < middle["Moments_depth_p"]
    assert rim["Moments_concentration_p"] > 1 > middle["Moments_concentration_p"]


def test_texture_is_that_of_scikit_image() -> None:
    whole = np.ones((1, 40, 40), bool)
    levels = np.random.default_rng(0).integers(0, LEVELS, (40, 40))
    levels = np.sort(levels, axis=1)
    found = texture((levels + 0.5)[None], regions_of(whole))
    angles = np.arange(4) * np.pi / 4
    counts = graycomatrix(levels.astype(np.uint8), DISTANCES, angles, levels=LEVELS, symmetric=True).sum(-1)
    shares = (counts / counts.sum((0, 1)))[..., None]
    for name, theirs in {"contrast": "contrast", "homogeneity": "homogeneity", "energy": "ASM"}.items():
        ours = [found[f"{name}_{distance}"][0] for distance in DISTANCES]
        np.testing.assert_allclose(ours, graycoprops(shares, theirs)[:, 0], rtol=1e-6)
    ours = [found[f"correlation_{distance}"][0] for distance in DISTANCES]
    np.testing.assert_allclose(ours, graycoprops(shares, "correlation")[:, 0], rtol=1e-6)


@pytest.mark.parametrize("distance", DISTANCES)
def test_texture_is_that_of_mahotas(distance: int) -> None:
    import mahotas

    masks = ellipses(6)
    levels = np.random.default_rng(0).integers(1, LEVELS + 1, masks.shape)
    levels[3:] = np.kron(levels[3:, ::4, ::4], np.ones((4, 4), int))
    found = texture(levels + 0.5, regions_of(masks))
    # diagonal neighbours are as far as the others, by the nearest pixel; mahotas steps as often
    diagonal = round(distance / np.sqrt(2))
    steps = {0: distance, 1: diagonal, 2: distance, 3: diagonal}
    columns = {"energy": 0, "contrast": 1, "correlation": 2, "variance": 3, "homogeneity": 4, "entropy": 8}
    for at, plane in enumerate(levels * masks):
        pairs = [mahotas.features.texture.cooccurence(plane, k, distance=d) for k, d in steps.items()]
        theirs = mahotas.features.texture.haralick_features([sum(pairs)], ignore_zeros=True)[0]
        for name, of in columns.items():
            assert found[f"{name}_{distance}"][at] == pytest.approx(theirs[of], rel=1e-6, abs=1e-9), name


def test_texture_knows_coarse_from_fine() -> None:
    rng, masks = np.random.default_rng(0), disks(1)
    fine = rng.normal(size=(1, 1, 64, 64))
    coarse = ndimage.gaussian_filter(fine, (0, 0, 2, 2))
    first, second = (classic_features(image, masks, ["p"]).iloc[0] for image in (fine, coarse))
    assert first["Texture_correlation_1_p"] < 0.2 < 0.8 < second["Texture_correlation_1_p"]
    assert first["Texture_contrast_1_p"] > 2 * second["Texture_contrast_1_p"]


def test_pearson_is_that_of_numpy_and_manders_of_its_definition() -> None:
    masks = ellipses(5)
    images = noisy(masks)
    images[:, 1] += images[:, 0]
    found = classic_features(images, masks, ["a", "b"])
    pixels = [image[:, mask] for image, mask in zip(images, masks, strict=True)]
    np.testing.assert_allclose(found["Correlation_a_b"], [np.corrcoef(both)[0, 1] for both in pixels], rtol=1e-5)
    split = np.zeros((1, 2, 64, 64))
    split[0, 0, :, :28], split[0, 1, :, :36] = 2.0, 4.0
    middle = classic_features(split * disks(1)[:, None], disks(1), ["a", "b"]).iloc[0]
    assert middle["Manders_a_b"] == 1 and middle["Manders_b_a"] < 0.8
