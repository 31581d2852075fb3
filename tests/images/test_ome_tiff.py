"""OME-TIFF: metadata, sets of files, and what hostile ones may not do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from multiscope.errors import InputError
from multiscope.images.image import Image
from multiscope.images.image_file import open_image_file
from multiscope.images.tiff import ome_xml
from multiscope.images.tiff.ome_xml import parse_ome

Array = npt.NDArray[Any]
NAMESPACE = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'


def ome(*images: str, uuid: str = "", more: str = "") -> str:
    body = "".join(f'<Image ID="Image:{number}">{image}</Image>' for number, image in enumerate(images))
    return f'<?xml version="1.0"?><OME {NAMESPACE} UUID="{uuid}">{more}{body}</OME>'


def pixels(shape: tuple[int, int, int, int, int], inside: str = "", order: str = "XYZCT", **attributes: str) -> str:
    sizes = " ".join(f'Size{axis}="{size}"' for axis, size in zip("TCZYX", shape, strict=True))
    given = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f'<Pixels ID="P" DimensionOrder="{order}" Type="uint16" {sizes} {given}>{inside}</Pixels>'


def plane(file: str = "", uuid: str = "", **attributes: int) -> str:
    given = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    named = f'<UUID FileName="{file}">{uuid}</UUID>' if file else ""
    return f"<TiffData {given}>{named}</TiffData>"


def write(path: Path, array: Array, xml: str) -> Path:
    with tifffile.TiffWriter(path) as writer:
        for number, page in enumerate(array):
            writer.write(page, description=xml.encode() if number == 0 else None, metadata=None)
    return path


def opened(path: Path) -> list[Image]:
    return open_image_file(path, where=path.name, name=path.name, folder=path.parent)


def refused(path: Path, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        for image in opened(path):
            image.read()
    assert str(caught.value).startswith(f"{path.name}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def noise(*shape: int) -> Array:
    return np.random.default_rng(1).integers(0, 60_000, shape).astype(np.uint16)


@pytest.fixture
def array() -> Array:
    return noise(6, 4, 5)


def test_the_real_files_of_other_tools_hold_the_same_pixels(real_data: Path) -> None:
    files = [*(real_data / "ome_written_by_tools").glob("*.ome.tif*")]
    assert len(files) == 3
    for file in files:
        (image,) = opened(file)
        found = image.read()
        assert (found.min(), found.max(), round(float(found.mean()), 2)) == (106, 4326, 411.89)
        assert image.info.channels == ("DNA", "MTs", "Actin")
    assert opened(real_data / "ome_written_by_tools" / "tifffile_subifd_pyramid.ome.tif")[0].info.n_levels == 3


@pytest.mark.parametrize("name", ["multifile-Z1.ome.tiff", "multifile-Z4.ome.tiff", "multifile.companion.ome"])
def test_a_real_set_is_whole_from_whichever_file(real_data: Path, name: str) -> None:
    viv = real_data / "ome_third_party" / "viv"
    (image,) = opened(viv / name)
    assert image.info.shape == (1, 1, 5, 24, 18)
    planes = [tifffile.imread(viv / f"multifile-Z{number}.ome.tiff") for number in range(1, 6)]
    np.testing.assert_array_equal(image.read()[0], planes)
    assert len({name, *image.info.partners}) == 6


def test_a_set_without_one_of_its_files_is_refused_by_name(real_data: Path, tmp_path: Path) -> None:
    viv = real_data / "ome_third_party" / "viv"
    for file in viv.glob("multifile*"):
        shutil.copy(file, tmp_path)
    (tmp_path / "multifile-Z3.ome.tiff").unlink()
    refused(
        tmp_path / "multifile-Z1.ome.tiff", "is in the file multifile-Z3.ome.tiff, which is not beside it; copy all"
    )
    (tmp_path / "multifile.companion.ome").unlink()
    refused(tmp_path / "multifile-Z1.ome.tiff", "is in the file multifile.companion.ome, which is not beside it")
    content = (tmp_path / "multifile-Z1.ome.tiff").read_bytes()
    with pytest.raises(InputError, match=r"multifile\.companion\.ome; unpack the archive"):
        open_image_file(content, where="a", name="a", folder=None)


def test_files_that_name_each_other(tmp_path: Path, array: Array) -> None:
    inside = "".join(plane(f"{name}.tif", f"urn:{name}", FirstC=c, PlaneCount=3) for c, name in enumerate("ab"))
    for c, name in enumerate("ab"):
        write(tmp_path / f"{name}.tif", array[3 * c :][:3], ome(pixels((1, 2, 3, 4, 5), inside), uuid=f"urn:{name}"))
    for name in "ab":
        (image,) = opened(tmp_path / f"{name}.tif")
        np.testing.assert_array_equal(image.read(), array.reshape(2, 3, 4, 5))
    assert image.info.partners == ("a.tif",)


@pytest.mark.parametrize("name", ["../x.tif", "/etc/passwd", "sub/x.tif", "..\\x.tif", "..", "&#10;x"])
def test_a_set_does_not_reach_out_of_its_folder(tmp_path: Path, array: Array, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "sub").mkdir()
    for place in (tmp_path / "x.tif", tmp_path / "in" / "sub" / "x.tif"):
        write(place, array, "")
    inside = plane("a.tif", PlaneCount=3) + plane(name, FirstZ=3, PlaneCount=3)
    refused(write(tmp_path / "in" / "a.tif", array, ome(pixels((1, 1, 6, 4, 5), inside))), "a part of it is in ")


def test_a_renamed_file_still_reads(tmp_path: Path, array: Array) -> None:
    inside = plane("old name.tif", "urn:x", IFD=0, PlaneCount=6)
    (image,) = opened(write(tmp_path / "new.tif", array, ome(pixels((1, 1, 6, 4, 5), inside))))
    np.testing.assert_array_equal(image.read()[0], array)
    assert image.info.partners == ()


@given(order=st.permutations("ZCT"))
def test_planes_go_by_the_order_of_dimensions(tmp_path_factory: pytest.TempPathFactory, order: list[str]) -> None:
    array, sizes = noise(12, 4, 5), {"T": 2, "C": 3, "Z": 2}
    path = tmp_path_factory.mktemp("ome") / "a.tif"
    (image,) = opened(write(path, array, ome(pixels((2, 3, 2, 4, 5), order="XY" + "".join(order)))))
    slowest = order[::-1]
    ordered = array.reshape(*(sizes[axis] for axis in slowest), 4, 5)
    expected = ordered.transpose(*(slowest.index(axis) for axis in "TCZ"), 3, 4)
    np.testing.assert_array_equal(np.stack([image.read(time=0), image.read(time=1)]), expected)


def test_planes_in_any_order_one_by_one(tmp_path: Path, array: Array) -> None:
    places = [(5, 0, 0), (3, 0, 1), (1, 0, 2), (0, 1, 0), (2, 1, 1), (4, 1, 2)]
    inside = "".join(plane(IFD=ifd, FirstC=c, FirstZ=z) for ifd, c, z in places)
    (image,) = opened(write(tmp_path / "a.tif", array, ome(pixels((1, 2, 3, 4, 5), inside))))
    np.testing.assert_array_equal(image.read(), array[[5, 3, 1, 0, 2, 4]].reshape(2, 3, 4, 5))


def test_several_images_wells_and_units(tmp_path: Path, array: Array) -> None:
    plate = (
        '<Plate Name="P1"><Well Row="1" Column="2"><WellSample><ImageRef ID="Image:1"/></WellSample></Well>'
        '<Well Row="27" Column="11"><WellSample/><WellSample><ImageRef ID="Image:0"/></WellSample></Well></Plate>'
    )
    channels = '<Channel Name="DNA"/><Channel/>'
    first = pixels((1, 2, 2, 4, 5), channels + plane(IFD=0, PlaneCount=4), PhysicalSizeX="100", PhysicalSizeXUnit="nm")
    second = pixels((1, 1, 2, 4, 5), plane(IFD=4, PlaneCount=2), PhysicalSizeY="2", PhysicalSizeZ="1",
                    PhysicalSizeZUnit="parsec")  # fmt: skip
    one, two = opened(write(tmp_path / "a.tif", array, ome(first, second, more=plate)))
    assert (one.info.name, one.info.well, one.info.site, one.info.plate) == ("a.tif/0", "AB12", "1", "P1")
    assert (two.info.name, two.info.well, two.info.site) == ("a.tif/1", "B03", "0")
    assert one.info.pixel_size == pytest.approx((None, None, 0.1))
    assert one.info.channels == ("DNA", "channel 1")
    assert two.info.pixel_size == (None, 2, None)
    assert two.info.remarks == ("PhysicalSizeZ 1 parsec is no length that is understood",)
    np.testing.assert_array_equal(two.read()[0], array[4:])


def test_two_channels_of_one_name_are_told(tmp_path: Path, array: Array) -> None:
    channels = '<Channel Name="GFP"/><Channel Name="GFP"/>'
    (image,) = opened(write(tmp_path / "a.tif", array[:2], ome(pixels((1, 2, 1, 4, 5), channels))))
    assert image.info.channels == ()
    assert image.info.remarks == ("several channels are named 'GFP': channels go by their order",)


@pytest.mark.parametrize(
    ("inside", "match"),
    [
        (plane(IFD=0, PlaneCount=5), "1 of its 6 planes are not in the file .number 5 is the first"),
        (plane(IFD=2, PlaneCount=6), "2 of its 6 planes are not in the file"),
        (plane(IFD=0), "5 of its 6 planes are not in the file"),
        (plane(FirstZ=9), "6 of its 6 planes are not in the file"),
        (plane() * 2000, "names planes again and again"),
        ('<TiffData IFD="-1"/>', "OME-XML is damaged .IFD '-1'"),
        ('<Channel SamplesPerPixel="4"/>', "OME-XML is damaged .SamplesPerPixel"),
    ],
)
def test_planes_that_are_missing_are_refused(tmp_path: Path, array: Array, inside: str, match: str) -> None:
    refused(write(tmp_path / "a.tif", array, ome(pixels((1, 1, 6, 4, 5), inside))), match)


@pytest.mark.parametrize(
    ("xml", "match"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b">]>' + ome(pixels((1, 1, 6, 4, 5))), "OME-XML with a DOCTYPE"),
        (ome(pixels((1, 1, 6, 4, 5)))[:-20] + "</OME>", "OME-XML is damaged"),
        (ome(pixels((1, 1, 6, 9, 9))), "its metadata says 9 x 9 of 1 channels, its pages are 4 x 5 of 1 channels"),
        (ome(pixels((10**5, 10**5, 6, 4, 5))), "describes 60000000000 planes; expected up to 100000"),
        (ome(pixels((1, 0, 6, 4, 5))), "OME-XML is damaged .sizes"),
        (ome(pixels((1, 1, 6, 4, 5), order="XXXXX")), "OME-XML is damaged .DimensionOrder"),
        (ome(pixels((1, 1, 6, 4, 5), PhysicalSizeX="wide")), "OME-XML is damaged"),
        (ome(), "describes no image"),
    ],
)
def test_hostile_and_damaged_metadata_is_refused(tmp_path: Path, array: Array, xml: str, match: str) -> None:
    refused(write(tmp_path / "a.tif", array, xml), match)


def test_metadata_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ome_xml, "MAX_XML_BYTES", 100)
    with pytest.raises(InputError, match="beyond 100 bytes"):
        parse_ome(ome(pixels((1, 1, 6, 4, 5))), where="a")


@given(text=st.text(max_size=200), cut=st.integers(0, 400))
def test_any_text_is_parsed_or_refused(text: str, cut: int) -> None:
    whole = ome(pixels((1, 1, 6, 4, 5), plane(IFD=0)))
    try:
        parse_ome(whole[:cut] + text + whole[cut:], where="a")
    except InputError as error:
        assert "\n" not in str(error)
