"""The same picture is found again, other pictures are not taken for it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import ndimage

from multiscope.quality.duplicates import ALIKE, SIDE, near_duplicates, pixel_digest, thumbnail

Array = npt.NDArray[Any]
rng = np.random.default_rng(0)
yy, xx = np.mgrid[:256, :256]


def cells(seed: int, n: int = 25) -> Array:
    """A field (Y, X) of round cells on a noisy background."""
    own = np.random.default_rng(seed)
    image = np.full((256, 256), 200.0)
    for y, x in own.uniform(10, 246, (n, 2)):
        image += own.uniform(500, 2000) * np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / (2 * own.uniform(4, 8) ** 2))
    return own.poisson(image).astype(np.uint16)


def as_jpeg(image: Array) -> Array:
    file = io.BytesIO()
    Image.fromarray((image / image.max() * 255).astype(np.uint8)).save(file, "jpeg", quality=75)
    return np.asarray(Image.open(file))


def test_a_digest_is_that_of_the_values() -> None:
    image = cells(0)
    assert pixel_digest(image) == pixel_digest(image.astype(">u2")) == pixel_digest(image[None, None])
    assert pixel_digest(image) == pixel_digest(np.asfortranarray(image))
    assert pixel_digest(image) != pixel_digest(image.reshape(128, 512))
    changed = image.copy()
    changed[7, 9] += 1
    assert pixel_digest(changed) != pixel_digest(image)


@pytest.mark.parametrize(
    "alter",
    [
        lambda image: image + rng.normal(0, 60, image.shape),
        lambda image: image * 0.3 + 1000,
        as_jpeg,
        lambda image: ndimage.gaussian_filter(image.astype(float), 1),
        lambda image: np.where((yy == 5) & (xx == 9), 60000, image),
        lambda image: ndimage.zoom(image, 2, order=1),
    ],
    ids=["noise", "rescaled", "jpeg", "blurred", "hot pixel", "enlarged"],
)
def test_an_altered_copy_is_found(alter: Any) -> None:
    originals = [cells(seed) for seed in range(6)]
    pairs = near_duplicates(np.stack([thumbnail(image) for image in [*originals, alter(originals[2])]]))
    assert pairs == [(2, 6)]


def empty(seed: int) -> Array:
    """No cell, or a single one."""
    return cells(seed, seed % 2)


def vignetted(seed: int) -> Array:
    light = 60 * np.exp(-((yy - 128) ** 2 + (xx - 128) ** 2) / 2e4) + 10
    return np.random.default_rng(seed).poisson(light).astype(np.uint16)


def centred(seed: int) -> Array:
    """A crop with a cell in its middle."""
    own = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64] - 31.5
    height, width = own.uniform(8, 12, 2)
    return own.poisson(100 + 500 * np.exp(-(y**2) / height**2 / 2 - x**2 / width**2 / 2)).astype(np.uint16)


@pytest.mark.parametrize("make", [cells, empty, vignetted, centred])
def test_other_pictures_are_not_taken_for_copies(make: Any) -> None:
    assert near_duplicates(np.stack([thumbnail(make(seed)) for seed in range(60)])) == []


def test_constant_images_are_no_copies_of_each_other() -> None:
    thumbnails = np.stack([thumbnail(np.full((40, 50), value, np.float32)) for value in (0, 0.1, 7, 7)])
    assert not thumbnails.any()
    assert near_duplicates(thumbnails) == []


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (31, 33), (2, 3, 70, 90)])
def test_images_of_any_size_have_a_thumbnail(shape: tuple[int, ...]) -> None:
    found = thumbnail(rng.integers(0, 99, shape).astype(np.uint16))
    assert found.shape == (SIDE * SIDE,)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5) or not found.any()


def test_pairs_are_those_of_all_correlations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiscope.quality.duplicates._BLOCK", 7)
    vectors = rng.normal(size=(40, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows, columns = np.nonzero(np.triu(vectors @ vectors.T >= 0.8, 1))
    assert sorted(near_duplicates(vectors, 0.8)) == list(zip(rows.tolist(), columns.tolist(), strict=True))


def test_real_fields_of_one_plate_are_told_apart(real_data: Path) -> None:
    from multiscope.images.open import open_images

    with open_images(real_data / "cellprofiler_examples" / "illumination_AS_09047.zip") as source:
        fields = [image.read()[0, 0] for image in list(source)[:24]]
    thumbnails = np.stack([thumbnail(field) for field in [*fields, as_jpeg(fields[3])]])
    assert near_duplicates(thumbnails, ALIKE) == [(3, 24)]
