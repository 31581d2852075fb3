"""The crop stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from multiscope.config import Crop, Segment, VirtualScreen
from multiscope.crop import stage
from multiscope.crop.choice import EXPLAINED
from multiscope.crop.cut import cut
from multiscope.crop.source import as_type
from multiscope.crop.stage import run
from multiscope.data.stage import run as run_data
from multiscope.errors import InputError
from multiscope.folders import manifest
from multiscope.segment.stage import run as run_segment
from multiscope.stores import shards
from multiscope.stores.fields import read_field, read_labels, write_field
from multiscope.stores.samples import SampleStore
from tests.segment.folders import blobs, make_data

CONFIG = Crop(data="tiny", size=48, min_area=50)


@pytest.fixture(scope="module")
def restored(tiny_screen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Restored fields that are the clean ones as floats, 0.3 brighter."""
    out = tmp_path_factory.mktemp("restored") / "cgan"
    make_restored(tiny_screen, out)
    return out


def make_restored(data: Path, out: Path, *, height: int = 10**6) -> None:
    with manifest.stage_output(out, stage="restore", version=1, config={}, inputs={"data": data}) as made:
        for row in pd.read_parquet(data / "fields.parquet").itertuples():
            image = read_field(data / "clean.zarr" / str(row.path))[:, :height].astype(np.float32) + 0.3
            path = made.path / "restored.zarr" / str(row.defect) / str(row.path)
            write_field(path, image, channels=["protein", "cytosol"])


def crops_of(data: Path, out: Path, source: str, restored: Path | None = None, config: Crop = CONFIG) -> SampleStore:
    run(data=data, source=source, restored=restored, out=out, config=config)
    return SampleStore(out / "crops.zarr")


def refused(
    match: str, data: Path, out: Path, source: str, restored: Path | None = None, config: Crop = CONFIG
) -> None:
    with pytest.raises(InputError, match=match) as caught:
        run(data=data, source=source, restored=restored, out=out, config=config)
    assert "\n" not in str(caught.value)
    assert not out.exists()
    assert not list(out.parent.glob(f".{out.name}*"))


def test_clean_crops_lie_where_the_table_says(tiny_screen: Path, tmp_path: Path) -> None:
    store = crops_of(tiny_screen, tmp_path / "out", "clean")
    columns = ["cell_id", "field_id", "protein", "split", "label", "y", "x"]
    measured = ["area", "solidity", "contrast", "sharpness", "saturated", "n_padded", "n_cut"]
    place = ["plate", "well", "site", "stack", "time"]
    assert sorted(store.table.columns) == sorted([*columns, *measured, *place])
    assert store.table.columns[:7].tolist() == columns
    assert store.table["cell_id"].is_unique
    assert store.attributes["channels"] == ["protein", "cytosol"]
    assert store.attributes["pixel_size_um"] == 0.16
    assert store.attributes["source"] == "clean"
    fields = pd.read_parquet(tiny_screen / "fields.parquet").set_index("field_id")
    assert store.table["field_id"].drop_duplicates().tolist() == [
        i for i in fields.index if i in set(store.table["field_id"])
    ]
    assert store.take("image").dtype == np.uint16
    assert store.take("mask").dtype == np.uint8
    for row, crop, mask in zip(store.table.itertuples(), store.take("image"), store.take("mask"), strict=True):
        path = tiny_screen / "clean.zarr" / fields.loc[row.field_id, "path"]
        field, labels = (read(path) for read in (read_field, read_labels))
        y, x = (int(np.floor(value + 0.5)) - 24 for value in (row.y, row.x))
        np.testing.assert_array_equal(crop, field[:, y : y + 48, x : x + 48])
        np.testing.assert_array_equal(mask[0], labels[y : y + 48, x : x + 48] == row.label)
        assert row.cell_id == f"{row.field_id}_{row.label}"
        assert fields.loc[row.field_id, ["protein", "split"]].tolist() == [row.protein, row.split]
    described = manifest.verify(tmp_path / "out", full=True)
    n_cells = manifest.verify(tiny_screen)["counts"]["cells"]["kept"]
    cells = described["counts"]["cells"]
    assert cells["kept"] == len(store)
    assert cells["kept"] + sum(cells["dropped"].values()) == n_cells
    assert cells["dropped"]["edge"] > 0
    assert described["inputs"] == {"data": manifest.verify(tiny_screen)["digest"]}
    proteins = [pd.read_parquet(folder / "proteins.parquet") for folder in (tiny_screen, tmp_path / "out")]
    pd.testing.assert_frame_equal(*proteins)


