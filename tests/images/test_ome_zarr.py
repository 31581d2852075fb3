"""OME-Zarr as others write it: the same pixels as other readers see, and one line where something is wrong."""

from __future__ import annotations

import json
import math
import os
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import numpy.typing as npt
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zarr.codecs import Crc32cCodec, ZstdCodec

from multiscope.errors import InputError
from multiscope.images.ome_zarr import OmeZarrImage, is_zarr, open_ome_zarr
from multiscope.images.zarr import array as zarr_array
from multiscope.stores.fields import write_field
from multiscope.stores.pixel_size import PixelSize

Array = npt.NDArray[Any]
PIXELS = np.arange(2 * 16 * 24, dtype=np.uint16).reshape(2, 16, 24) + 100
UNITS = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}
KINDS = {"t": "time", "c": "channel"}


def multiscale(
    axes: str, *, version: str | None = None, paths: tuple[str, ...] = ("0",), scale: float = 0.5
) -> dict[str, Any]:
    described = [{"name": a, "type": KINDS.get(a, "space")} | ({"unit": UNITS[a]} if a in UNITS else {}) for a in axes]
    numbers = [1.0 if a in KINDS else scale for a in axes]
    levels = [{"path": path, "coordinateTransformations": [{"type": "scale", "scale": numbers}]} for path in paths]
    return {"axes": described, "datasets": levels} | ({"version": version} if version else {})


def write_group(path: Path, ome: dict[str, Any], *, zarr_format: int = 3) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    if zarr_format == 3:
        document = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5"} | ome}}
        (path / "zarr.json").write_text(json.dumps(document))
    else:
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        (path / ".zattrs").write_text(json.dumps(ome))
    return path


def write_image(
    path: Path, pixels: Array = PIXELS, axes: str = "cyx", *, zarr_format: int = 3, ome: Any = None, **array: Any
) -> Path:
    """One level by zarr-python, chunks of 8 x 8 unless told."""
    described = multiscale(axes, version="0.4" if zarr_format == 2 else None)
    write_group(path, {"multiscales": [described], **(ome or {})}, zarr_format=zarr_format)
    write_array(path / "0", pixels, zarr_format=zarr_format, **array)
    return path


def write_array(path: Path, pixels: Array, *, zarr_format: int = 3, **array: Any) -> None:
    chunks = tuple(min(8, size) for size in pixels.shape)
    made = zarr.create_array(
        path, shape=pixels.shape, dtype=pixels.dtype, zarr_format=zarr_format, **({"chunks": chunks} | array)
    )
    made[...] = pixels


def edit(path: Path, change: Callable[[Any], Any], file: str = "zarr.json") -> Path:
    """Change the metadata of a group or array in place."""
    document = json.loads((path / file).read_text())
    change(document)
    (path / file).write_text(json.dumps(document))
    return path


def only(path: Path) -> OmeZarrImage:
    (image,) = open_ome_zarr(path)
    return image


def refusal(path: Path) -> str:
    """The one line with which opening or reading ends."""
    with pytest.raises(InputError) as caught:
        for image in open_ome_zarr(path):
            image.read()
            for name in image.info.labels:
                image.read_labels(name)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


# real stores


WRITTEN = [
    ("bioio_ome_zarr_zarr2.ome.zarr", "0.4", ("DNA", "MTs", "Actin"), PixelSize(1.0, 0.1, 0.1)),
    ("bioio_ome_zarr_zarr3.ome.zarr", "0.5", ("DNA", "MTs", "Actin"), PixelSize(1.0, 0.1, 0.1)),
    ("iohub_hcs_plate_v0.4.zarr", "0.4", ("DNA", "MTs", "Actin"), PixelSize()),
    ("ngff_zarr_v0.4.ome.zarr", "0.4", (), PixelSize()),
    ("ngff_zarr_v0.5.ome.zarr", "0.5", (), PixelSize()),
    ("ngff_zarr_v0.5_sharded.ome.zarr", "0.5", (), PixelSize()),
    ("ngio_v0.4.zarr", "0.4", ("channel_0", "channel_1", "channel_2"), PixelSize(None, 0.1, 0.1)),
    ("ngio_v0.5.zarr", "0.5", ("channel_0", "channel_1", "channel_2"), PixelSize(None, 0.1, 0.1)),
    ("ome_zarr_py_v0.4.zarr", "0.4", (), PixelSize()),
    ("ome_zarr_py_v0.5.zarr", "0.5", (), PixelSize()),
]


@pytest.mark.parametrize(("name", "version", "channels", "size"), WRITTEN)
def test_what_other_tools_write_reads_to_the_same_pixels(
    real_data: Path, name: str, version: str, channels: tuple[str, ...], size: PixelSize
) -> None:
    folder = real_data / "ome_written_by_tools"
    first = open_ome_zarr(folder / "ngio_v0.5.zarr")[0].read()
    for image in open_ome_zarr(folder / name):
        pixels = image.read()
        assert (pixels.min(), pixels.max(), round(float(pixels.mean()), 2)) == (106, 4326, 411.89)
        assert pixels.shape == (3, 1, 256, 256) and pixels.dtype == image.info.dtype == np.uint16
        rolled = image.info.name == "A/1/1"
        np.testing.assert_array_equal(pixels, np.roll(first, 64, axis=-1) if rolled else first)
        assert (image.info.format, image.info.channels) == (f"OME-Zarr {version}", channels)
        assert image.info.pixel_size == size
        assert ("unknown" in " ".join(image.info.remarks)) == (size == PixelSize())


