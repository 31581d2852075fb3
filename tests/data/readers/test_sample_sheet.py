"""Fields from a table of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from multiscope.config import SampleSheet
from multiscope.data.readers.planned import PlannedReader
from multiscope.data.readers.sample_sheet import sheet_reader
from multiscope.errors import InputError
from multiscope.stores.fields import write_field
from multiscope.stores.pixel_size import PixelSize

Array = npt.NDArray[Any]


def image(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).integers(0, 60000, shape or (9, 8), dtype=np.uint16)


def tiff(path: Path, pixels: Array, **metadata: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, **metadata)
    return path


def configured(folder: Path, text: str, **changes: Any) -> SampleSheet:
    sheet = folder / "sheet.csv"
    sheet.write_text(text)
    return SampleSheet(**{"reader": "sheet", "sheet": sheet, **changes})


def read(folder: Path, text: str, **changes: Any) -> PlannedReader:
    return sheet_reader(configured(folder, text, **changes))


def refused(folder: Path, text: str, match: str, **changes: Any) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read(folder, text, **changes)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(folder / "sheet.csv") + ": ")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files `images/a.tif` to `images/f.tif` and `labels/a.tif`, one channel each, and a sheet's place beside them."""
    for number, name in enumerate("abcdef"):
        tiff(tmp_path / "images" / f"{name}.tif", image(number))
        tiff(tmp_path / "labels" / f"{name}.tif", (image(number) > 30000).astype(np.uint16))
    return tmp_path


def test_a_row_is_a_field(folder: Path) -> None:
    text = "field,image,protein,note\n1,images/a.tif,ACT1,x\n2,images/b.tif,ACT1,\n"
    reader = read(folder, text + f"3,{folder / 'images' / 'c.tif'},TUB1,\n")
    assert reader.fields["field_id"].tolist() == ["1", "2", "3"]
    assert reader.fields["protein"].tolist() == ["ACT1", "ACT1", "TUB1"]
    for number in range(3):
        np.testing.assert_array_equal(reader.read(number).image, image(number)[np.newaxis])
    assert reader.counts["rows"].kept == 3
    assert reader.counts["columns"].dropped == {"not used: 'note'": 1}
    assert reader.inputs["sheet"] == folder / "sheet.csv"
    assert reader.inputs["image images/a.tif"] == folder / "images" / "a.tif"


def test_a_row_may_be_a_field_and_channel(folder: Path) -> None:
    text = (
        "field,channel,image,labels\n1,rfp,images/a.tif,labels/a.tif\n1,gfp,images/b.tif,labels/a.tif\n"
        "1,dic,images/e.tif,labels/a.tif\n2,gfp,images/c.tif,labels/c.tif\n2,rfp,images/d.tif,labels/c.tif\n"
    )
    reader = read(folder, text, channels=["gfp", "rfp"], labelled=True)
    np.testing.assert_array_equal(reader.read(0).image, [image(1), image(0)])
    np.testing.assert_array_equal(reader.read(1).image, [image(2), image(3)])
    labels = reader.read(1).labels
    assert labels is not None
    np.testing.assert_array_equal(labels, image(2) > 30000)
    assert reader.counts["rows"].kept == 4
    assert reader.counts["rows"].dropped == {"channel not used": 1}


def test_channels_inside_a_file_are_chosen_by_name(folder: Path) -> None:
    stack = image(0, 3, 9, 8)
    tiff(folder / "x.ome.tif", stack, metadata={"axes": "CYX", "Channel": {"Name": ["rfp", "dic", "gfp"]}})
    tiff(folder / "plain.tif", stack[:2], photometric="minisblack", imagej=True, metadata={"axes": "CYX"})
    reader = read(folder, "field,image\n1,x.ome.tif\n", channels=["gfp", "rfp"])
    np.testing.assert_array_equal(reader.read(0).image, stack[[2, 0]])
    reader = read(folder, "field,image\n1,plain.tif\n", channels=["gfp", "rfp"])
    np.testing.assert_array_equal(reader.read(0).image, stack[:2])
    with pytest.raises(InputError, match=r"x\.ome\.tif: has the channels 'rfp', 'dic', 'gfp'; expected 'cfp'"):
        read(folder, "field,image\n1,x.ome.tif\n", channels=["cfp"])


