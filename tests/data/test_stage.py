"""The data stage: what it writes, and that it writes nothing when something is wrong."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from multiscope.config import CropsFolder, FieldsFolder, VirtualScreen
from multiscope.data import field_set
from multiscope.data.stage import run
from multiscope.errors import InputError
from multiscope.folders import manifest
from multiscope.simulate.screen.field import field
from multiscope.simulate.screen.proteins import proteins, standards, truth
from multiscope.stores.fields import channel_names, read_field, read_labels, write_field
from multiscope.stores.samples import SampleStore


def fields_config(root: Path, **changes: Any) -> FieldsFolder:
    values: dict[str, Any] = {
        "images": root / "images",
        "pattern": "{protein}_{field}_{channel}.tif",
        "channels": ["rfp", "gfp"],
        "labels": root / "labels",
        "labels_pattern": "{protein}_{field}.tif",
        "defects": {"noise": {}, "blur": {}},
        "pixel_size_um": 0.1,
    }
    return FieldsFolder(reader="fields", **{**values, **changes})


FIELD_COLUMNS = [
    *("field_id", "path", "protein", "plate", "well", "site", "stack", "time", "split", "defect", "degraded"),
    *("depth", "height", "width"),
]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_fields_from_a_folder(fields_on_disk: Path, tmp_path: Path) -> None:
    out = tmp_path / "results" / "data" / "cells"
    run(out=out, dataset="cells", config=fields_config(fields_on_disk))
    described = manifest.verify(out, full=True)
    fields, proteins = pd.read_parquet(out / "fields.parquet"), pd.read_parquet(out / "proteins.parquet")
    assert fields.columns.tolist() == FIELD_COLUMNS
    assert proteins.columns.tolist() == ["protein", "symbol", "localization"]
    assert fields["width"].tolist() == [80, 81, 82, 83] * 2
    for row in fields.itertuples():
        clean = read_field(out / "clean.zarr" / str(row.field_id))
        assert clean.shape == (2, row.height, row.width)
        assert clean.dtype == np.uint16
        assert np.unique(read_labels(out / "clean.zarr" / str(row.field_id))).tolist() == [0, 3, 900]
        assert channel_names(out / "clean.zarr" / str(row.field_id)) == ["rfp", "gfp"]
        for defect in ("noise", "blur"):
            path = out / "degraded.zarr" / defect / str(row.field_id)
            assert path.is_dir() == (row.split == "test" or row.defect == defect)
            if path.is_dir():
                degraded = read_field(path)
                assert degraded.shape == clean.shape
                assert degraded.dtype == clean.dtype
                assert (degraded != clean).any()
    assert described["stage"] == "data"
    assert described["counts"]["cells"] == {"kept": 16, "dropped": {}}
    assert described["counts"]["fields"]["kept"] == 8
    assert described["counts"]["proteins"]["kept"] == 2
    assert described["inputs"].keys() == {"images", "labels"}
    notes = described["notes"]
    assert notes["kind"] == "fields"
    assert notes["dataset"] == "cells"
    assert notes["channels"] == ["rfp", "gfp"]
    assert notes["dtype"] == "uint16"
    assert notes["pixel_size_um"] == 0.1
    train = [read_field(out / "clean.zarr" / i)[1] for i in fields.loc[fields["split"] == "train", "field_id"]]
    pixels = np.concatenate([plane.ravel() for plane in train])
    low, high = np.percentile(pixels, [0.1, 99.9], method="inverted_cdf")
    assert notes["range"]["gfp"] == {"low": low, "high": high}
    assert notes["extremes"]["gfp"] == {"min": pixels.min(), "max": pixels.max()}


def test_fields_without_defects_labels_and_proteins(tmp_path: Path, folder: Callable[..., Path]) -> None:
    rng = np.random.default_rng(0)
    folder(tmp_path / "images", {f"{i}.tif": rng.random((30, 30), dtype=np.float32) for i in range(4)})
    out = tmp_path / "out"
    run(out=out, dataset="x", config=FieldsFolder(reader="fields", images=tmp_path / "images"))
    assert not (out / "degraded.zarr").exists()
    assert set(pd.read_parquet(out / "fields.parquet")["defect"]) == {""}
    assert "cells" not in manifest.verify(out)["counts"]
    assert manifest.verify(out)["counts"]["proteins"]["kept"] == 0


def test_the_same_input_gives_the_same_bytes(fields_on_disk: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(out=tmp_path / name, dataset="x", config=fields_config(fields_on_disk))
    assert manifest.verify(tmp_path / "one")["digest"] == manifest.verify(tmp_path / "two")["digest"]


def test_a_virtual_screen(tiny_screen: Path, tiny_config: VirtualScreen) -> None:
    made, fields = proteins(tiny_config), pd.read_parquet(tiny_screen / "fields.parquet")
    assert len(fields) == 18
    assert {tuple(sorted(sides)) for _, sides in fields.groupby("protein")["split"]} == {("test", "train", "val")}
    assert set(fields["defect"]) == {"noise", "axial", "blur"}
    # every field has its place on a plate, so the store is one
    wells = [f"{well[0]}/{int(well[1:])}" for _, well in (protein.well(0, 1) for protein in made)]
    assert fields["path"].tolist() == [f"{well}/{site}" for well in wells for site in range(3)]
    for row, number in ((0, 0), (4, 2)):
        expected, path = field(tiny_config, made[row], number), fields["path"][3 * row + number]
        np.testing.assert_array_equal(read_field(tiny_screen / "clean.zarr" / path), expected.image)
        np.testing.assert_array_equal(read_labels(tiny_screen / "clean.zarr" / path), expected.labels)
    told = pd.read_parquet(tiny_screen / "proteins.parquet")
    assert told.columns.tolist() == ["protein", "symbol", "localization"]
    assert told["localization"].tolist() == [protein.label for protein in made]
    for scale, terms in standards(made).items():
        lines = (tiny_screen / "standards" / f"{scale}.gmt").read_text().splitlines()
        members = {line.split("\t")[0]: line.split("\t")[2:] for line in lines}
        assert members == terms
        assert yaml.safe_load((tiny_screen / "standards" / f"{scale}.yaml").read_text())["scale"] == scale
    pd.testing.assert_frame_equal(pd.read_parquet(tiny_screen / "standards" / "truth.parquet"), truth(tiny_config))
    assert manifest.verify(tiny_screen, full=True)["seed"] == tiny_config.seed


def test_one_more_protein_leaves_the_fields_of_the_others_as_they_are(
    tmp_path: Path, tiny_config: VirtualScreen
) -> None:
    # the last complex grows: proteins and their images before it stay
    small = tiny_config.model_copy(update={"compartments": ["nucleus", "cytoplasm"]})
    for name, config in (("small", small), ("large", tiny_config)):
        run(out=tmp_path / name, dataset="x", config=config)
    fewer, more = (pd.read_parquet(tmp_path / name / "fields.parquet") for name in ("small", "large"))
    pd.testing.assert_frame_equal(fewer.drop(columns="defect"), more.iloc[: len(fewer)].drop(columns="defect"))
    test = fewer.loc[fewer["split"] == "test", "path"].iloc[0]
    for store in ("clean.zarr", "degraded.zarr/noise"):
        one, other = (read_field(tmp_path / name / store / test) for name in ("small", "large"))
        np.testing.assert_array_equal(one, other)


def test_parts_of_a_virtual_screen_together_are_the_whole(
    tmp_path: Path, tiny_screen: Path, tiny_config: VirtualScreen
) -> None:
    whole = pd.read_parquet(tiny_screen / "fields.parquet").drop(columns=["defect", "degraded"])
    found = []
    for number in (1, 2):
        out = tmp_path / str(number)
        run(out=out, dataset="tiny", config=tiny_config.model_copy(update={"part": f"{number}/2"}))
        fields = pd.read_parquet(out / "fields.parquet")
        for path in fields["path"][::4]:
            for read in (read_field, read_labels):
                np.testing.assert_array_equal(read(out / "clean.zarr" / path), read(tiny_screen / "clean.zarr" / path))
        assert (out / "standards" / "complex.gmt").read_bytes() == (
            tiny_screen / "standards" / "complex.gmt"
        ).read_bytes(), "the truth is that of the whole screen"
        found.append(fields.drop(columns=["defect", "degraded"]))
    pd.testing.assert_frame_equal(pd.concat(found, ignore_index=True), whole)


def test_a_virtual_screen_of_stacks(tmp_path: Path, tiny_config: VirtualScreen) -> None:
    small = {"field_size": 96, "cells_per_field": 4}
    config = tiny_config.model_copy(update={**small, "planes": 3, "z_step_um": 0.8, "defects": {}})
    run(out=tmp_path / "out", dataset="stacks", config=config)
    fields = pd.read_parquet(tmp_path / "out" / "fields.parquet")
    assert fields["depth"].tolist() == [3] * 18
    made = field(config, proteins(config)[1], 2)
    path = tmp_path / "out" / "clean.zarr" / fields["path"][5]
    np.testing.assert_array_equal(read_field(path), made.image)
    np.testing.assert_array_equal(read_labels(path), made.labels)
    assert manifest.verify(tmp_path / "out", full=True)["counts"]["cells"]["kept"] > 18


def test_crops_from_an_archive(tmp_path: Path, archive: Callable[..., Path]) -> None:
    rng = np.random.default_rng(0)
    images = {
        f"{p}_{f}_{c}_gfp.tif": rng.integers(0, 4000, (16, 16), dtype=np.uint16)
        for p in ("A", "B")
        for f in range(4)
        for c in range(5)
    }
    config = CropsFolder(
        reader="crops", path=archive(tmp_path / "z.zip", images), channels=["gfp"], localization={"A": "er"}
    )
    out = tmp_path / "out"
    run(out=out, dataset="x", config=config)
    described, store = manifest.verify(out, full=True), SampleStore(out / "crops.zarr")
    columns = ["cell_id", "field_id", "protein", "split", "label", "y", "x", "n_padded"]
    assert store.table.columns.tolist() == columns
    assert len(store) == described["counts"]["cells"]["kept"] == 40
    assert store.attributes["channels"] == ["gfp"]
    assert store.attributes["source"] == "clean"
    assert store.table.groupby("field_id")["split"].nunique().eq(1).all()
    assert store.table.groupby("protein")["split"].agg(set).map(len).eq(3).all()
    for cell_id, image in zip(store.table["cell_id"], store.take("image"), strict=True):
        np.testing.assert_array_equal(image[0], images[f"{cell_id}_gfp.tif"])
    train = store.take("image", np.flatnonzero(store.table["split"] == "train"))
    low, high = np.percentile(train, [0.1, 99.9], method="inverted_cdf")
    assert described["notes"]["range"] == {"gfp": {"low": low, "high": high}}
    assert pd.read_parquet(out / "proteins.parquet")["localization"].tolist() == ["er", ""]


def test_an_error_leaves_nothing_behind_and_a_former_result_as_it_was(
    fields_on_disk: Path, tmp_path: Path, folder: Callable[..., Path]
) -> None:
    out = tmp_path / "results" / "data"
    run(out=out, dataset="x", config=fields_config(fields_on_disk))
    before = contents(out)
    folder(fields_on_disk / "images", {"TUB1_3_gfp.tif": b"II*\0 and nothing more"})
    for place in (out, tmp_path / "results" / "new"):
        with pytest.raises(InputError, match=r"TUB1_3_gfp\.tif: is damaged") as caught:
            run(out=place, dataset="x", config=fields_config(fields_on_disk))
        assert "\n" not in str(caught.value)
    assert contents(out) == before
    assert [path.name for path in out.parent.iterdir()] == ["data"]


def test_a_type_that_changes_between_fields_is_refused(
    fields_on_disk: Path, tmp_path: Path, folder: Callable[..., Path]
) -> None:
    folder(fields_on_disk / "images", {f"TUB1_0_{c}.tif": np.ones((70, 80), np.float32) for c in ("gfp", "rfp")})
    with pytest.raises(InputError, match=r"TUB1_0_rfp\.tif: is float32, but .*ACT1_0_rfp\.tif is uint16"):
        run(out=tmp_path / "out", dataset="x", config=fields_config(fields_on_disk))


def test_a_job_that_was_killed_goes_on_and_ends_with_the_same(
    fields_on_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "results" / "out"
    run(out=whole, dataset="x", config=fields_config(fields_on_disk))
    written: list[Path] = []

    def write_or_die(path: Path, *rest: Any, **options: Any) -> None:
        written.append(path)
        if len(written) == 9:
            raise SystemExit
        write_field(path, *rest, **options)

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(field_set, "write_field", write_or_die)
        run(out=out, dataset="x", config=fields_config(fields_on_disk))
    assert not out.exists()
    capsys.readouterr()
    run(out=out, dataset="x", config=fields_config(fields_on_disk))
    assert "finished parts of a job that was stopped" in capsys.readouterr().err
    assert manifest.verify(out, full=True)["digest"] == manifest.verify(whole)["digest"]
    assert manifest.verify(out)["notes"] == manifest.verify(whole)["notes"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_too_few_fields_are_refused_with_the_protein(fields_on_disk: Path, tmp_path: Path) -> None:
    for number in (2, 3):
        for path in (fields_on_disk / "images").glob(f"TUB1_{number}_*"):
            path.unlink()
    with pytest.raises(InputError, match="images: protein 'TUB1' has 2 fields; expected at least 3"):
        run(out=tmp_path / "out", dataset="x", config=fields_config(fields_on_disk))
    assert not (tmp_path / "out").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system of a quarter of a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"mounting a small file system is not permitted: {done.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("kind", ["fields", "crops"])
def test_a_full_disk_ends_it_with_one_line(
    kind: str, small_disk: Path, tmp_path: Path, fields_on_disk: Path, archive: Callable[..., Path]
) -> None:
    config: FieldsFolder | CropsFolder = fields_config(fields_on_disk)
    if kind == "crops":
        rng = np.random.default_rng(0)
        images = {f"P_{f}_{c}_x.tif": rng.random((64, 64), dtype=np.float32) for f in range(4) for c in range(25)}
        config = CropsFolder(reader="crops", path=archive(tmp_path / "z.zip", images), channels=["x"])
    with pytest.raises(InputError, match=r"disk.*: the disk is full") as caught:
        run(out=small_disk / "out", dataset="x", config=config)
    assert "\n" not in str(caught.value)
    # finished parts are kept for the next run, never under the result's name
    assert {path.name for path in small_disk.iterdir()} <= {".out.partial"}


def test_a_full_disk_while_writing_is_told_by_any_library(
    monkeypatch: pytest.MonkeyPatch, fields_on_disk: Path, tmp_path: Path
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("multiscope.data.field_set.write_field", full)
    with pytest.raises(InputError, match=r"the disk is full \(No space left"):
        run(out=tmp_path / "out", dataset="x", config=fields_config(fields_on_disk))
    assert not list(tmp_path.glob("*out*"))


def test_real_yeast_crops(real_data: Path, tmp_path: Path) -> None:
    config = CropsFolder(
        reader="crops",
        path=real_data / "yeast_gfp" / "images.zip",
        pattern="{protein}_{field}_rfp_{cell}_{channel}.tif",
        channels=["gfp", "rfp"],
    )
    run(out=tmp_path / "out", dataset="yeast", config=config)
    described = json.loads((tmp_path / "out" / "manifest.json").read_text())
    kept = {what: count["kept"] for what, count in described["counts"].items()}
    assert kept == {"files": 2440, "cells": 1220, "fields": 15, "proteins": 5}
    assert SampleStore(tmp_path / "out" / "crops.zarr").shape("image") == (1220, 2, 64, 64)


def test_real_nuclei(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "dsb2018_nuclei"
    config = FieldsFolder(
        reader="fields",
        images=folder / "images",
        pattern="{field}.png",
        labels=folder / "labels",
        labels_pattern="{field}.png",
        max_fields=30,
    )
    run(out=tmp_path / "out", dataset="nuclei", config=config)
    described = manifest.verify(tmp_path / "out")
    assert described["counts"]["fields"] == {"kept": 30, "dropped": {"beyond max_fields": 261}}
    assert described["notes"]["dtype"] == "uint8"


def test_real_yeast_fields_in_one_archive_with_their_labels(real_data: Path, tmp_path: Path) -> None:
    archive = real_data / "yeast_cyclenet_fields" / "example.zip"
    config = FieldsFolder(
        reader="fields",
        images=archive,
        pattern="{field}-ch{channel}sk{_}.tiff",
        channels=["1", "3"],
        labels=archive,
        labels_pattern="{field}_labeled.tiff",
    )
    run(out=tmp_path / "out", dataset="yeast", config=config)
    described = manifest.verify(tmp_path / "out")
    assert described["counts"]["cells"]["kept"] == 1335
    assert pd.read_parquet(tmp_path / "out" / "fields.parquet")["height"].tolist() == [1080] * 4
