"""The segment stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multiscope.config import Segment
from multiscope.errors import InputError
from multiscope.folders import manifest
from multiscope.segment import stage
from multiscope.segment.stage import run
from multiscope.stores.fields import read_label_image, read_pixel_size
from tests.segment.folders import blobs, make_data

Drawn = list[tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return [blobs(0), blobs(1, n=3), (np.full((128, 128), 200, np.uint16), np.zeros((128, 128), np.uint32))]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, drawn: Drawn) -> Path:
    """Three fields, one of them empty; the cells are in the second channel."""
    fields = [(f"A/{i + 1}/0", np.stack([np.zeros_like(plane), plane]), None) for i, (plane, _) in enumerate(drawn)]
    return make_data(tmp_path_factory.mktemp("data") / "data", fields)


def test_every_field_gets_its_labels_and_every_cell_is_counted(data: Path, tmp_path: Path, drawn: Drawn) -> None:
    out = tmp_path / "cells"
    run(data=data, out=out, config=Segment(data="x", channel="protein"))
    described = manifest.verify(out, full=True)
    assert described["counts"] == {
        "cells": {"kept": 11, "dropped": {"small": 0}},
        "fields": {"kept": 2, "dropped": {"no cell": 1}},
    }
    assert described["notes"]["channel"] == "protein"
    table = pd.read_parquet(out / "cells.parquet")
    assert table["n_cells"].tolist() == [8, 3, 0]
    assert table["median_area"].iloc[0] == pytest.approx(197, abs=8)
    assert np.isnan(table["median_area"].iloc[2])
    for (_, labels), path in zip(drawn, table["path"], strict=True):
        found = read_label_image(out / "labels.zarr" / path)
        assert found.dtype == np.uint32
        assert ((found > 0) != (labels > 0)).mean() < 0.01
        assert read_pixel_size(out / "labels.zarr" / path).x == 0.5


def test_small_objects_are_removed_and_counted(data: Path, tmp_path: Path) -> None:
    run(data=data, out=tmp_path / "cells", config=Segment(data="x", channel="protein", min_area=190))
    few = manifest.verify(tmp_path / "cells")["counts"]["cells"]
    assert few["kept"] + few["dropped"]["small"] == 11


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "no cells were found in channel 'dna' of any field; choose another segment.channel"),
        ({"channel": "rna"}, "segment.channel: no channel 'rna'; have dna, protein"),
    ],
)
def test_what_finds_nothing_is_refused(data: Path, tmp_path: Path, settings: dict[str, str], line: str) -> None:
    with pytest.raises(InputError, match=line) as caught:
        run(data=data, out=tmp_path / "cells", config=Segment(data="x", **settings))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_crops_are_refused(tiny_crops: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="was made by 'crop'; expected a folder made by data"):
        run(data=tiny_crops, out=tmp_path / "cells", config=Segment(data="x"))


def test_stacks_are_flattened(tmp_path: Path) -> None:
    plane, labels = blobs(5)
    dark = np.full_like(plane, 200)
    data = make_data(tmp_path / "data", [("f", np.stack([dark, plane, dark])[None], None)], channels=["dna"])
    for z, n in (("max", labels.max()), ("central", labels.max()), ("mean", labels.max())):
        run(data=data, out=tmp_path / z, config=Segment(data="x", z=z))
        assert read_label_image(tmp_path / z / "labels.zarr" / "f").max() == n


def test_a_killed_job_goes_on_with_the_fields_that_are_left(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Segment(data="x", channel="protein")
    run(data=data, out=tmp_path / "whole", config=config)
    seen: list[int] = []
    whole = stage.open_method

    def dying(config: Segment) -> stage.Method:
        def find(plane: np.ndarray) -> np.ndarray:
            if len(seen) == 1:
                raise KeyboardInterrupt
            seen.append(1)
            return whole(config)(plane)

        return find

    monkeypatch.setattr(stage, "open_method", dying)
    with pytest.raises(KeyboardInterrupt):
        run(data=data, out=tmp_path / "killed", config=config)
    monkeypatch.setattr(stage, "open_method", whole)
    run(data=data, out=tmp_path / "killed", config=config)
    ends = [manifest.verify(tmp_path / name, full=True) for name in ("whole", "killed")]
    assert ends[0]["digest"] == ends[1]["digest"]
    assert ends[1]["kept_parts"] == 1