def test_ome_zarr_images_are_listed_like_files(folder: Path) -> None:
    for number in range(2):
        pixels = image(number, 2, 16, 16)
        write_field(folder / f"{number}.zarr", pixels, channels=["a", "b"], pixel_size=PixelSize(None, 0.2, 0.2))
    reader = read(folder, "field,image\n1,0.zarr\n2,1.zarr\n", channels=["b"])
    np.testing.assert_array_equal(reader.read(1).image, image(1, 2, 16, 16)[1:])
    assert reader.pixel_size.plane_um == 0.2


def test_fields_of_one_name_are_told_apart_by_their_place(folder: Path) -> None:
    text = (
        "field,image,plate,well,site\n1,images/a.tif,P1,b3,1\n1,images/b.tif,P2,B-03,1\n1,images/c.tif,P1,B4,1\n"
        "1,images/d.tif,P1,B4,2\n"
    )
    fields = read(folder, text).fields
    assert fields["field_id"].tolist() == ["P1_B03_1_1", "P2_B03_1_1", "P1_B04_1_1", "P1_B04_2_1"]
    assert fields["well"].tolist() == ["B03", "B03", "B04", "B04"]
    assert fields["plate"].tolist() == ["P1", "P2", "P1", "P1"]
    assert fields["site"].tolist() == ["1", "1", "1", "2"]


def test_a_plate_map_names_what_the_sheet_does_not(folder: Path) -> None:
    (folder / "map.csv").write_text("well,protein\nB3,ACT1\nB4,TUB1\n")
    text = "field,image,well,protein\n1,images/a.tif,B03,\n2,images/b.tif,B04,\n3,images/c.tif,B04,CDC3\n"
    reader = read(folder, text, plate_map=folder / "map.csv")
    assert reader.fields["protein"].tolist() == ["ACT1", "TUB1", "CDC3"]
    assert {"sheet", "plate_map"} <= reader.inputs.keys()


def test_sides_and_places_are_as_the_sheet_says(folder: Path) -> None:
    text = (
        "field,image,protein,localization,split\n1,images/a.tif,ACT1,cortex|actin,train\n"
        "2,images/b.tif,ACT1,cortex|actin,test\n3,images/c.tif,TUB1,,val\n"
    )
    reader = read(folder, text, localization={"TUB1": "spindle"})
    assert reader.fields["split"].tolist() == ["train", "test", "val"]
    places = dict(zip(reader.proteins["protein"], reader.proteins["localization"], strict=True))
    assert places == {"ACT1": "cortex|actin", "TUB1": "spindle"}


def test_time_points_become_fields(folder: Path) -> None:
    movie = image(0, 3, 9, 8)
    tiff(folder / "movie.tif", movie, imagej=True, metadata={"axes": "TYX"})
    reader = read(folder, "field,image,labels\n1,movie.tif,labels/a.tif\n", labelled=True)
    assert reader.fields["time"].tolist() == [0, 1, 2]
    assert set(reader.fields["stack"]) == {"1"}
    assert reader.fields["field_id"].is_unique
    np.testing.assert_array_equal(reader.read(2).image[0], movie[2])
    tiff(folder / "other.tif", movie[:2], imagej=True, metadata={"axes": "TYX"})
    text = "field,channel,image\n1,a,movie.tif\n1,b,other.tif\n"
    with pytest.raises(InputError, match=r"other\.tif: has 2 time points, but .*movie\.tif 3; expected as many"):
        read(folder, text, channels=["a", "b"])


def test_fields_beyond_max_fields_are_counted(folder: Path) -> None:
    text = "field,image\n" + "".join(f"{name},images/{name}.tif\n" for name in "abcdef")
    reader = read(folder, text, max_fields=4)
    assert reader.fields["field_id"].tolist() == list("abcd")
    assert reader.counts["fields"].dropped == {"beyond max_fields": 2}