def test_every_source_has_the_same_cells(tiny_screen: Path, restored: Path, tmp_path: Path) -> None:
    clean = crops_of(tiny_screen, tmp_path / "clean", "clean")
    degraded = crops_of(tiny_screen, tmp_path / "degraded", "degraded")
    again = crops_of(tiny_screen, tmp_path / "restored", "restored:cgan", restored)
    for other in (degraded, again):
        pd.testing.assert_frame_equal(other.table, clean.table)
        np.testing.assert_array_equal(other.take("mask"), clean.take("mask"))
    np.testing.assert_array_equal(again.take("image"), clean.take("image"))
    assert again.take("image").dtype == np.uint16
    row = degraded.table.iloc[0]
    fields = pd.read_parquet(tiny_screen / "fields.parquet").set_index("field_id")
    defect, path = fields.loc[row["field_id"], ["defect", "path"]]
    field = read_field(tiny_screen / "degraded.zarr" / defect / path)
    y, x = (int(np.floor(row[axis] + 0.5)) - 24 for axis in "yx")
    np.testing.assert_array_equal(degraded.take("image", [0])[0], field[:, y : y + 48, x : x + 48])


def test_restored_floats_are_rounded_and_clipped() -> None:
    image = np.array([-3.0, 0.4, 0.6, 65535.2, 1e9], np.float32)
    np.testing.assert_array_equal(as_type(image, np.dtype(np.uint16)), [0, 0, 1, 65535, 65535])
    np.testing.assert_array_equal(as_type(image, np.dtype(np.uint32)), [0, 0, 1, 65535, 10**9])
    np.testing.assert_array_equal(as_type(image, np.dtype(np.float32)), image)


def test_filters_look_at_the_clean_image_so_that_every_source_keeps_the_same_cells(
    tiny_screen: Path, restored: Path, tmp_path: Path
) -> None:
    everything = crops_of(tiny_screen, tmp_path / "all", "clean").table
    limits = {"min_contrast": everything["contrast"].median(), "min_solidity": everything["solidity"].quantile(0.2)}
    config = CONFIG.model_copy(update=limits)
    clean = crops_of(tiny_screen, tmp_path / "clean", "clean", config=config)
    kept = everything[(everything["contrast"] >= config.min_contrast) & (everything["solidity"] >= config.min_solidity)]
    assert clean.table["cell_id"].tolist() == kept["cell_id"].tolist()
    for source, folder in (("degraded", None), ("restored:cgan", restored)):
        other = crops_of(tiny_screen, tmp_path / source, source, folder, config)
        pd.testing.assert_frame_equal(other.table, clean.table)


def test_every_dropped_cell_is_listed_with_its_reason(tiny_screen: Path, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"max_area": 600, "min_area": 300})
    table = crops_of(tiny_screen, tmp_path / "out", "clean", config=config).table
    dropped = pd.read_parquet(tmp_path / "out" / "dropped.parquet")
    assert dropped.columns.tolist() == ["field_id", "label", "reason", "y", "x", "area"]
    counted = manifest.verify(tmp_path / "out")["counts"]["cells"]
    assert counted["dropped"].keys() == set(EXPLAINED)
    assert {k: n for k, n in counted["dropped"].items() if n} == dropped["reason"].value_counts().to_dict()
    assert (dropped.loc[dropped["reason"] == "large", "area"] > 600).all()
    paths = pd.read_parquet(tiny_screen / "fields.parquet").set_index("field_id")["path"]
    for field_id, path in paths.items():
        there = set(np.unique(read_labels(tiny_screen / "clean.zarr" / path))) - {0}
        found = [set(t.loc[t["field_id"] == field_id, "label"]) for t in (table, dropped)]
        assert found[0] | found[1] == there and not found[0] & found[1]


