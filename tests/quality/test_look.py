"""What single images show: every check fires on what it looks for, and on nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from multiscope.quality.look import ChannelLook, look_at
from tests.quality.test_duplicates import as_jpeg, cells

Array = npt.NDArray[Any]
rng = np.random.default_rng(0)


def codes(image: Array) -> list[str]:
    return [finding.code for finding in seen(image).findings]


def seen(image: Array) -> ChannelLook:
    return look_at("x", [image[None]], channels=["gfp"]).channels[0]


def said(image: Array, code: str) -> str:
    return next(finding.seen for finding in seen(image).findings if finding.code == code)


def with_bar(image: Array) -> Array:
    image = image.copy()
    image[236:241, 180:240] = image.max()
    return image


def with_text(image: Array) -> Array:
    canvas = Image.new("L", (256, 256))
    ImageDraw.Draw(canvas).text((120, 8), "00:15 min", fill=1, font=ImageFont.load_default(size=16))
    return np.where(np.asarray(canvas) > 0, 4095, image).astype(np.uint16)


def with_margin(image: Array) -> Array:
    image = image.copy()
    image[:, :12] = 0
    return image


def with_hot_pixel(image: Array) -> Array:
    image = image.copy()
    image[100, 50] = 60000
    return image


@pytest.mark.parametrize("seed", range(8))
def test_a_sound_image_gives_no_finding(seed: int) -> None:
    assert codes(cells(seed)) == []


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (lambda image: np.minimum(image, 1023), "saturated", "% of its pixels are 1023, the most that 10 bits hold"),
        (lambda image: np.minimum(image, 1300), "saturated", "% of its pixels are 1300, where its values end"),
        (lambda image: np.maximum(image, 215) - 215, "clipped", "% of its pixels are 0, where its values begin"),
        (lambda image: image + 32768, "offset", "as if 32768 were added to all"),
        (lambda image: image * 0 + 7, "constant", "every pixel is 7"),
        (lambda image: np.where(image == image.max(), 9, 0), "empty", "99.8 % of its pixels or more are 0"),
        (lambda image: np.where(image > 900, np.nan, image.astype(np.float32)), "not_finite", "NaN or infinite"),
        (with_bar, "annotation", "a bar or box of 60 x 5 pixels"),
        (with_margin, "annotation", "a bar or box of 12 x 256 pixels, all 0, at x 0, y 0"),
        (with_text, "annotation", "text of "),
        (with_hot_pixel, "hot_pixels", "one pixel rises far above all neighbours, to 60000 at x 50, y 100"),
        (as_jpeg, "jpeg_grid", "every eighth pixel"),
        (lambda image: ndimage.label(image > 600)[0].astype(np.uint16), "label_image", "in even patches"),
    ],
)
def test_a_spoilt_image_is_told_with_numbers(spoil: Any, code: str, words: str) -> None:
    image = spoil(cells(3))
    image = image.astype(np.uint16) if image.dtype.kind == "i" else image
    assert code in codes(image)
    assert words in said(image, code)


def test_twelve_bits_in_the_upper_part_of_sixteen_are_saturated_at_their_own_maximum() -> None:
    image = np.minimum(cells(1) * 3, 4095).astype(np.uint16) * 16
    assert "65520, the most that 12 bits hold" in said(image, "saturated")


def test_the_brightest_pixel_of_a_stretched_image_is_not_saturated() -> None:
    image = cells(0).astype(float)
    assert codes(((image - image.min()) / np.ptp(image) * 255).astype(np.uint8)) == []


def test_saturated_nuclei_are_no_annotation() -> None:
    assert "annotation" not in codes(np.minimum(cells(5, 60), 700))


def test_time_points_are_gathered_and_each_has_its_digest() -> None:
    frames = [np.stack([cells(t)[None], cells(t + 9)[None]]) for t in (0, 1, 0)]
    look = look_at("movie", iter(frames), channels=["a", "b"])
    first, second = look.channels
    assert first.digests[0] == first.digests[2] != first.digests[1]
    assert first.statistics.maximum == max(frame[0].max() for frame in frames)
    assert (first.channel, second.channel, second.statistics.n_pixels) == ("a", "b", 3 * 256 * 256)


def test_channels_without_names_are_numbered() -> None:
    look = look_at("x", [np.stack([cells(0), cells(1)])], channels=[])
    assert [part.channel for part in look.channels] == ["0", "1"]


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 3), (1, 2, 2), (1, 3, 5, 4)])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.float64])
def test_images_of_any_size_and_type_can_be_looked_at(shape: tuple[int, ...], dtype: Any) -> None:
    look_at("x", [rng.integers(0, 2, shape).astype(dtype)], channels=[])


@pytest.fixture(scope="module")
def neubias(real_data: Path) -> dict[str, list[str]]:
    """Codes found in the first channels of real images, by file name."""
    from multiscope.images.open import open_images

    found: dict[str, list[str]] = {}
    with open_images(real_data / "neubias") as source:
        for image in source:
            look = look_at(image.info.name, [image.read()], channels=())
            found[image.info.name] = [f.code for part in look.channels for f in part.findings]
    return found


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("xy_16bit__scanR_datatype_issue.tif", "offset"),
        ("xy_12bit__saturated_plant.tif", "saturated"),
        ("xy_8bit__nuclei_intensity_clipping_issue_a.tif", "saturated"),
        ("xyc_16bit__membranes_nuclei_hot_pixel.tif", "hot_pixels"),
        ("xyc_16bit__hela-cells.tif", "annotation"),
        ("xy_8bit_labels__nup.tif", "label_image"),
    ],
)
def test_known_faults_of_real_images_are_found(neubias: dict[str, list[str]], name: str, code: str) -> None:
    assert code in neubias[name]


def test_real_images_without_fault_give_no_false_alarm(neubias: dict[str, list[str]]) -> None:
    assert neubias["xyc_8bit__membranes_nuclei.tif"] == []
    fired = {code: sum(code in codes for codes in neubias.values()) for code in ("annotation", "jpeg_grid", "offset")}
    assert fired == {"annotation": 1, "jpeg_grid": 0, "offset": 3}