def test_the_list_of_real_stores_is_complete(real_data: Path) -> None:
    there = {path.name for path in (real_data / "ome_written_by_tools").iterdir() if is_zarr(path)}
    assert there == {name for name, *_ in WRITTEN}


def test_a_real_plate_keeps_its_layout(real_data: Path) -> None:
    images = open_ome_zarr(real_data / "ome_written_by_tools" / "iohub_hcs_plate_v0.4.zarr")
    places = [(i.info.name, i.info.plate, i.info.well, i.info.site) for i in images]
    plate = "iohub_hcs_plate_v0.4"
    assert places == [("A/1/0", plate, "A01", "0"), ("A/1/1", plate, "A01", "1"), ("B/2/0", plate, "B02", "0")]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_real_labels_are_read(real_data: Path, version: str) -> None:
    image = only(real_data / "ome_written_by_tools" / f"ome_zarr_py_v{version}.zarr")
    assert image.info.labels == ("nuclei",)
    labels = image.read_labels("nuclei")
    assert labels.dtype == np.uint32 and labels.shape == (1, 256, 256)
    assert set(np.unique(labels)) == {0, 1}


THIRD_PARTY = [
    ("viv/ome-zarr/blobs_image_v04.ome.zarr", "OME-Zarr 0.4", "float64", PixelSize()),
    ("viv/ome-zarr/blobs_image_v05.ome.zarr", "OME-Zarr 0.5", "float64", PixelSize()),
    ("viv/bioformats-zarr/data.zarr", "OME-Zarr 0.1", "int8", PixelSize()),
    ("neuroglancer/simple_0.4", "OME-Zarr 0.4", "uint16", PixelSize(None, 0.004, 0.03)),
    ("neuroglancer/simple_0.5", "OME-Zarr 0.5", "uint16", PixelSize(None, 0.004, 0.03)),
]


@pytest.mark.parametrize(("name", "version", "dtype", "size"), THIRD_PARTY)
def test_stores_of_viewers_are_read(real_data: Path, name: str, version: str, dtype: str, size: PixelSize) -> None:
    image = only(real_data / "ome_third_party" / name)
    assert (image.info.format, image.info.dtype) == (version, np.dtype(dtype))
    assert image.info.pixel_size == pytest.approx(size)
    level = {"viv/bioformats-zarr/data.zarr": "0/0"}.get(name, "0" if "viv" in name else "scale0/image")
    pixels = zarr.open_array(real_data / "ome_third_party" / "neuroglancer" / "simple_0.4" / "scale0" / "image")[...]
    if "simple" in name:
        np.testing.assert_array_equal(image.read()[0, 0], pixels)
    else:
        assert image.read().size == math.prod(
            json.loads(_array_json(real_data / "ome_third_party" / name / level))["shape"]
        )


def _array_json(path: Path) -> str:
    return next(file for file in (path / "zarr.json", path / ".zarray") if file.is_file()).read_text()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("zarr_v2/from_zarr-python/data.zarr", "is a Zarr group without OME's metadata"),
        ("zarr_v3/from_zarrita/data.zarr", "is a Zarr group without OME's metadata"),
        ("zarr_v3/examples/single_res", "is a bare Zarr array without OME's metadata"),
        ("zarr_v2", "is no Zarr store"),
    ],
)
def test_a_store_without_omes_metadata_is_refused(real_data: Path, name: str, why: str) -> None:
    assert why in refusal(real_data / "ome_third_party" / "neuroglancer" / name)


@pytest.mark.parametrize("zoo", ["zarr_v2/from_zarr-python/data.zarr", "zarr_v3/from_zarrita/data.zarr"])
def test_every_array_of_a_zoo_reads_as_zarr_python_reads_it_or_is_refused(real_data: Path, zoo: str) -> None:
    """The arrays of 2 and 3 dimensions as if an OME-Zarr image named them."""
    from multiscope.images.zarr.node import open_node

    refused = []
    for path in sorted((real_data / "ome_third_party" / "neuroglancer" / zoo).glob("[123]d.*")):
        try:
            array = zarr_array.ZarrArray(open_node(path))
            found = array.read([range(size) for size in array.header.shape])
            # zarr-python does not know the transposition "F"; the array of that name has the pixels of the one in "C"
            known = path.with_name(path.name.removesuffix("F") + "C") if path.name.endswith(".F") else path
            np.testing.assert_array_equal(found, zarr.open_array(known, mode="r")[...])
        except InputError as error:
            refused.append((path.name, str(error)))
    assert {name for name, _ in refused if not name.startswith("1d.")} <= {"2d.chunked.U7", "3d.chunked.O"}
    assert all("expected" in message for _, message in refused)


# what is read


DTYPES = ["|b1", "|u1", "|i1", "<u2", ">u2", "<i2", "<u4", "<i8", "<f2", "<f4", ">f8"]