def test_padded_crops_say_how_far_they_leave_the_field(tiny_screen: Path, tmp_path: Path) -> None:
    inner = crops_of(tiny_screen, tmp_path / "drop", "clean")
    store = crops_of(tiny_screen, tmp_path / "pad", "clean", config=CONFIG.model_copy(update={"border": "pad"}))
    whole = store.table["n_padded"] == 0
    assert store.table.loc[whole, "cell_id"].tolist() == inner.table["cell_id"].tolist()
    np.testing.assert_array_equal(store.take("image", np.flatnonzero(whole)), inner.take("image"))
    assert store.table["n_padded"].max() > 5


def stack_of(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A stack (2, 5, 128, 128), cells in focus in its middle, and labels (5, 128, 128)."""
    plane, labels = blobs(seed)
    blurred = [gaussian_filter(plane, abs(z - 2)) for z in range(5)]
    image = np.stack([np.stack(blurred), np.stack(blurred[::-1]) // 2])
    return image, np.stack([np.where(z == 2, labels, 0) for z in range(5)])


@pytest.mark.parametrize("z", ["max", "mean", "central"])
def test_stacks_are_flattened_and_their_paths_may_have_levels(tmp_path: Path, z: str) -> None:
    fields = {path: stack_of(seed) for seed, path in enumerate(("B/2/0", "B/3/0"))}
    data = make_data(tmp_path / "data", [(path, *arrays) for path, arrays in fields.items()])
    store = crops_of(data, tmp_path / "out", "clean", config=Crop(data="x", size=32, z=z))
    assert store.shape("image")[1:] == (2, 32, 32)
    assert set(store.table["field_id"]) == {"B_2_0", "B_3_0"}
    assert (store.table["well"] == "A1").all()
    for row, crop, mask in zip(store.table.itertuples(), store.take("image"), store.take("mask"), strict=True):
        image, labels = fields[row.field_id.replace("_", "/")]
        y, x = (int(np.floor(value + 0.5)) - 16 for value in (row.y, row.x))
        part = image[:, :, y : y + 32, x : x + 32]
        expected = {"max": part.max(axis=1), "mean": np.rint(part.mean(axis=1)), "central": part[:, 2]}[z]
        np.testing.assert_array_equal(crop, expected)
        np.testing.assert_array_equal(mask[0], labels[2, y : y + 32, x : x + 32] == row.label)


def test_labels_come_from_segment_where_its_folder_is_named(tmp_path: Path) -> None:
    drawn = [blobs(seed) for seed in range(2)]
    fields = [(f"f{i}", np.stack([plane, plane // 2]), None) for i, (plane, _) in enumerate(drawn)]
    data = make_data(tmp_path / "data", fields)
    config = Crop(data="x", size=32)
    refused("has no label image; .*section 'segment'", data, tmp_path / "out", "clean", config=config)
    run_segment(data=data, out=tmp_path / "cells", config=Segment(data="x"))
    run(data=data, source="clean", restored=None, labels=tmp_path / "cells", out=tmp_path / "out", config=config)
    described = manifest.verify(tmp_path / "out")
    assert described["inputs"].keys() == {"data", "labels"}
    assert described["counts"]["cells"]["kept"] == sum(labels.max() for _, labels in drawn)
    other = make_data(tmp_path / "other", fields[:1])
    with pytest.raises(InputError, match=r"cells: was not made from .*other"):
        run(data=other, source="clean", restored=None, labels=tmp_path / "cells", out=tmp_path / "no", config=config)


def test_fields_without_cells_are_counted(tmp_path: Path) -> None:
    plane, labels = blobs(0)
    image = np.stack([plane, plane])
    data = make_data(tmp_path / "data", [("a", image, labels * 0), ("b", image, labels), ("c", image, labels * 0 + 1)])
    store = crops_of(data, tmp_path / "out", "clean", config=Crop(data="x", size=32))
    assert set(store.table["field_id"]) == {"b"}
    assert manifest.verify(tmp_path / "out")["counts"]["fields"] == {"kept": 1, "dropped": {"no cell": 2}}


def test_a_killed_job_ends_with_the_same_crops(
    tiny_screen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "_SHARD_ROWS", (4, 4))
    whole = crops_of(tiny_screen, tmp_path / "whole", "degraded")
    calls: list[int] = []

    def dying(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return cut(*args, **options)

    monkeypatch.setattr(stage, "cut", dying)
    with pytest.raises(KeyboardInterrupt):
        crops_of(tiny_screen, tmp_path / "killed", "degraded")
    again = crops_of(tiny_screen, tmp_path / "killed", "degraded")
    assert 9 < len(calls) < 9 + whole.table["field_id"].nunique()
    pd.testing.assert_frame_equal(again.table, whole.table)
    first, second = (manifest.verify(tmp_path / name, full=True) for name in ("whole", "killed"))
    assert first["digest"] == second["digest"] and first["counts"] == second["counts"]


def test_what_does_not_fit_together_is_refused(
    tiny_screen: Path, tiny_crops: Path, restored: Path, tmp_path: Path, tiny_config: VirtualScreen
) -> None:
    out = tmp_path / "results" / "crop"
    refused("source 'restored:cgan' needs a folder", tiny_screen, out, "restored:cgan")
    refused("is not needed for source 'clean'", tiny_screen, out, "clean", restored)
    refused("none: does not exist", tmp_path / "none", out, "clean")
    refused("was made by .crop.; expected a folder made by data", tiny_crops, out, "clean")
    other = tmp_path / "other"
    run_data(out=other, dataset="x", config=tiny_config.model_copy(update={"seed": 1, "defects": {}}))
    refused("was not made from", other, out, "restored:cgan", restored)
    refused("has fields without a defect", other, out, "degraded")
    make_restored(tiny_screen, tmp_path / "low", height=100)
    refused(r"is \(100, 128\), its labels \(128, 128\)", tiny_screen, out, "restored:cgan", tmp_path / "low")


def test_no_cell_left_is_refused(tiny_screen: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    none = Crop(data="x", min_area=10**6)
    refused("no cell is left .*choose a smaller crop.size", tiny_screen, out, "clean", config=none)
    large = Crop(data="x", size=512)
    refused("crop.size is 512, but no field is larger than 128 x 128", tiny_screen, out, "clean", config=large)


def test_objects_that_flattening_hides_are_counted(tmp_path: Path) -> None:
    labels = np.zeros((5, 64, 64), np.uint32)
    labels[1, 20:30, 20:30] = 1  # in one plane only
    labels[2, 20:30, 40:50] = 2
    labels[3, 22:28, 42:48] = 1
    image = np.full((1, 5, 64, 64), 100, np.uint16)
    data = make_data(tmp_path / "data", [("f", image, labels)], channels=["dna"])
    for how, reasons in (("central", {"hidden": 1}), ("max", {})):
        config = Crop(data="x", size=16, min_area=1, z=how)
        run(data=data, source="clean", restored=None, out=tmp_path / how, config=config)
        counted = manifest.verify(tmp_path / how)["counts"]["cells"]
        assert {reason: n for reason, n in counted["dropped"].items() if n} == reasons
        assert counted["kept"] == 2 - len(reasons)


def test_a_damaged_data_folder_is_refused(tmp_path: Path, tiny_config: VirtualScreen) -> None:
    data = tmp_path / "data"
    run_data(out=data, dataset="x", config=tiny_config)
    next((data / "clean.zarr").rglob("0/c/*/*/*")).unlink()
    refused("damaged: clean.zarr/.* is missing", data, tmp_path / "out", "clean")
