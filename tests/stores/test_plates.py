"""Stores whose images other tools find by metadata: plates, and collections."""

from __future__ import annotations

from pathlib import Path

import ngff_zarr
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st
from ome_zarr_models.v05 import HCS, BioFormats2Raw, Image

from multiscope.stores.fields import read_field, write_field
from multiscope.stores.pixel_size import PixelSize
from multiscope.stores.plates import describe_store, field_paths

SIZE = PixelSize(y=0.25, x=0.25)


def paths(*places: tuple[str, str, str]) -> list[str]:
    plates, wells, sites = zip(*places, strict=True)
    return field_paths([f"id{i}" for i in range(len(places))], plates=plates, wells=wells, sites=sites)


def fill(store: Path, listed: list[str], plate: str = "") -> None:
    zarr.create_group(store, zarr_format=3)
    for number, path in enumerate(listed):
        write_field(store / path, np.full((1, 20, 30), number, np.uint16), channels=["a"], pixel_size=SIZE)
    describe_store(store, listed, plate=plate)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([("", "B03", "1"), ("", "B03", "2")], ["B/3/1", "B/3/2"]),
        ([("p", "b-3", "7"), ("p", "B3", "7")], ["B/3/0", "B/3/1"]),
        ([("", "r02c12", "f1"), ("", "AA01", "")], ["B/12/0", "AA/1/0"]),
        ([("", "r27c1", "5")], ["AA/1/5"]),
        ([("p1", "A1", ""), ("p2", "A1", "")], ["p1/A/1/0", "p2/A/1/0"]),
        ([("a/b", "A1", ""), ("a?b", "A1", "")], ["a_b/A/1/0", "a_b_/A/1/0"]),
        ([("OME", "A1", ""), ("..", "A1", ""), ("", "A1", "")], ["OME_/A/1/0", "plate../A/1/0", "plate/A/1/0"]),
        ([("", "B03", "1"), ("", "", "2")], ["id0", "id1"]),
        ([("", "centre", "1")], ["id0"]),
    ],
)
def test_a_field_lies_where_its_well_is(places: list[tuple[str, str, str]], expected: list[str]) -> None:
    assert paths(*places) == expected


def test_a_field_cannot_take_the_place_of_the_collections_metadata() -> None:
    assert field_paths(["OME", "OME_"], plates=["", ""], wells=["", ""], sites=["", ""]) == ["OME_", "OME__"]


text = st.text(max_size=4)


@given(st.lists(st.tuples(text, st.sampled_from(["A1", "a01", "B-2", "r2c2"]), text), min_size=1, max_size=12))
def test_paths_are_unique_and_safe_whatever_the_names_are(places: list[tuple[str, str, str]]) -> None:
    found = paths(*places)
    assert len(set(found)) == len(places)
    assert all(part and part.isascii() and not part.startswith(".") for path in found for part in path.split("/"))


def test_a_plate_is_valid_and_read_by_others(tmp_path: Path) -> None:
    listed = paths(("", "B10", "0"), ("", "B10", "1"), ("", "B2", "0"), ("", "A1", "3"))
    fill(tmp_path / "p.zarr", listed, plate="screen 1")
    group = zarr.open_group(tmp_path / "p.zarr", mode="r")
    plate = HCS.from_zarr(group).ome_attributes.plate
    assert plate.name == "screen 1"
    assert [column.name for column in plate.columns] == ["1", "2", "10"]
    assert [well.path for well in plate.wells] == ["A/1", "B/2", "B/10"]
    third = ngff_zarr.from_hcs_zarr(str(tmp_path / "p.zarr"))
    well = third.get_well("B", "10")
    assert well is not None
    np.testing.assert_array_equal(np.asarray(well.get_image(1).images[0].data), read_field(tmp_path / "p.zarr/B/10/1"))


def test_several_plates_are_one_each_below_a_collection(tmp_path: Path) -> None:
    listed = paths(("p1", "A1", "1"), ("p2", "A1", "1"), ("p2", "C4", "1"))
    fill(tmp_path / "s.zarr", listed)
    for name, n_wells in (("p1", 1), ("p2", 2)):
        plate = HCS.from_zarr(zarr.open_group(tmp_path / "s.zarr" / name, mode="r")).ome_attributes.plate
        assert (plate.name, len(plate.wells)) == (name, n_wells)
    assert series(tmp_path / "s.zarr") == listed


def test_other_fields_are_a_collection(tmp_path: Path) -> None:
    listed = field_paths(["a", "b"], plates=["", ""], wells=["", ""], sites=["", ""])
    fill(tmp_path / "s.zarr", listed)
    group = zarr.open_group(tmp_path / "s.zarr", mode="r")
    assert BioFormats2Raw.from_zarr(group).ome_attributes.bioformats2raw_layout == 3
    assert series(tmp_path / "s.zarr") == ["a", "b"]
    for name in listed:
        Image.from_zarr(zarr.open_group(tmp_path / "s.zarr" / name, mode="r"))
    xml = tifffile.xml2dict((tmp_path / "s.zarr/OME/METADATA.ome.xml").read_text())["OME"]
    assert [image["ID"] for image in xml["Image"]] == ["Image:a", "Image:b"]
    pixels = xml["Image"][1]["Pixels"]
    assert [pixels[f"Size{axis}"] for axis in "XYZCT"] == [30, 20, 1, 1, 1]
    assert (pixels["Type"], pixels["PhysicalSizeX"], pixels["Channel"]["Name"]) == ("uint16", 0.25, "a")


def test_a_store_without_fields_is_an_empty_collection(tmp_path: Path) -> None:
    describe_store(tmp_path / "s.zarr", [])
    assert series(tmp_path / "s.zarr") == []


def series(store: Path) -> object:
    ome = zarr.open_group(store / "OME", mode="r").attrs["ome"]
    assert isinstance(ome, dict)
    return ome["series"]
