"""Crops from folders and archives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from multiscope.config import CropsFolder
from multiscope.data.readers.crops_folder import CropsFolderReader
from multiscope.data.stage import open_reader
from multiscope.errors import InputError

Place = Callable[[dict[str, Any]], Path]


def crops(n_fields: int = 3, n_cells: int = 2) -> dict[str, npt.NDArray[Any] | bytes]:
    rng = np.random.default_rng(0)
    return {
        f"{protein}/{protein}_{field}_{cell}_{channel}.tif": rng.random((8, 8), dtype=np.float32)
        for protein in ("AAC1", "AAH1")
        for field in range(1, n_fields + 1)
        for cell in range(9, 9 + n_cells)
        for channel in ("gfp", "rfp")
    }


def configured(path: Path, **changes: Any) -> CropsFolder:
    return CropsFolder(**{"reader": "crops", "path": path, "channels": ["rfp", "gfp"], **changes})


def refused(config: CropsFolder, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught, open_reader(config) as reader:
        assert isinstance(reader, CropsFolderReader)
        list(reader.pieces())
    assert "\n" not in str(caught.value)
    assert str(config.path) in str(caught.value) or str(caught.value).startswith("pattern")


def test_reads_cells_in_natural_order_with_channels_as_configured(place: Place) -> None:
    files = crops()
    with open_reader(configured(place(files))) as reader:
        assert isinstance(reader, CropsFolderReader)
        images = np.concatenate([piece["image"] for piece in reader.pieces()])
        assert images.shape == (12, 2, 8, 8)
        assert images.dtype == np.float32
        assert reader.cells["cell_id"].tolist()[:3] == ["AAC1_1_9", "AAC1_1_10", "AAC1_2_9"]
        assert reader.cells["cell_id"].is_unique
        assert reader.cells["field_id"].drop_duplicates().tolist() == [
            f"{p}_{f}" for p in ("AAC1", "AAH1") for f in (1, 2, 3)
        ]
        for row, image in zip(reader.cells.itertuples(), images, strict=True):
            for channel, plane in zip(("rfp", "gfp"), image, strict=True):
                np.testing.assert_array_equal(plane, files[f"{row.protein}/{row.cell_id}_{channel}.tif"])


def test_a_cell_without_a_channel_is_refused(place: Place) -> None:
    files = crops()
    del files["AAH1/AAH1_2_9_gfp.tif"]
    refused(configured(place(files)), r"AAH1_2_9_rfp\.tif: there is no file of channel 'gfp' beside it")


def test_two_sizes_are_refused_with_both_files(place: Place) -> None:
    files = {**crops(), "AAH1/AAH1_2_9_gfp.tif": np.zeros((9, 9), np.float32)}
    refused(configured(place(files)), r"AAH1_2_9_gfp\.tif: is 9 x 9 float32, but .*AAC1_1_9_rfp\.tif is 8 x 8 float32")


def test_two_types_are_refused_with_both_files(place: Place) -> None:
    files = {**crops(), "AAH1/AAH1_2_9_gfp.tif": np.zeros((8, 8), np.uint16)}
    refused(configured(place(files)), r"AAH1_2_9_gfp\.tif: is 8 x 8 uint16, but .*AAC1_1_9_rfp\.tif is 8 x 8 float32")


def test_crops_have_to_be_square(place: Place) -> None:
    refused(
        configured(place({name: np.zeros((8, 9), np.uint8) for name in crops()})), "is 8 x 9; expected as high as wide"
    )


def test_nothing_that_fits_shows_the_pattern_and_a_name(place: Place) -> None:
    refused(
        configured(place(crops()), pattern="{protein}_{field}_{cell}_{channel}.png"),
        r"no file name fits pattern '.*\.png' \(a name there is 'AAC1/AAC1_1_9_gfp\.tif'\)",
    )


def test_a_damaged_or_foreign_file_is_refused(place: Place) -> None:
    refused(configured(place({**crops(), "AAH1/AAH1_2_9_gfp.tif": b"not a tiff"})), "AAH1_2_9_gfp.tif: is not an image")


def test_not_a_number_is_refused(place: Place) -> None:
    bad = np.full((8, 8), np.nan, np.float32)
    refused(
        configured(place({**crops(), "AAH1/AAH1_2_9_gfp.tif": bad})), "AAH1_2_9_gfp.tif: has 64 pixels that are NaN"
    )


def test_names_that_would_fall_together_are_refused(place: Place) -> None:
    files = {name: np.zeros((8, 8), np.uint8) for name in ("a_b/c/1.tif", "a/b_c/1.tif")}
    refused(
        configured(place(files), pattern="{protein}/{field}/{cell}.tif", channels=["x"]),
        "would both be named 'a_b_c_1'",
    )


@pytest.mark.parametrize("cell", ["2", "x"])
def test_fields_of_two_proteins_that_would_fall_together_are_refused(place: Place, cell: str) -> None:
    files = {name: np.zeros((8, 8), np.uint8) for name in ("a_b/c/1.tif", f"a/b_c/{cell}.tif")}
    refused(configured(place(files), pattern="{protein}/{field}/{cell}.tif", channels=["x"]), "would be named 'a_b_c'")


def test_a_name_that_reads_two_ways_is_refused(place: Place) -> None:
    files = {**crops(), "AAC1/AAC_1_1_9_gfp.tif": np.zeros((8, 8), np.float32)}
    refused(configured(place(files)), "reads two ways")


def test_names_in_an_archive_that_point_elsewhere_are_only_names(tmp_path: Path, archive: Callable[..., Path]) -> None:
    files = {f"../../{name}": image for name, image in crops().items()}
    with open_reader(configured(archive(tmp_path / "in" / "z.zip", files))) as reader:
        assert isinstance(reader, CropsFolderReader)
        assert np.concatenate([piece["image"] for piece in reader.pieces()]).shape == (12, 2, 8, 8)
        assert set(reader.cells["protein"]) == {"AAC1", "AAH1"}
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "z.zip"]
