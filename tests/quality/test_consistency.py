"""Images whose metadata disagree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multiscope.images.image import ImageInfo
from multiscope.quality.consistency import Consistency
from multiscope.quality.notice import Notice
from multiscope.stores.pixel_size import PixelSize


def info(name: str = "a", **facts: Any) -> ImageInfo:
    usual = {"shape": (1, 2, 1, 64, 64), "dtype": np.dtype(np.uint16), "channels": ("gfp", "rfp")}
    size = {"pixel_size": PixelSize(None, 0.2, 0.2)}
    return ImageInfo(name=name, where=name, format="TIFF", **{**usual, **size, **facts})


def told(*infos: ImageInfo) -> dict[str, Notice]:
    gathered = Consistency()
    for one in infos:
        gathered.add(one)
    return {notice.code: notice for notice in gathered.notices()}


def test_images_that_agree_need_no_notice() -> None:
    assert told(info("a"), info("b")) == {}


def test_what_differs_is_told_with_counts_and_examples() -> None:
    others = [
        info("t", dtype=np.dtype(np.float32)),
        info("s", shape=(1, 2, 1, 64, 60)),
        info("p", pixel_size=PixelSize(None, 0.4, 0.4)),
        info("c", channels=("GFP", "rfp")),
    ]
    found = told(info("a"), info("b"), info("d"), *others)
    codes = {"t": "mixed_dtype", "s": "mixed_shape", "p": "mixed_pixel_size", "c": "mixed_channels"}
    assert {notice.examples[0]: code for code, notice in found.items()} == codes
    assert "6 of 7 images have the type uint16, others float32 (1)" in found["mixed_dtype"].text
    assert "others 'GFP', 'rfp' (1)" in found["mixed_channels"].text


def test_pixel_sizes_that_are_missing_are_not_called_mixed() -> None:
    found = told(info("a"), info("b", pixel_size=PixelSize()))
    assert found.keys() == {"no_pixel_size"}
    assert found["no_pixel_size"].level == "information"


def test_jpeg_eight_bits_and_oblong_pixels() -> None:
    found = told(info("a", lossy=True, dtype=np.dtype(np.uint8), pixel_size=PixelSize(None, 0.2, 0.3)))
    assert {code: notice.level for code, notice in found.items()} == {
        "anisotropic": "warning",
        "jpeg": "warning",
        "eight_bit": "information",
    }


def test_remarks_of_the_reader_are_passed_on() -> None:
    assert "1 of 2 images: no unit" in told(info("a"), info("b", remarks=("no unit",)))["remark"].text


@pytest.mark.parametrize(("size", "is_told"), [(6.45, True), (0.005, True), (0.01, False), (2.0, False), (None, False)])
def test_a_pixel_size_that_cannot_be_the_samples(size: float | None, is_told: bool) -> None:
    found = told(info("a", pixel_size=PixelSize(None, size, size)))
    assert ("implausible_pixel_size" in found) == is_told


def test_an_implausible_pixel_size_is_told_with_its_number_and_what_to_do() -> None:
    said = told(*(info(name, pixel_size=PixelSize(None, 6.45, 6.45)) for name in "ab"), info("c"))
    notice = said["implausible_pixel_size"]
    assert (notice.level, notice.n, notice.examples) == ("warning", 2, ("a", "b"))
    assert notice.text.startswith("2 of 3 images say that a pixel is 6.45 um large. Perhaps it is the camera's pixel")
    assert "pixel_size_um" in notice.text
