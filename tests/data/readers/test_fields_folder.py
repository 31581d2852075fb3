"""Fields from folders of image files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from multiscope.config import FieldsFolder
from multiscope.data.readers.naming import safe_name
from multiscope.data.readers.planned import PlannedReader
from multiscope.data.stage import open_reader
from multiscope.errors import InputError


def configured(root: Path, **changes: Any) -> FieldsFolder:
    values: dict[str, Any] = {
        "images": root / "images",
        "pattern": "{protein}_{field}_{channel}.tif",
        "channels": ["rfp", "gfp"],
        "labels": root / "labels",
        "labels_pattern": "{protein}_{field}.tif",
    }
    return FieldsFolder(reader="fields", **{**values, **changes})


def refused(config: FieldsFolder, match: str, *, read: int | None = None) -> None:
    with pytest.raises(InputError, match=match) as caught, open_reader(config) as reader:
        if read is not None:
            assert isinstance(reader, PlannedReader)
            reader.read(read)
    assert "\n" not in str(caught.value)


def test_reads_channels_in_order_with_labels(fields_on_disk: Path) -> None:
    with open_reader(configured(fields_on_disk, localization={"ACT1": "cytoplasm|punctate"})) as reader:
        assert isinstance(reader, PlannedReader)
        ids = [f"{protein}_{number}" for protein in ("ACT1", "TUB1") for number in range(4)]
        assert reader.fields["field_id"].tolist() == ids
        assert reader.proteins["localization"].tolist() == ["cytoplasm|punctate", ""]
        for number, field_id in enumerate(ids):
            pixels = reader.read(number)
            for channel, plane in zip(("rfp", "gfp"), pixels.image, strict=True):
                path = fields_on_disk / "images" / f"{field_id}_{channel}.tif"
                np.testing.assert_array_equal(plane, tifffile.imread(path))
            np.testing.assert_array_equal(pixels.labels, tifffile.imread(fields_on_disk / "labels" / f"{field_id}.tif"))


def test_only_the_first_fields_by_name(fields_on_disk: Path) -> None:
    with open_reader(configured(fields_on_disk, max_fields=5)) as reader:
        assert isinstance(reader, PlannedReader)
        assert len(reader.fields) == 5
        assert reader.counts["fields"].dropped == {"beyond max_fields": 3}


def test_one_channel_needs_no_channel_in_the_pattern_and_no_labels(tmp_path: Path, folder: Callable[..., Path]) -> None:
    folder(tmp_path / "images", {f"sub/{i}.tif": np.full((4, 5 + i), i, np.uint8) for i in range(12)})
    config = FieldsFolder(reader="fields", images=tmp_path / "images")
    with open_reader(config) as reader:
        assert isinstance(reader, PlannedReader)
        assert reader.fields["field_id"].tolist() == [str(i) for i in range(12)]
        assert set(reader.fields["protein"]) == {""}
        assert reader.read(10).image.shape == (1, 4, 15)
        assert reader.read(10).labels is None


def test_a_well_is_part_of_the_name(tmp_path: Path, folder: Callable[..., Path]) -> None:
    folder(tmp_path / "images", {f"{well}/{i}.tif": np.zeros((4, 4), np.uint8) for well in "AB" for i in range(2)})
    with open_reader(FieldsFolder(reader="fields", images=tmp_path / "images", pattern="{well}/{field}.tif")) as reader:
        assert isinstance(reader, PlannedReader)
        assert reader.fields["field_id"].tolist() == ["A_0", "A_1", "B_0", "B_1"]


def test_files_that_are_missing_are_named(fields_on_disk: Path) -> None:
    (fields_on_disk / "images" / "ACT1_2_gfp.tif").unlink()
    refused(configured(fields_on_disk), "ACT1_2_rfp.tif: there is no file of channel 'gfp' beside it")
    refused(configured(fields_on_disk, channels=["gpf", "rfp"]), "there is no file of channel 'gpf'")
    (fields_on_disk / "labels" / "TUB1_0.tif").unlink()
    refused(
        configured(fields_on_disk, channels=["rfp"]),
        "labels: has no label image of protein 'TUB1', field '0' by .*TUB1_0_rfp.tif is there",
    )
    refused(configured(fields_on_disk, images=fields_on_disk / "none"), "none: does not exist")
    refused(configured(fields_on_disk, labels=fields_on_disk / "none"), "none: does not exist")


def test_nothing_that_fits_shows_the_pattern_and_a_name(fields_on_disk: Path) -> None:
    refused(
        configured(fields_on_disk, pattern="{protein}-{field}-{channel}.tif"),
        r"no file name fits pattern '\{protein\}-\{field\}-\{channel\}\.tif' \(a name there is 'ACT1_0_gfp\.tif'\)",
    )
    refused(
        configured(fields_on_disk, labels_pattern="{protein}_{field}.png"), "labels: no file name fits labels_pattern"
    )
    (fields_on_disk / "empty").mkdir()
    refused(configured(fields_on_disk, images=fields_on_disk / "empty"), "there is no file")


def test_patterns_have_to_say_what_is_needed(fields_on_disk: Path) -> None:
    refused(
        configured(fields_on_disk, pattern="{protein}_{field}_gfp.tif"),
        r"has 1 channel without a name; expected 'rfp', 'gfp'.*\{channel\}",
    )
    refused(configured(fields_on_disk, labels_pattern="{field}.tif"), r"labels_pattern: .* has no \{protein\}")
    refused(configured(fields_on_disk, pattern="{cell}_{field}_{channel}.tif"), r"unknown placeholder \{cell\}")


def test_sizes_and_types_have_to_fit(fields_on_disk: Path, folder: Callable[..., Path]) -> None:
    folder(fields_on_disk / "labels", {"ACT1_1.tif": np.zeros((70, 70), np.uint16)})
    refused(
        configured(fields_on_disk),
        r"labels/ACT1_1\.tif: has 70 x 70 pixels, but .*images/ACT1_1_rfp\.tif has 70 x 81",
        read=1,
    )
    folder(fields_on_disk / "images", {"ACT1_1_gfp.tif": np.zeros((9, 8), np.uint16)})
    refused(configured(fields_on_disk), r"_gfp\.tif: is 9 x 8 uint16, but .*_rfp\.tif is 70 x 81 uint16", read=1)
    folder(fields_on_disk / "images", {"ACT1_1_gfp.tif": np.zeros((70, 81), np.uint8)})
    refused(configured(fields_on_disk), r"_gfp\.tif: is 70 x 81 uint8, but", read=1)


def test_two_files_for_one_place_are_refused(fields_on_disk: Path, folder: Callable[..., Path]) -> None:
    folder(fields_on_disk / "images", {"copy/ACT1_1_gfp.tif": np.zeros((9, 8), np.uint16)})
    refused(configured(fields_on_disk), r"are the same protein 'ACT1', field '1', channel 'gfp'")


def test_two_fields_that_would_get_one_name_are_refused(tmp_path: Path, folder: Callable[..., Path]) -> None:
    folder(tmp_path / "images", {name: np.zeros((4, 4), np.uint8) for name in ("a b.tif", "a_b.tif", "c.tif")})
    config = FieldsFolder(reader="fields", images=tmp_path / "images")
    refused(config, r"a b\.tif and .*a_b\.tif: would both be named 'a_b'")


def test_places_for_proteins_that_are_all_unknown_are_refused(fields_on_disk: Path) -> None:
    refused(configured(fields_on_disk, localization={"act1": "cytoplasm"}), "none of the proteins under 'localization'")
    with open_reader(configured(fields_on_disk, localization={"ACT1": "cytoplasm", "XYZ": "er"})) as reader:
        assert reader.proteins["protein"].tolist() == ["ACT1", "TUB1"]


@given(st.lists(st.text(min_size=1, max_size=20).filter(lambda t: "/" not in t), min_size=1, max_size=3))
def test_names_of_fields_are_safe_in_a_store(parts: list[str]) -> None:
    name = safe_name(tuple(parts))
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
    assert name[0] != "."
    assert not name.startswith("__")
    assert name != "zarr.json"


def test_a_name_too_long_for_a_folder_is_refused() -> None:
    with pytest.raises(InputError, match="has 300 characters; expected up to 200"):
        safe_name(("x" * 300,))


def test_channels_inside_files_are_chosen_by_name_and_time_points_become_fields(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    rng, movies = np.random.default_rng(0), {}
    for field in "ab":
        movies[field] = rng.integers(0, 900, (3, 2, 24, 20), dtype=np.uint16)
        described = {"axes": "TCYX", "Channel": {"Name": ["dna", "actin"]}, "PhysicalSizeX": 0.2, "PhysicalSizeY": 0.2}
        tifffile.imwrite(tmp_path / "images" / f"{field}.ome.tif", movies[field], metadata=described)
    values = {"reader": "fields", "images": tmp_path / "images", "pattern": "{field}.ome.tif", "channels": ["actin"]}
    with open_reader(FieldsFolder.model_validate(values)) as reader:
        assert isinstance(reader, PlannedReader)
        assert reader.fields["field_id"].tolist() == [f"{field}_t{t}" for field in "ab" for t in range(3)]
        assert reader.fields["stack"].tolist() == ["a"] * 3 + ["b"] * 3
        assert reader.pixel_size.plane_um == 0.2
        for number, (field, time) in enumerate((field, t) for field in "ab" for t in range(3)):
            np.testing.assert_array_equal(reader.read(number).image, movies[field][time, 1:])
    refused(
        FieldsFolder.model_validate(values | {"channels": ["tubulin"]}), "has the channels 'dna', 'actin'; expected"
    )


def test_a_set_of_files_is_one_image(real_data: Path) -> None:
    values = {
        "reader": "fields",
        "images": real_data / "ome_third_party" / "viv",
        "pattern": "multifile-Z{field}.ome.tiff",
    }
    with open_reader(FieldsFolder.model_validate(values)) as reader:
        assert isinstance(reader, PlannedReader)
        assert len(reader.fields) == 1
        assert reader.read(0).image.shape[:2] == (1, 5)
        assert reader.counts["files"].dropped["read with another"] == 4