@pytest.mark.parametrize(
    ("text", "match", "changes"),
    [
        ("field,images\n1,images/a.tif\n", "line 1: has an unknown column 'images'; did you mean 'image'", {}),
        ("field,image\n1,images/a.tif\n1,images/b.tif\n", "line 3: is field '1' again, after line 2", {}),
        ("field,image,well\n1,images/a.tif,B3\n1,images/b.tif,b03\n", "line 3: is field '1' again", {}),
        ("field,image\n1,images/a.tif\n2,images/z.tif\n", "line 3: image '.*z.tif' does not exist; paths are rel", {}),
        ("field,image\n1,images\n", "line 2: .*images: ", {}),
        ("field,image\n1,sheet.csv\n", r"line 2: .*sheet\.csv: is not an image", {}),
        ("field,image,split\n1,images/a.tif,train\n2,images/b.tif,training\n", "line 3: has the side 'training'", {}),
        ("field,image,split\n1,images/a.tif,train\n2,images/b.tif,\n", "line 3: has nothing in the column 'split'", {}),
        ("field,image,labels\n1,images/a.tif,labels/a.tif\n", "has a column 'labels', but 'labelled' is false", {}),
        ("field,image\n1,images/a.tif\n", "has no column 'labels', but 'labelled' is true", {"labelled": True}),
        ("field,image,labels\n1,images/a.tif,\n", "line 2: has nothing in the column 'labels'", {"labelled": True}),
        ("field,image,labels\n1,images/a.tif,x.tif\n", "line 2: labels '.*x.tif' does not exist", {"labelled": True}),
        ("field,channel,image\n1,image,images/a.tif\n1,,images/b.tif\n", "line 3: has nothing in the column 'chan", {}),
        ("field,channel,image\n1,gfp,images/a.tif\n", "no row is of the channels image", {}),
        (
            "field,channel,image\n1,a,images/a.tif\n1,b,images/b.tif\n2,a,images/c.tif\n",
            "line 4: there is no row of field '2' and channel 'b'",
            {"channels": ["a", "b"]},
        ),
        (
            "field,channel,image\n1,a,images/a.tif\n1,a,images/b.tif\n",
            "line 3: is field '1' and channel 'a' again, after line 2",
            {"channels": ["a"]},
        ),
        (
            "field,channel,image,protein\n1,a,images/a.tif,ACT1\n1,b,images/b.tif,TUB1\n",
            "line 3: has 'TUB1' in the column 'protein', but line 2, of the same field '1', has 'ACT1'",
            {"channels": ["a", "b"]},
        ),
        (
            "field,image,protein,localization\n1,images/a.tif,ACT1,cortex\n2,images/b.tif,ACT1,nucleus\n",
            "line 3: has 'nucleus' in the column 'localization', but line 2, of the same protein 'ACT1', has 'cortex'",
            {},
        ),
        (
            "field,image,localization\n1,images/a.tif,cortex\n",
            "line 2: has a localization, but no protein",
            {},
        ),
        (
            "field,image,protein,localization\n1,images/a.tif,ACT1,cortex\n",
            "line 2: has protein 'ACT1' in 'cortex', the config in 'nucleus'",
            {"localization": {"ACT1": "nucleus"}},
        ),
    ],
)
def test_faults_are_named_with_their_line(folder: Path, text: str, match: str, changes: dict[str, Any]) -> None:
    refused(folder, text, match, **changes)


def test_a_file_of_several_images_is_refused(folder: Path) -> None:
    with tifffile.TiffWriter(folder / "two.ome.tif", ome=True) as file:
        file.write(image(0))
        file.write(image(1))
    refused(folder, "field,image\n1,two.ome.tif\n", "line 2: '.*two.ome.tif' holds 2 images; expected one")


def test_names_that_end_up_the_same_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"would both be named 'a_b_c'"):
        read(folder, "field,image,plate,well\nc,images/a.tif,a,b\nb_c,images/b.tif,a,\n")
