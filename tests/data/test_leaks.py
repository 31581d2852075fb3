"""Images that are on two sides of a split."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from multiscope.config import Split
from multiscope.data.leaks import LeakCheck, report_leaks, report_torn_stacks
from multiscope.errors import InputError
from multiscope.quality.look import look_at

SIDES = ("train", "val", "test")


def fields(n: int, seed: int = 0) -> list[np.ndarray]:
    """Noisy fields with a few blobs each, no two alike."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96]
    made = []
    for _ in range(n):
        spots = rng.uniform(8, 88, (12, 2))
        light = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / 40) for a, b in spots)
        made.append(rng.poisson(100 + 400 * np.asarray(light)).astype(np.uint16)[None])
    return made


def check(images: list[np.ndarray], sides: list[str], *, near: bool = True) -> list[tuple[str, str]]:
    collected = LeakCheck()
    for number, (image, side) in enumerate(zip(images, sides, strict=True)):
        if near:
            collected.add(look_at(f"f{number}", [image], channels=["a"]), side)
        else:
            collected.add_crop(f"f{number}", side, image)
    return collected.leaks()


def test_different_fields_are_no_leak() -> None:
    images = fields(30)
    assert check(images, [SIDES[i % 3] for i in range(30)]) == []


@pytest.mark.parametrize("near", [True, False])
def test_copies_on_two_sides_are_found_and_on_one_side_not(near: bool) -> None:
    images = fields(6)
    images[4], images[5] = images[0].copy(), images[1].copy()
    assert check(images, ["train", "train", "val", "test", "test", "train"], near=near) == [("f0", "f4")]


def test_three_copies_on_three_sides() -> None:
    images = [fields(1)[0]] * 3
    assert check(images, list(SIDES)) == [("f0", "f1"), ("f0", "f2"), ("f1", "f2")]


def test_the_same_field_acquired_again_is_found() -> None:
    images, rng = fields(4), np.random.default_rng(1)
    brighter = images[2].astype(np.float64) * 1.5 + 30 + rng.normal(0, 10, images[2].shape)
    images.append(brighter.astype(np.uint16))
    assert check(images, ["train"] * 4 + ["test"]) == [("f2", "f4")]
    assert check(images, ["train"] * 4 + ["test"], near=False) == []


def test_leaks_are_refused_or_said() -> None:
    leaks = [("a", "b"), ("c", "d"), ("e", "f"), ("g", "h")]
    with pytest.raises(
        InputError, match=r"^here: .*a and b, c and d, e and f and 1 more.*set split.near_duplicates to"
    ):
        report_leaks(leaks, Split(), where="here")
    assert "a and b" in report_leaks(leaks, Split(near_duplicates="warn"), where="here")[0]
    assert report_leaks([], Split(), where="here") == []


def test_empty_images_are_no_copies_of_each_other() -> None:
    empty = [np.zeros((1, 64, 64), np.uint16)] * 2
    for near in (True, False):
        assert check(empty, ["train", "test"], near=near) == []


def test_a_channel_in_which_there_is_nothing_hides_no_copy() -> None:
    first, *_ = fields(1)
    rng, collected = np.random.default_rng(1), LeakCheck()
    for name, side in (("f0", "train"), ("f1", "test")):
        noisy = (first + rng.poisson(20, first.shape)).astype(np.uint16)
        image = np.concatenate([noisy, np.zeros_like(first)])
        collected.add(look_at(name, [image], channels=["a", "b"]), side)
    assert collected.leaks() == [("f0", "f1")]


def test_many_alike_on_one_side_hide_no_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiscope.quality.duplicates.MOST_PAIRS", 20)
    frame, rng = fields(1)[0], np.random.default_rng(1)
    movie = [(frame + rng.poisson(20, frame.shape)).astype(np.uint16) for _ in range(12)]
    assert check(movie, ["train"] * 11 + ["test"]) == [(f"f{number}", "f11") for number in range(11)]


def test_time_points_of_one_image_stay_together() -> None:
    fields = pd.DataFrame({"stack": ["a", "a", "b", "c"], "split": ["train", "test", "train", "test"]})
    with pytest.raises(InputError, match=r"^here: time points of 'a' are on two sides.*set split\.by to stack"):
        report_torn_stacks(fields, Split(), where="here")
    assert len(report_torn_stacks(fields, Split(near_duplicates="warn"), where="here")) == 1
    assert report_torn_stacks(fields.iloc[1:], Split(), where="here") == []