@given(data=st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_small_stores_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.sampled_from("tcz")))
    axes = "".join(data.draw(st.permutations(sorted(chosen | {"y", "x"}))))
    shape = tuple(data.draw(st.integers(1, 7)) for _ in axes)
    chunks = tuple(data.draw(st.integers(1, size)) for size in shape)
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    zarr_format = data.draw(st.sampled_from([2, 3]))
    options: dict[str, Any] = {"chunks": chunks, "config": {"write_empty_chunks": True}}
    if zarr_format == 2:
        separator = data.draw(st.sampled_from("./"))
        options |= {"chunk_key_encoding": {"name": "v2", "separator": separator}}
        options |= {"order": data.draw(st.sampled_from("CF"))}
        options |= {"compressors": data.draw(st.sampled_from([None, "auto", numcodecs.LZ4(), numcodecs.LZMA()]))}
        options |= {"filters": data.draw(st.sampled_from([None, [numcodecs.Shuffle(dtype.itemsize)]]))}
    elif data.draw(st.booleans()):
        options |= {"shards": tuple(chunk * data.draw(st.integers(1, 3)) for chunk in chunks)}
    pixels = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 99, shape).astype(dtype)
    path = write_image(tmp_path_factory.mktemp("s") / "s.zarr", pixels, axes, zarr_format=zarr_format, **options)
    image = only(path)
    expected = pixels.transpose([axes.index(axis) for axis in "tczyx" if axis in axes])
    full = expected.reshape([shape[axes.index(axis)] if axis in axes else 1 for axis in "tczyx"])
    assert image.info.axes == axes and image.info.shape == full.shape
    for time in range(full.shape[0]):
        np.testing.assert_array_equal(image.read(time=time), full[time])
    picked = data.draw(st.lists(st.integers(0, full.shape[1] - 1), min_size=1, max_size=4))
    found = image.read(channels=picked)
    np.testing.assert_array_equal(found, full[0][picked])
    assert found.dtype == image.info.dtype == dtype.newbyteorder("=") and found.dtype.isnative


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_what_ome_zarr_py_writes_and_reads_is_read_alike(tmp_path: Path, version: str) -> None:
    import ome_zarr.format
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader
    from ome_zarr.writer import write_image as write_by_ome_zarr_py

    path = tmp_path / "image.zarr"
    known = ome_zarr.format.FormatV04() if version == "0.4" else ome_zarr.format.FormatV05()
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    stack = np.random.default_rng(0).integers(0, 4096, (2, 3, 4, 40, 50)).astype(np.uint16)
    write_by_ome_zarr_py(stack, group, axes="tczyx", fmt=known)
    location = parse_url(path)
    assert location is not None
    (node, *_) = Reader(location)()
    image = only(path)
    for time in range(2):
        np.testing.assert_array_equal(image.read(time=time), np.asarray(node.data[0])[time])


def test_our_own_fields_are_read(tmp_path: Path) -> None:
    labels = np.zeros(PIXELS.shape[1:], np.uint32)
    labels[2:5, 3:9] = 70000
    write_field(
        tmp_path / "field", PIXELS, channels=["DNA", "tubulin"], pixel_size=PixelSize(None, 0.25, 0.25), labels=labels
    )
    image = only(tmp_path / "field")
    np.testing.assert_array_equal(image.read()[:, 0], PIXELS)
    np.testing.assert_array_equal(image.read_labels("cells")[0], labels)
    assert image.info.channels == ("DNA", "tubulin")
    assert image.info.pixel_size == PixelSize(None, 0.25, 0.25)
    assert image.info.remarks == ()


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("micrometer", 1.0), ("nanometer", 1e-3), ("millimeter", 1e3), ("meter", 1e6), ("angstrom", 1e-4), ("µm", 1.0)],
)
def test_a_pixel_size_is_in_micrometres(tmp_path: Path, unit: str, factor: float) -> None:
    path = write_image(tmp_path / "a.zarr")

    def change(document: Any) -> None:
        scale = document["attributes"]["ome"]["multiscales"][0]
        scale["axes"][1]["unit"] = scale["axes"][2]["unit"] = unit
        scale["coordinateTransformations"] = [{"type": "scale", "scale": [1, 3, 2]}]

    info = only(edit(path, change)).info
    assert info.pixel_size == pytest.approx(PixelSize(None, 1.5 * factor, 1.0 * factor)) and info.remarks == ()


@pytest.mark.parametrize(
    ("unit", "scale", "why"),
    [
        (None, [1.0, 0.5, 0.5], "y, x is unknown (0.5 without a unit)"),
        (None, [1.0, 1.0, 1.0], "y, x is unknown (1 without a unit)"),
        ("parsec", [1.0, 0.5, 0.5], "y, x is unknown (0.5 in 'parsec')"),
        ("micrometer", [1.0, 0, float("nan")], "y, x is unknown (no scale)"),
        ("micrometer", [0.5, 0.5], "y, x is unknown (no scale)"),
        ("micrometer", ["a", True, 10**400], "y, x is unknown (no scale)"),
        ("micrometer", None, "y, x is unknown (no scale)"),
    ],
)
def test_a_pixel_size_is_never_invented(tmp_path: Path, unit: str | None, scale: Any, why: str) -> None:
    path = write_image(tmp_path / "a.zarr")

    def change(document: Any) -> None:
        multiscale = document["attributes"]["ome"]["multiscales"][0]
        for axis in multiscale["axes"]:
            axis.pop("unit", None)
            axis |= {"unit": unit} if unit else {}
        multiscale["datasets"][0]["coordinateTransformations"] = [{"type": "scale", "scale": scale}] if scale else []

    info = only(edit(path, change)).info
    assert info.pixel_size == PixelSize()
    assert info.remarks == (f"the size of a pixel along {why}",)


