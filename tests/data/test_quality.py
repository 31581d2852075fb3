"""The quality table and the warnings of a data set."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from multiscope.data.quality import QualityCheck
from tests.quality.test_consistency import info
from tests.quality.test_duplicates import cells


def test_one_row_a_field_and_channel() -> None:
    check = QualityCheck(["gfp", "rfp"])
    images = {f"f{i}": np.stack([cells(i), cells(i + 9)]) for i in range(3)}
    for name, image in images.items():
        check.add(name, image)
    table = check.table()
    assert table[["field_id", "channel"]].apply(tuple, axis=1).tolist() == [
        (f, c) for f in images for c in ("gfp", "rfp")
    ]
    assert table["max"].tolist() == [channel.max() for image in images.values() for channel in image]
    assert {"min", "mean", "std", "p0_1", "p1", "p50", "p99", "p99_9", "share_at_max"} <= set(table.columns)


def test_stacks_are_looked_at_whole() -> None:
    check = QualityCheck(["gfp"])
    stack = np.stack([cells(i) for i in range(4)])
    check.add("stack", stack[None])
    assert check.table()["max"].tolist() == [stack.max()]
    assert check.table()["n_pixels"].tolist() == [stack.size]


def test_warnings_go_into_a_manifest() -> None:
    check = QualityCheck(["gfp"])
    for i in range(3):
        check.add(f"f{i}", np.minimum(cells(i), 500)[None], info(f"f{i}", lossy=True))
    found = json.loads(json.dumps(check.warnings()))
    assert {"saturated", "jpeg"} <= {warning["code"] for warning in found}
    assert all(warning.keys() == {"code", "level", "text", "n", "examples"} for warning in found)


def test_looks_may_be_taken_in_threads() -> None:
    one, several = QualityCheck(["gfp"]), QualityCheck(["gfp"])
    images = [(f"f{i}", np.minimum(cells(i), 800)[None]) for i in range(5)]
    for name, image in images:
        one.add(name, image)
    with ThreadPoolExecutor(3) as pool:
        for look in pool.map(lambda given: several.look(*given), images):
            several.gather(look)
    pd.testing.assert_frame_equal(one.table(), several.table())
    assert one.warnings() == several.warnings()


def test_crops_are_not_asked_for_their_illumination() -> None:
    y, x = np.mgrid[:160, :160] - 80
    crops = [np.random.default_rng(i).poisson(50 + 900 * np.exp(-(y**2 + x**2) / 4000.0)) for i in range(4)]
    found = {}
    for fields in (True, False):
        check = QualityCheck(["gfp"], fields=fields)
        for number, crop in enumerate(crops):
            check.add(str(number), crop[None].astype(np.uint16))
        found[fields] = {warning["code"] for warning in check.warnings()}
    assert found[True] - found[False] == {"uneven_illumination"}


def test_no_image_gives_an_empty_table() -> None:
    check = QualityCheck(["gfp"])
    assert check.table().empty and check.warnings() == []
