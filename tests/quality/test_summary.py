"""What only many images together show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from multiscope.quality.look import look_at
from multiscope.quality.notice import MOST_EXAMPLES, Notice
from multiscope.quality.summary import Quality
from tests.quality.test_duplicates import as_jpeg, cells, vignetted

Array = npt.NDArray[Any]


def told(images: dict[str, Array], *, fields: bool = True) -> dict[str, Notice]:
    """Notices by code on images (Y, X) of one channel."""
    quality = Quality(fields=fields)
    for name, image in images.items():
        quality.add(look_at(name, [image[None]], channels=["gfp"]))
    return {notice.code: notice for notice in quality.notices()}


def fields(n: int) -> dict[str, Array]:
    return {f"f{i}": cells(i) for i in range(n)}


def test_sound_fields_are_not_warned_of() -> None:
    assert {code: notice.level for code, notice in told(fields(6)).items()} == {"unused_bits": "information"}


def test_one_notice_says_how_many_and_which_is_worst() -> None:
    images = fields(9) | {f"dark{i}": np.minimum(cells(i), 600 - 20 * i) for i in range(7)}
    notice = told(images)["saturated"]
    assert (notice.n, notice.level, len(notice.examples)) == (7, "warning", MOST_EXAMPLES)
    assert notice.text.startswith("7 of 16 images, most in 'dark6', channel 'gfp': ")
    assert notice.text.endswith("expose less, and do not measure brightness here.")


def test_identical_pixels_are_found_once_and_not_as_near_duplicates() -> None:
    found = told(fields(4) | {"again": cells(2)})
    assert found["duplicate"].n == 1
    assert "'f2', channel 'gfp' and 'again', channel 'gfp'" in found["duplicate"].text
    assert "near_duplicate" not in found


def test_the_same_channel_twice_and_a_frame_that_stands_still() -> None:
    quality = Quality()
    image = cells(0)
    quality.add(look_at("twice", [np.stack([image, image])], channels=["a", "b"]))
    quality.add(look_at("movie", [cells(t)[None] for t in (4, 5, 5)], channels=["a"]))
    notice = next(notice for notice in quality.notices() if notice.code == "duplicate")
    assert notice.n == 2
    assert notice.examples == (
        "'twice', channel 'a' = 'twice', channel 'b'",
        "'movie', channel 'a', time 1 = 'movie', channel 'a', time 2",
    )


def test_a_picture_saved_again_is_a_near_duplicate() -> None:
    notice = told(fields(4) | {"slide": as_jpeg(cells(1))})["near_duplicate"]
    assert (notice.n, notice.examples) == (1, ("'f1' ~ 'slide'",))


def test_blank_images_are_no_duplicates_of_each_other() -> None:
    found = told(fields(3) | {f"blank{i}": np.zeros((256, 256), np.uint16) for i in range(3)})
    assert found["constant"].n == 3
    assert not {"duplicate", "near_duplicate"} & found.keys()


def test_a_hot_pixel_of_the_camera_comes_back() -> None:
    images = fields(6)
    for image in images.values():
        image[30, 40] = 2500  # no single image proves it, and in one a cell lies there
    notice = told(images)["hot_pixels"]
    assert "x 40, y 30 of channel 'gfp' in 5 of 6" in notice.text


def test_vignetting_is_found_from_the_mean_of_fields_and_not_in_crops() -> None:
    images = {f"v{i}": vignetted(i) for i in range(4)}
    assert "in the mean of 4 fields the background falls" in told(images)["uneven_illumination"].text
    assert "uneven_illumination" not in told(images, fields=False)


def test_a_few_images_of_another_range_are_told() -> None:
    images = fields(8) | {"stretched": (cells(20) / 16).astype(np.uint16)}
    notice = told(images)["mixed_range"]
    assert (notice.n, notice.examples) == (1, ("stretched",))


def test_warnings_come_first() -> None:
    levels = [notice.level for notice in told(fields(3) | {"dark": np.minimum(cells(0), 500)}).values()]
    assert levels == sorted(levels, reverse=True)


def test_foreign_names_cannot_bring_control_characters_into_a_sentence() -> None:
    assert all(c.isprintable() for c in told({"a\x1b[31m\n": np.minimum(cells(0), 500)})["saturated"].text)


@pytest.mark.parametrize(
    ("path", "is_uneven"),
    [("cellprofiler_examples/illumination_AS_09047.zip", True), ("dsb2018_nuclei/images", False)],
)
def test_vignetting_of_real_fields(real_data: Path, path: str, is_uneven: bool) -> None:
    from multiscope.images.open import open_images

    with open_images(real_data / path) as source:
        images = {image.info.name: image.read()[0, 0] for image in list(source)[:40]}
    assert ("uneven_illumination" in told(images)) == is_uneven