@pytest.mark.parametrize(
    ("labels", "names", "remark"),
    [
        (["DNA", "actin"], ("DNA", "actin"), ()),
        ([0, 1], ("0", "1"), ()),
        (["DNA", "DNA"], (), ("'omero' names 1 channels, the image has 2: its names are not used",)),
        (["DNA"], (), ("'omero' names 1 channels, the image has 2: its names are not used",)),
        (["DNA", None], (), ("'omero' names 1 channels, the image has 2: its names are not used",)),
    ],
)
def test_channels_have_the_names_of_omero_if_each_has_one(
    tmp_path: Path, labels: list[Any], names: tuple[str, ...], remark: tuple[str, ...]
) -> None:
    info = only(
        write_image(tmp_path / "a.zarr", ome={"omero": {"channels": [{"label": label} for label in labels]}})
    ).info
    assert (info.channels, info.remarks) == (names, remark)


def test_the_largest_level_is_read_whatever_the_order(tmp_path: Path) -> None:
    path = write_group(tmp_path / "a.zarr", {"multiscales": [multiscale("cyx", paths=("small", "large", "lost"))]})
    write_array(path / "small", PIXELS[:, ::2, ::2])
    write_array(path / "large", PIXELS)
    image = only(path)
    np.testing.assert_array_equal(image.read()[:, 0], PIXELS)
    assert image.info.n_levels == 2
    assert image.info.remarks == (
        "1 of 3 levels of its pyramid are not there",
        "its levels are not listed from the largest on: level 1, the largest, is read",
    )


@pytest.mark.parametrize(
    ("version", "axes", "format"),
    [("0.1", None, "0.1"), ("0.2", None, "0.2"), ("0.3", list("tczyx"), "0.3"), ("0.4-dev1", None, "0.4")],
)
def test_old_versions_are_read(tmp_path: Path, version: str, axes: Any, format: str) -> None:
    described: dict[str, Any] = {"version": version, "datasets": [{"path": "0"}]} | ({"axes": axes} if axes else {})
    path = write_group(tmp_path / "a.zarr", {"multiscales": [described]}, zarr_format=2)
    write_array(path / "0", PIXELS[None, :, None], zarr_format=2)
    image = only(path)
    assert (image.info.format, image.info.shape) == (f"OME-Zarr {format}", (1, 2, 1, 16, 24))
    np.testing.assert_array_equal(image.read()[:, 0], PIXELS)


@pytest.mark.parametrize(
    ("ome", "what"),
    [
        ({"version": "0.6"}, "is OME-Zarr 0.6;"),
        ({"version": "0.6rc1"}, "is OME-Zarr 0.6rc1;"),
        ({"version": "0.9.dev"}, "is OME-Zarr 0.9.dev;"),
        ({"version": "1.0"}, "is OME-Zarr 1.0;"),
        ({"version": "0.5", "scene": {}}, "is OME-Zarr of a version after 0.5 (its metadata have 'scene')"),
        ({"multiscales": [{"coordinateSystems": []}]}, "after 0.5 (its metadata have 'coordinateSystems')"),
        ({"version": "newest"}, "has the OME-Zarr version 'newest'"),
    ],
)
def test_other_versions_are_refused_in_one_line(tmp_path: Path, ome: dict[str, Any], what: str) -> None:
    message = refusal(write_image(tmp_path / "a.zarr", ome=ome))
    assert what in message and "0.1 to 0.5 are read" in message
    assert "ngff-zarr -i OLD -o NEW --ome-zarr-version 0.5" in message or "newest" in message


# plates and collections


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_plate_gives_all_fields_of_its_wells(tmp_path: Path, zarr_format: int) -> None:
    path = tmp_path / "screen.ome.zarr"
    write_group(path, {"plate": {"name": "P7", "wells": [{"path": "B/3"}, {"path": "AA/12"}]}}, zarr_format=zarr_format)
    for well in ("B/3", "AA/12"):
        write_group(path / well, {"well": {"images": [{"path": "f1"}, {"path": "f0"}]}}, zarr_format=zarr_format)
        for field in ("f1", "f0"):
            write_image(path / well / field, zarr_format=zarr_format)
    infos = [image.info for image in open_ome_zarr(path)]
    assert [info.name for info in infos] == ["B/3/f1", "B/3/f0", "AA/12/f1", "AA/12/f0"]
    assert [(i.plate, i.well, i.site) for i in infos[1:3]] == [("P7", "B03", "f0"), ("P7", "AA12", "f1")]
    assert all(info.remarks == () for info in infos)
    well_alone = [image.info for image in open_ome_zarr(path / "B" / "3")]
    assert [(i.name, i.plate, i.well, i.site) for i in well_alone] == [("f1", "", "", "f1"), ("f0", "", "", "f0")]


