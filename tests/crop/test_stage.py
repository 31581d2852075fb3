"""The crop stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multiscope import manifest
from multiscope.config import Crop, VirtualScreen
from multiscope.crop.stage import as_type, run
from multiscope.data.stage import run as run_data
from multiscope.errors import InputError
from multiscope.stores.fields import read_field, read_labels, write_field
from multiscope.stores.samples import SampleStore

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
            image = read_field(data / "clean.zarr" / str(row.field_id))[:, :height].astype(np.float32) + 0.3
            path = made.path / "restored.zarr" / str(row.defect) / str(row.field_id)
            write_field(path, image, channels=["protein", "cytosol"], pixel_size_um=None)


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
    columns = ["cell_id", "field_id", "protein", "split", "label", "y", "x", "n_padded"]
    assert store.table.columns.tolist() == columns
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
        field, labels = (read(tiny_screen / "clean.zarr" / row.field_id) for read in (read_field, read_labels))
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
    defect = pd.read_parquet(tiny_screen / "fields.parquet").set_index("field_id").loc[row["field_id"], "defect"]
    field = read_field(tiny_screen / "degraded.zarr" / str(defect) / row["field_id"])
    y, x = (int(np.floor(row[axis] + 0.5)) - 24 for axis in "yx")
    np.testing.assert_array_equal(degraded.take("image", [0])[0], field[:, y : y + 48, x : x + 48])


def test_restored_floats_are_rounded_and_clipped() -> None:
    image = np.array([-3.0, 0.4, 0.6, 65535.2, 1e9], np.float32)
    np.testing.assert_array_equal(as_type(image, np.dtype(np.uint16)), [0, 0, 1, 65535, 65535])
    np.testing.assert_array_equal(as_type(image, np.dtype(np.uint32)), [0, 0, 1, 65535, 10**9])
    np.testing.assert_array_equal(as_type(image, np.dtype(np.float32)), image)


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
    refused(
        "no cell is left .*choose a smaller crop.size",
        tiny_screen,
        tmp_path / "out",
        "clean",
        config=Crop(data="x", size=512),
    )


def test_a_damaged_data_folder_is_refused(tmp_path: Path, tiny_config: VirtualScreen) -> None:
    data = tmp_path / "data"
    run_data(out=data, dataset="x", config=tiny_config)
    next((data / "clean.zarr").rglob("0/c/*/*/*")).unlink()
    refused("damaged: clean.zarr/.* is missing", data, tmp_path / "out", "clean")
