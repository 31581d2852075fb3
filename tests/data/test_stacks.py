"""A z-stack through inspect, store and crop, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from typer.testing import CliRunner

from multiscope import config
from multiscope.cli import app
from multiscope.crop import stage as crop
from multiscope.data import stage as data
from multiscope.errors import InputError
from multiscope.images.open import open_images
from multiscope.stores.fields import read_field, read_labels, read_pixel_size
from multiscope.stores.pixel_size import PixelSize
from multiscope.stores.samples import SampleStore

SHAPE = (5, 96, 100)


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """Four stacks of two channels as OME-TIFF, with stacks of labels: a cell each, brightest in plane 3."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for number in range(4):
        labels = np.zeros(SHAPE, np.uint16)
        y, x = {0: (10, 60), 1: (55, 12), 2: (30, 34), 3: (8, 8)}[number]
        labels[1:4, y : y + 30, x : x + 30] = 7
        light = 100 + 400 * (labels > 0) * np.array([0, 1, 2, 3, 0])[:, None, None]
        image = rng.poisson(np.stack([light, light // 2], axis=1)).astype(np.uint16)
        sizes = {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.4}
        described = {"axes": "ZCYX", "Channel": {"Name": ["gfp", "dna"]}, **sizes}
        tifffile.imwrite(tmp_path / "images" / f"{number}.ome.tif", image, metadata=described)
        tifffile.imwrite(tmp_path / "labels" / f"{number}.tif", labels, imagej=True, metadata={"axes": "ZYX"})
    return tmp_path


def configured(root: Path, **changes: object) -> config.FieldsFolder:
    values = {
        "reader": "fields",
        "images": root / "images",
        "pattern": "{field}.ome.tif",
        "channels": ["gfp", "dna"],
        "labels": root / "labels",
        "labels_pattern": "{field}.tif",
    }
    return config.FieldsFolder.model_validate({**values, **changes})


def test_a_stack_is_seen_stored_cut_and_read_again(stacks: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["data", "inspect", str(stacks / "images")]).output
    assert "z 5" in shown or "5 x 96 x 100" in shown or "(5, " in shown, shown
    out = tmp_path / "data"
    data.run(out=out, dataset="stacks", config=configured(stacks))
    original = tifffile.imread(stacks / "images" / "2.ome.tif").swapaxes(0, 1)
    stored = read_field(out / "clean.zarr" / "2")
    np.testing.assert_array_equal(stored, original)
    assert read_labels(out / "clean.zarr" / "2").shape == SHAPE
    assert read_pixel_size(out / "clean.zarr" / "2") == PixelSize(0.4, 0.1, 0.1)
    assert set(pd.read_parquet(out / "fields.parquet")["depth"]) == {5}
    for how, expected in (("max", original.max(axis=1)), ("central", original[:, 2])):
        section = config.Crop.model_validate({"data": "stacks", "size": 32, "z": how})
        crop.run(data=out, source="clean", restored=None, out=tmp_path / how, config=section)
        store = SampleStore(tmp_path / how / "crops.zarr")
        row = store.table.index[store.table["field_id"] == "2"]
        # the centroid, (44.5, 48.5) rounded up, lies in the middle of the crop
        np.testing.assert_array_equal(store.take("image", row)[0], expected[:, 29:61, 33:65])
    # and back: the store is an OME-Zarr that is read as any other
    with open_images(out / "clean.zarr") as images:
        again = {image.info.name: image for image in images}
        image = next(image for name, image in again.items() if name.split("/")[-1] == "2")
        np.testing.assert_array_equal(image.read(), original)
        assert image.info.pixel_size == PixelSize(0.4, 0.1, 0.1)
        assert image.info.channels == ("gfp", "dna")


def test_stacks_have_to_be_flattened_for_defects(stacks: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a z-stack of 5 planes; expected planes to put defects on: set the data"):
        data.run(out=tmp_path / "out", dataset="x", config=configured(stacks, defects={"noise": {}}))
    data.run(out=tmp_path / "out", dataset="x", config=configured(stacks, defects={"noise": {}}, z="max"))
    original = tifffile.imread(stacks / "images" / "0.ome.tif")
    np.testing.assert_array_equal(read_field(tmp_path / "out" / "clean.zarr" / "0"), original.max(axis=0))