def test_what_is_missing_of_a_plate_is_told_on_every_image(tmp_path: Path) -> None:
    path = write_group(tmp_path / "p.zarr", {"plate": {"wells": [{"path": "A/1"}, {"path": "A/2"}, {"path": "A/3"}]}})
    write_group(path / "A/1", {"well": {"images": [{"path": "0"}, {"path": "1"}]}})
    write_group(path / "A/2", {"well": {"images": [{"path": "0"}]}})
    assert "none of its 4 images is there (A/1/0, A/1/1, A/2/0, A/3)" in refusal(path)
    write_image(path / "A/1/0")
    (image,) = open_ome_zarr(path)
    assert image.info.plate == "p"
    assert image.info.remarks == ("3 of 4 images and wells that are listed are not there: A/1/1, A/2/0, A/3",)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_collection_follows_its_series(tmp_path: Path, zarr_format: int) -> None:
    path = write_group(tmp_path / "c.zarr", {"bioformats2raw.layout": 3}, zarr_format=zarr_format)
    for number in (0, 1, 10):
        write_image(path / str(number), PIXELS + number, zarr_format=zarr_format)
    images = open_ome_zarr(path)
    assert [image.info.name for image in images] == ["0", "1", "10"]
    assert images[0].info.remarks == ("8 of 11 images and wells that are listed are not there: 2, 3, 4, 5, 6, ...",)
    write_group(path / "OME", {"series": ["10", "0"]}, zarr_format=zarr_format)
    (path / "OME" / "METADATA.ome.xml").write_text("<OME/>")
    images = open_ome_zarr(path)
    assert [(image.info.name, int(image.read()[0, 0, 0, 0])) for image in images] == [("10", 110), ("0", 100)]
    assert images[0].info.remarks == ()


def test_a_group_that_happens_to_contain_images_is_not_guessed(tmp_path: Path) -> None:
    zarr.open_group(tmp_path / "g.zarr", mode="w")
    write_image(tmp_path / "g.zarr" / "0")
    assert "is a Zarr group without OME's metadata (multiscales, plate, well or" in refusal(tmp_path / "g.zarr")


def test_a_folder_is_a_zarr_by_its_metadata(tmp_path: Path) -> None:
    assert not is_zarr(tmp_path) and not is_zarr(tmp_path / "none")
    assert is_zarr(write_image(tmp_path / "three")) and is_zarr(write_image(tmp_path / "two", zarr_format=2))
    assert "is no Zarr store" in refusal(tmp_path)


# labels


def with_labels(path: Path, labels: Array, axes: str, *, image: Array = PIXELS, image_axes: str = "cyx") -> Path:
    write_image(path, image, image_axes)
    write_group(path / "labels", {"labels": ["cells"]})
    write_image(path / "labels" / "cells", labels, axes)
    return path


def test_labels_are_matched_in_time_and_depth(tmp_path: Path) -> None:
    image = np.zeros((3, 1, 4, 16, 24), np.uint16) + 1
    labels = np.arange(3 * 4 * 16 * 24, dtype=np.int64).reshape(3, 4, 16, 24)
    full = only(with_labels(tmp_path / "full", labels, "tzyx", image=image, image_axes="tczyx"))
    np.testing.assert_array_equal(full.read_labels("cells", time=2), labels[2])
    flat = only(with_labels(tmp_path / "flat", labels[0, 0], "yx", image=image, image_axes="tczyx"))
    np.testing.assert_array_equal(flat.read_labels("cells", time=2), labels[0, :1])
    assert flat.read_labels("cells").dtype == np.uint32


