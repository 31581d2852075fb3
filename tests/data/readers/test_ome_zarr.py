"""Fields from OME-Zarr written by others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiscope.config import OmeZarr
from multiscope.data.readers.planned import PlannedReader
from multiscope.data.stage import open_reader, run
from multiscope.errors import InputError
from multiscope.images.ome_zarr import open_ome_zarr
from multiscope.stores.fields import read_field, read_labels, write_field
from multiscope.stores.pixel_size import PixelSize
from multiscope.stores.plates import describe_store


def write_plate(store: Path, *, n_wells: int = 4, planes: int = 1) -> dict[str, np.ndarray[Any, Any]]:
    """A plate of our own with two sites a well, two channels and labels; images by path."""
    rng, images = np.random.default_rng(0), {}
    for well in range(n_wells):
        for site in range(2):
            shape = (2, planes, 72, 80) if planes > 1 else (2, 72, 80)
            image = rng.integers(0, 3000, shape, dtype=np.uint16)
            labels = np.zeros(shape[1:], np.uint32)
            labels[..., 20:50, 20:50] = site + 1
            path = f"B/{well + 1}/{site}"
            size = PixelSize(0.5 if planes > 1 else None, 0.2, 0.2)
            write_field(store / path, image, channels=["dna", "gfp"], pixel_size=size, labels=labels)
            images[path] = image
    describe_store(store, list(images), plate="P1")
    return images


def configured(path: Path, **changes: Any) -> OmeZarr:
    return OmeZarr.model_validate({"reader": "ome_zarr", "images": path, "channels": ["gfp"], **changes})


def test_a_plate_with_its_map(tmp_path: Path) -> None:
    images = write_plate(tmp_path / "plate.zarr")
    (tmp_path / "map.csv").write_text("well,protein\nB1,ACT1\nB2,ACT1\nB3,TUB1\nB4,TUB1\n")
    config = configured(
        tmp_path / "plate.zarr",
        labels="cells",
        plate_map=tmp_path / "map.csv",
        split={"by": "well", "val": 0},
    )
    out = tmp_path / "out"
    run(out=out, dataset="plate", config=config)
    fields = pd.read_parquet(out / "fields.parquet")
    assert fields["path"].tolist() == list(images)
    assert fields["protein"].tolist() == ["ACT1"] * 4 + ["TUB1"] * 4
    assert fields.groupby("well")["split"].nunique().eq(1).all()
    assert fields.groupby("protein")["split"].nunique().eq(2).all()
    for path, image in images.items():
        np.testing.assert_array_equal(read_field(out / "clean.zarr" / path), image[1:])
        assert read_labels(out / "clean.zarr" / path).max() == int(path[-1]) + 1
    # what was written is a plate that is read again
    with open_reader(configured(out / "clean.zarr", labels="cells")) as reader:
        assert isinstance(reader, PlannedReader)
        assert reader.fields["well"].tolist() == fields["well"].tolist()
        assert reader.fields["plate"].tolist() == fields["plate"].tolist()
        assert reader.pixel_size == PixelSize(None, 0.2, 0.2)


def test_what_is_not_there_is_listed(tmp_path: Path) -> None:
    write_plate(tmp_path / "plate.zarr", n_wells=1)
    for changes, match in (
        ({"channels": ["rfp"]}, r"has the channels 'dna', 'gfp'; expected 'rfp'"),
        ({"labels": "nuclei"}, r"has no label image 'nuclei' \(there: 'cells'\)"),
        ({"images": tmp_path}, None),
        ({"images": tmp_path / "plate.zarr" / "B" / "1" / "0" / "labels" / "none"}, "holds no OME-Zarr"),
    ):
        config = configured(tmp_path / "plate.zarr", **changes)
        if match is None:
            with open_reader(config) as reader:
                assert isinstance(reader, PlannedReader)
                assert len(reader.fields) == 2
            continue
        with pytest.raises(InputError, match=match), open_reader(config):
            pass


@pytest.mark.parametrize("name", ["ome_zarr_py_v0.5.zarr", "ngio_v0.4.zarr", "iohub_hcs_plate_v0.4.zarr"])
def test_stores_of_other_tools(name: str, real_data: Path) -> None:
    path = real_data / "ome_written_by_tools" / name
    info = open_ome_zarr(path)[0].info
    # where a store names no channels, the configuration names all of them
    channels = list(info.channels) or [f"channel{number}" for number in range(info.shape[1])]
    with open_reader(configured(path, channels=channels)) as reader:
        assert isinstance(reader, PlannedReader)
        image = reader.read(0).image
        assert (image.min(), image.max(), round(float(image.mean()), 2)) == (106, 4326, 411.89)