@pytest.mark.parametrize(
    ("labels", "axes", "why"),
    [
        (np.ones((16, 23), np.uint8), "yx", "has the shape (1, 1, 1, 16, 23) (t, c, z, y, x) beside an image of"),
        (np.ones((2, 16, 24), np.uint8), "zyx", "has the shape (1, 1, 2, 16, 24)"),
        (np.ones((2, 16, 24), np.uint8), "cyx", "has the shape (1, 2, 1, 16, 24)"),
        (np.ones((2, 16, 24), np.uint8), "tyx", "has the shape (2, 1, 1, 16, 24)"),
        (np.full((16, 24), 0.5), "yx", "has values that are no labels"),
        (np.full((16, 24), np.nan), "yx", "has values that are no labels"),
        (np.full((16, 24), -1), "yx", "has values that are no labels"),
        (np.full((16, 24), 2**32), "yx", "has values that are no labels"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, labels: Array, axes: str, why: str) -> None:
    assert why in refusal(with_labels(tmp_path / "a.zarr", labels, axes))


def test_an_image_without_cells_has_empty_labels(tmp_path: Path) -> None:
    path = with_labels(tmp_path / "a.zarr", np.zeros((16, 24), np.uint8), "yx")
    assert not (path / "labels" / "cells" / "0" / "c").exists()
    assert not only(path).read_labels("cells").any()


def test_labels_of_which_only_a_small_level_is_there_are_refused(tmp_path: Path) -> None:
    path = with_labels(tmp_path / "a.zarr", np.zeros((16, 24), np.uint8), "yx")
    write_group(path / "labels" / "cells", {"multiscales": [multiscale("yx", paths=("0", "1"))]})
    write_array(path / "labels" / "cells" / "1", np.ones((8, 12), np.uint8))
    assert "no chunk of its largest level is there" in refusal(path)


def test_unknown_and_lost_labels_are_named(tmp_path: Path) -> None:
    path = with_labels(tmp_path / "a.zarr", np.zeros((16, 24), np.uint8), "yx")
    with pytest.raises(InputError, match="has no labels 'nuclei'; it has 'cells': mend 'labels'"):
        only(path).read_labels("nuclei")
    write_group(path / "labels", {"labels": ["lost"]})
    assert "its labels 'lost' are not there" in refusal(path)


# damage


def test_a_chunk_left_out_is_the_fill_value_and_told(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.zarr", fill_value=7, chunks=(1, 8, 8))
    (path / "0" / "c" / "1" / "0" / "2").unlink()
    image = only(path)
    expected = PIXELS.copy()
    expected[1, :8, 16:] = 7
    np.testing.assert_array_equal(image.read()[:, 0], expected)
    assert image.info.remarks == (
        "1 of 12 chunks are not there and read as the fill value: empty regions, or the copy is not complete",
    )


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_an_image_without_any_chunk_is_refused(tmp_path: Path, zarr_format: int) -> None:
    path = write_image(tmp_path / "a.zarr", PIXELS * 0, zarr_format=zarr_format)
    remark = "no pixels are there: none of its 6 chunks; the copy may not be complete"
    assert only(path).info.remarks == (remark,)
    assert "no chunk of its pixels is there" in refusal(path)


def test_chunks_under_names_of_another_scheme_are_no_chunks(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.zarr", zarr_format=2, chunk_key_encoding={"name": "v2", "separator": "/"})
    edit(path / "0", lambda array: array.pop("dimension_separator"), ".zarray")
    assert "no chunk of its pixels is there" in refusal(path)


STORES: dict[str, dict[str, Any]] = {
    "v3": {},
    "v3 plain": {"compressors": None},
    "v3 sharded": {"shards": (2, 16, 24), "compressors": [ZstdCodec(), Crc32cCodec()]},
    "v2": {"zarr_format": 2},
    "v2 lz4": {"zarr_format": 2, "compressors": numcodecs.LZ4()},
    "v2 plain": {"zarr_format": 2, "compressors": None},
    "v2 filter": {"zarr_format": 2, "compressors": None, "filters": [numcodecs.Delta("<u2")]},
}


def chunk_files(path: Path) -> list[Path]:
    return sorted(file for file in (path / "0").rglob("*") if file.is_file() and not file.name.startswith((".z", "z")))


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("keep", [0, 1, 0.5, -1])
def test_a_truncated_chunk_is_refused_by_name(tmp_path: Path, kind: str, keep: float) -> None:
    path = write_image(tmp_path / "a.zarr", **STORES[kind])
    file = chunk_files(path)[0]
    content = file.read_bytes()
    file.write_bytes(content[: int(keep * len(content)) if keep == 0.5 else int(keep)])
    message = refusal(path)
    assert "a.zarr/0: is damaged (" in message and "copy or export the store again" in message


def test_a_flipped_bit_in_a_shard_with_checksums_is_refused(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.zarr", **STORES["v3 sharded"])
    (shard,) = chunk_files(path)
    whole = shard.read_bytes()
    for at in range(0, len(whole), 37):
        shard.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        assert "a.zarr/0: is damaged" in refusal(path)


@pytest.mark.parametrize("kind", STORES)
def test_mutated_stores_end_in_pixels_or_one_line(tmp_path: Path, kind: str) -> None:
    path = write_image(tmp_path / "a.zarr", **STORES[kind])
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    draw = random.Random(kind)
    for _ in range(40):
        file = draw.choice(files)
        whole = file.read_bytes()
        mutated = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            mutated[draw.randrange(len(mutated))] = draw.choice([draw.randrange(256), *b'0919.e-"[]{},'])
        file.write_bytes(mutated)
        try:
            assert all(image.read().ndim == 4 for image in open_ome_zarr(path))
        except InputError as error:
            assert "\n" not in str(error)
        finally:
            file.write_bytes(whole)


# hostile stores


ARRAY = {
    "shape": (["0"], "has the shape ['0']"),
    "shape ": ([2, 10**30, 24], "has the shape"),
    "shape  ": ([2, -16, 24], "has the shape"),
    "shape   ": ([2, 2**20, 2**20], "has planes of (1048576, 1048576)"),
    "shape    ": ([24], "has 1 dimensions; expected 2 to 5"),
    "shape     ": ([1, 1, 1, 2, 16, 24], "has 6 dimensions; expected 2 to 5"),
    "shape      ": ([2, 3, 16, 24], "has chunks (2, 8, 8) for shape (2, 3, 16, 24)"),
    "data_type": ("complex64", "holds 'complex64'; expected bool, integers"),
    "data_type ": ("string", "holds 'string'"),
    "data_type  ": ({"name": "numpy.datetime64"}, "holds {'name': 'numpy.datetime64'}"),
    "codecs": ([{"name": "numcodecs.pickle"}], "is packed with 'numcodecs.pickle'"),
    "codecs ": ([{"name": "bytes"}, {"name": "gzip", "configuration": 3}], "is damaged"),
    "codecs  ": (None, "is packed with None"),
    "chunk_grid": ({"name": "rectilinear"}, "has no regular grid"),
    "chunk_grid ": (
        {"name": "regular", "configuration": {"chunk_shape": [10**4, 10**4, 10**4]}},
        "has chunks of 2000000000000 bytes; expected up to 67108864",
    ),
    "chunk_key_encoding": ({"name": "hash"}, "names its chunks in an unknown way"),
    "chunk_key_encoding ": ({"name": "default", "configuration": {"separator": ".."}}, "separates the numbers"),
    "storage_transformers": ([{"name": "x"}], "has storage transformers"),
    "node_type": ("thing", "is no Zarr 3 group or array"),
    "node_type ": ("group", "is a group; expected an array of pixels"),
    "zarr_format": (4, "is no Zarr 3 group or array"),
}


@pytest.mark.parametrize("key", ARRAY)
def test_an_array_that_is_not_read_is_refused_by_its_reason(tmp_path: Path, key: str) -> None:
    value, why = ARRAY[key]
    path = write_image(tmp_path / "a.zarr")
    edit(path / "0", lambda document: document.update({key.strip(): value}))
    assert why in refusal(path)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("dtype", "<c8", "holds '<c8'"),
        ("dtype", "|O", "holds '|O'"),
        ("dtype", "<U7", "holds '<U7'"),
        ("dtype", "|S2", "holds '|S2'"),
        ("dtype", [["a", "<u2"]], "holds [['a', '<u2']]"),
        ("filters", [{"id": "pickle"}], "is packed with 'pickle'"),
        ("compressor", {"id": "pickle"}, "is packed with 'pickle'"),
        ("dimension_separator", "/../", "separates the numbers of chunks"),
        ("zarr_format", 3, "is not of Zarr 2"),
    ],
)
def test_a_zarr_2_array_that_is_not_read_is_refused(tmp_path: Path, key: str, value: Any, why: str) -> None:
    path = write_image(tmp_path / "a.zarr", zarr_format=2)
    edit(path / "0", lambda document: document.update({key: value}), ".zarray")
    assert why in refusal(path)


@pytest.mark.parametrize(
    ("chunks", "shards", "why"),
    [
        ([1, 1, 1], [2, 10**4, 10**4], "has 200000000 chunks a shard; expected up to 1048576"),
        ([2, 8, 7], [2, 16, 24], "has chunks (2, 8, 7) in shards (2, 16, 24)"),
        ([0, 8, 8], [2, 16, 24], "has the shape [0, 8, 8]"),
    ],
)
def test_shards_that_claim_too_much_are_refused(tmp_path: Path, chunks: list[int], shards: list[int], why: str) -> None:
    path = write_image(tmp_path / "a.zarr", shards=(2, 16, 24))

    def change(document: Any) -> None:
        document["chunk_grid"]["configuration"]["chunk_shape"] = shards
        document["codecs"][0]["configuration"]["chunk_shape"] = chunks

    edit(path / "0", change)
    assert why in refusal(path)


def test_a_read_beyond_two_gigabytes_is_refused_before_it_is_begun(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.zarr", PIXELS[None], "zcyx")
    edit(path / "0", lambda document: document.update({"shape": [1000, 2, 2**10, 2**10]}))
    message = "a time point has 4194304000 bytes; expected up to 2147483648: name fewer channels or cut it into parts"
    assert message in refusal(path)


def test_a_read_of_too_many_chunks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_image(tmp_path / "a.zarr")
    monkeypatch.setattr(zarr_array, "_MAX_CHUNKS", 5)
    assert "a time point is in 6 chunks; expected up to 5" in refusal(path)


NAMES = ["..", "../b.zarr", "0/../../b.zarr", "/etc", "a\\b", "", "a//b", "./0", "0\0", "a\nb", 0, None, "x" * 2000]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["level", "well", "field", "series", "label"])
def test_a_name_that_is_no_path_within_the_store_is_refused(tmp_path: Path, kind: str, name: Any) -> None:
    path = tmp_path / "a.zarr"
    write_image(tmp_path / "b.zarr")
    match kind:
        case "level":
            write_group(path, {"multiscales": [multiscale("cyx", paths=(name,))]})
        case "well":
            write_group(path, {"plate": {"wells": [{"path": name}]}})
        case "field":
            write_group(path, {"plate": {"wells": [{"path": "A/1"}]}})
            write_group(path / "A" / "1", {"well": {"images": [{"path": name}]}})
        case "series":
            write_group(path, {"bioformats2raw.layout": 3})
            write_group(path / "OME", {"series": [name]})
        case _:
            write_group(write_image(path) / "labels", {"labels": [name]})
    assert "expected a path within the store" in refusal(path)


@pytest.mark.parametrize("what", ["level", "metadata", "chunk", "folder of chunks"])
def test_a_link_out_of_the_store_is_refused(tmp_path: Path, what: str) -> None:
    path, other = write_image(tmp_path / "a.zarr"), write_image(tmp_path / "b.zarr")
    below = {"level": "0", "metadata": "0/zarr.json", "chunk": "0/c/0/1/2", "folder of chunks": "0/c/0/1"}[what]
    (path / below).rename(tmp_path / "aside")
    (path / below).symlink_to(other / below)
    assert "leads out of the store by a link" in refusal(path)
    (path / below).unlink()
    (path / below).symlink_to(path / below)
    assert "cannot be read" in refusal(path) or "leads out" in refusal(path)


def test_a_link_to_the_store_and_links_within_are_followed(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.zarr")
    (path / "0").rename(path / "moved")
    (path / "0").symlink_to("moved")
    (tmp_path / "link.zarr").symlink_to(path)
    np.testing.assert_array_equal(only(tmp_path / "link.zarr").read()[:, 0], PIXELS)


@pytest.mark.timeout(20)
def test_folders_of_links_to_themselves_come_to_an_end(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.zarr")
    for number in range(100):
        (path / "0" / "c" / f"1{number}").symlink_to("../c")
    assert "is a link to a folder; put a copy of the folder in its place" in refusal(path)


def test_a_pipe_is_no_chunk(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.zarr")
    chunk_files(path)[0].unlink()
    os.mkfifo(path / "0" / "c" / "0" / "0" / "0")
    assert "c/0/0/0: is no plain file" in refusal(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no JSON"),
        (b"[]", "are no JSON object"),
        (b'{"zarr_format": 3', "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b'{"a":' * 200_000, "is nested too deeply"),
        (b'{"a": "' + b" " * 2**25 + b'"}', "is larger than 33554432 bytes"),
        (b'{"zarr_format": 3, "node_type": "group", "attributes": {"ome": 3}}', "'ome' are no JSON object"),
        (b'{"zarr_format": 3, "node_type": "group", "attributes": []}', "without OME's metadata"),
        (b'{"zarr_format": 3, "node_type": "group", "attributes": [1]}', "are no JSON object"),
    ],
)
def test_metadata_that_make_no_sense_are_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = write_image(tmp_path / "a.zarr")
    (path / "zarr.json").write_bytes(content)
    assert why in refusal(path)


@pytest.mark.parametrize(
    ("ome", "why"),
    [
        ({"multiscales": []}, "list no levels"),
        ({"multiscales": [{"datasets": [3]}]}, "list no levels"),
        ({"multiscales": [{"datasets": []}]}, "list 0 levels"),
        ({"multiscales": [{"datasets": [{"path": "9"}]}]}, "its first level '9' is not there"),
        ({"multiscales": [multiscale("yx")]}, "has the axes y, x for 3 dimensions"),
        ({"multiscales": [multiscale("cyy")]}, "has the axes c, y, y for 3 dimensions"),
        ({"multiscales": [multiscale("qyx")]}, "has the axes q, y, x"),
        ({"multiscales": [multiscale("czx")]}, "has the axes c, z, x"),
        ({"multiscales": [{"datasets": [{"path": "0"}]}]}, "has the axes no axes for 3 dimensions"),
        ({"plate": []}, "'plate' are no JSON object"),
        ({"plate": {}}, "have no list 'wells'"),
        ({"plate": {"wells": []}}, "it lists none"),
        ({"plate": {"wells": [{"path": "A"}]}}, "name the well 'A'; expected row/column"),
        ({"plate": {"wells": [{"path": "A/1"}, {"path": "A/1"}]}}, "list 'A/1' 2 times"),
        ({"well": 3}, "is no well that lists its images"),
    ],
)
def test_ome_metadata_that_make_no_sense_are_refused(tmp_path: Path, ome: dict[str, Any], why: str) -> None:
    assert why in refusal(write_image(tmp_path / "a.zarr", ome=ome))


@pytest.mark.parametrize(
    ("codec", "content"),
    [
        ("zlib", zlib.compress(bytes(10**8))),
        ("gzip", numcodecs.GZip().encode(bytes(10**8))),
        ("bz2", numcodecs.BZ2().encode(bytes(10**8))),
        ("lzma", numcodecs.LZMA().encode(bytes(10**7))),
        ("zstd", numcodecs.Zstd().encode(bytes(10**8))),
        ("lz4", numcodecs.LZ4().encode(bytes(10**8))),
        ("blosc", numcodecs.Blosc().encode(bytes(10**8))),
    ],
)
@pytest.mark.parametrize("filters", [None, [numcodecs.Delta("<u2")]])
def test_a_chunk_that_unpacks_to_more_is_refused(tmp_path: Path, codec: str, content: bytes, filters: Any) -> None:
    path = write_image(
        tmp_path / "a.zarr", zarr_format=2, compressors=numcodecs.get_codec({"id": codec}), filters=filters
    )
    np.testing.assert_array_equal(only(path).read()[:, 0], PIXELS)
    chunk_files(path)[0].write_bytes(content)
    message = refusal(path)
    assert "a.zarr/0: is damaged" in message
    # found before it is unpacked, not after
    assert any(
        why in message for why in ("unpacks to more than its size", "buffer is too small", "End of data expected")
    )


def test_filters_that_round_are_told(tmp_path: Path) -> None:
    pixels = PIXELS.astype(np.float32)
    rounded = write_image(
        tmp_path / "a.zarr", pixels, zarr_format=2, filters=[numcodecs.Quantize(digits=1, dtype="<f4")]
    )
    assert only(rounded).info.lossy
    assert not only(write_image(tmp_path / "b.zarr", pixels, zarr_format=2)).info.lossy


def test_a_wrong_time_or_channel_is_the_callers_fault(tmp_path: Path) -> None:
    image = only(write_image(tmp_path / "a.zarr"))
    for wrong in ({"time": 1}, {"channels": [2]}, {"channels": [-1]}):
        with pytest.raises(IndexError):
            image.read(**wrong)  # type: ignore[arg-type]
