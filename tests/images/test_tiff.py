"""TIFF files of all kinds, against the readers of others, and hostile ones."""

from __future__ import annotations

import io
import struct
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.io import imread

from multiscope.errors import InputError
from multiscope.images import image as image_module
from multiscope.images.image import Image
from multiscope.images.image_file import open_image_file
from multiscope.images.tiff import pages as tiff_pages
from multiscope.stores.pixel_size import PixelSize

Array = npt.NDArray[Any]
DTYPES = ["u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8", "?"]
COMPRESSIONS = [None, "lzw", "zlib", "zstd", "packbits", "lzma"]


def written(array: Array, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def images(content: bytes | Path) -> list[Image]:
    return open_image_file(content, where="a.tif", name="a.tif", folder=None)


def only(content: bytes | Path) -> Image:
    (image,) = images(content)
    return image


def all_of(image: Image) -> Array:
    return np.stack([image.read(time=time) for time in range(image.info.shape[0])])


def refused(content: bytes, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        for image in images(content):
            all_of(image)
    message = str(caught.value)
    assert message.startswith("a.tif")
    assert "\n" not in message
    assert len(message) < 400


def noise(*shape: int, dtype: str = "u2") -> Array:
    return (np.random.default_rng(1).random(shape) * 200).astype(dtype)


@settings(max_examples=150)
@given(data=st.data())
def test_numbers_are_those_that_tifffile_reads(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(DTYPES))
    array = noise(*data.draw(st.lists(st.integers(1, 3), max_size=1)), *data.draw(st.tuples(*[st.integers(1, 40)] * 2)))
    array = (array % 2 if dtype == "?" else array).astype(dtype)
    compression = data.draw(st.sampled_from(COMPRESSIONS))
    options: dict[str, Any] = {"compression": compression} if compression else {}
    if dtype != "?":
        if compression in ("lzw", "zlib") and dtype not in ("f2", "f4", "f8"):
            options["predictor"] = data.draw(st.booleans())
        options["tile"] = data.draw(st.sampled_from([None, (16, 16), (32, 16)]))
    options["rowsperstrip"] = None if options.get("tile") else data.draw(st.sampled_from([None, 1, 7]))
    content = written(
        array,
        photometric="minisblack",
        metadata=None,
        bigtiff=data.draw(st.booleans()),
        byteorder=data.draw(st.sampled_from("<>")),
        **options,
    )
    image = only(content)
    assert image.info.dtype == array.dtype
    found = image.read()[0]
    np.testing.assert_array_equal(found.reshape(array.shape), array)
    np.testing.assert_array_equal(found.squeeze(), tifffile.imread(io.BytesIO(content)).squeeze())


@given(
    shape=st.tuples(*[st.integers(1, 3)] * 3),
    order=st.permutations("TZC"),
    labels=st.booleans(),
    size=st.integers(2, 9),
)
def test_ome_tiff_of_any_order_of_axes(shape: tuple[int, ...], order: list[str], labels: bool, size: int) -> None:
    array = noise(*shape, size, size + 1)
    names = {"Channel": {"Name": [f"c{i}" for i in range(shape[order.index("C")])]}} if labels else {}
    content = written(array, ome=True, photometric="minisblack", metadata={"axes": "".join(order) + "YX", **names})
    image = only(content)
    expected = array.transpose(*(order.index(axis) for axis in "TCZ"), 3, 4)
    assert image.info.shape == expected.shape
    np.testing.assert_array_equal(all_of(image), expected)
    assert image.info.channels == tuple(names.get("Channel", {}).get("Name", ()))


@given(shape=st.tuples(*[st.integers(1, 3)] * 3))
def test_imagej_hyperstacks(shape: tuple[int, ...]) -> None:
    array = noise(*shape, 5, 6)
    image = only(written(array, imagej=True, metadata={"axes": "TZCYX"}))
    np.testing.assert_array_equal(all_of(image), array.transpose(0, 2, 1, 3, 4))
    assert image.info.format == "ImageJ TIFF"


@pytest.mark.parametrize(("unit", "um"), [("micron", 1), ("\\u00B5m", 1), ("um", 1), ("nm", 1e-3), ("mm", 1e3)])
def test_imagej_pixel_size(unit: str, um: float) -> None:
    content = written(
        noise(4, 2, 5, 6),
        imagej=True,
        resolution=(4, 2),
        metadata={"axes": "ZCYX", "unit": unit, "spacing": 0.75, "Labels": ["DNA", "actin"] * 4},
    )
    info = only(content).info
    assert info.pixel_size == pytest.approx((0.75 * um, 0.5 * um, 0.25 * um))
    assert info.channels == ("DNA", "actin")
    assert info.axes == "zcyx"


@pytest.mark.parametrize("unit", ["pixel", "", "inch"])
def test_imagej_without_a_unit_of_length(unit: str) -> None:
    content = written(noise(5, 6), imagej=True, resolution=(72, 72), metadata={"unit": unit})
    assert only(content).info.pixel_size == PixelSize()


def test_imagej_labels_that_are_no_channels() -> None:
    labels = ["c:1/2 z:1/2 - title", "c:2/2 z:1/2 - title", "c:1/2 z:2/2 - title", "c:2/2 z:2/2 - title"]
    content = written(noise(2, 2, 5, 6), imagej=True, metadata={"axes": "ZCYX", "Labels": labels})
    assert only(content).info.channels == ()


def test_an_imagej_stack_of_one_page_is_read_as_a_run(tmp_path: Path) -> None:
    array = noise(2, 3, 4, 8, 9)
    with tifffile.TiffWriter(tmp_path / "a.tif", imagej=True) as writer:
        writer.write(array, metadata={"axes": "TZCYX"}, truncate=True)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(file.pages) == 1
    image = only(tmp_path / "a.tif")
    np.testing.assert_array_equal(all_of(image), array.transpose(0, 2, 1, 3, 4))
    np.testing.assert_array_equal(image.read(time=1, channels=[3, 1]), array[1].transpose(1, 0, 2, 3)[[3, 1]])
    content = (tmp_path / "a.tif").read_bytes()
    refused(content[: len(content) * 3 // 4], "ends before the last of its 24 planes")


def test_imagej_metadata_that_lies_is_refused() -> None:
    content = written(noise(3, 5, 6), imagej=True, metadata={"axes": "ZYX"})
    refused(content.replace(b"slices=3", b"slices=7"), "holds 3 planes, but its metadata says 1 time points x 7 slices")
    refused(content.replace(b"slices=3", b"slices=0"), "slices=0; expected 1 to 100000")


def test_pages_without_metadata_are_a_stack_and_it_is_said() -> None:
    array = noise(4, 5, 6)
    image = only(written(array, photometric="minisblack", metadata=None))
    assert image.info.shape == (1, 1, 4, 5, 6)
    assert any("taken as z" in remark for remark in image.info.remarks)
    np.testing.assert_array_equal(image.read()[0], array)


def test_axes_in_tifffiles_own_words() -> None:
    array = noise(2, 3, 5, 6)
    image = only(written(array, photometric="minisblack", metadata={"axes": "CTYX"}))
    np.testing.assert_array_equal(all_of(image)[:, :, 0], array.swapaxes(0, 1))
    assert image.info.remarks == ()
    one_page = only(written(array, photometric="minisblack", metadata={"axes": "CTYX"}, truncate=True))
    np.testing.assert_array_equal(all_of(one_page), all_of(image))


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colours_are_channels_and_equal_ones_are_one(planar: str) -> None:
    colours = noise(5, 6, 3, dtype="u1")
    stored = colours if planar == "contig" else np.moveaxis(colours, 2, 0)
    image = only(written(stored, photometric="rgb", planarconfig=planar))
    assert image.info.shape == (1, 3, 1, 5, 6)
    np.testing.assert_array_equal(image.read()[:, 0], np.moveaxis(colours, 2, 0))
    np.testing.assert_array_equal(image.read(channels=[2])[0, 0], colours[..., 2])
    stack = np.stack([colours[..., :1].repeat(3, axis=2)] * 2)
    grey = only(written(stack, photometric="rgb", metadata=None))
    assert grey.info.shape == (1, 1, 2, 5, 6)
    stack[1, 0, 0, 0] = 201  # one pixel of the last plane
    assert only(written(stack, photometric="rgb", metadata=None)).info.shape == (1, 3, 2, 5, 6)


def test_transparency_is_dropped_where_it_says_nothing() -> None:
    colours = np.dstack([noise(5, 6, 3, dtype="u1"), np.full((5, 6), 255, np.uint8)])
    assert only(written(colours, photometric="rgb", extrasamples=["unassalpha"])).info.shape[1] == 3
    colours[0, 0, 3] = 0
    image = only(written(colours, photometric="rgb", extrasamples=["unassalpha"]))
    assert image.info.shape[1] == 4
    assert "its last channel is transparency" in image.info.remarks


def test_channels_of_one_page_are_not_taken_for_colours() -> None:
    array = np.stack([noise(20, 30)] * 3, axis=2)
    image = only(written(array, photometric="minisblack", planarconfig="contig", metadata=None))
    assert image.info.shape == (1, 3, 1, 20, 30)


@pytest.mark.parametrize(
    ("options", "um"),
    [
        ({"resolution": (1e5, 5e4), "resolutionunit": "CENTIMETER"}, (0.2, 0.1)),
        ({"resolution": (25400, 25400), "resolutionunit": "INCH"}, (1, 1)),
        ({"resolution": (72, 72), "resolutionunit": "INCH"}, None),
        ({"resolution": (300, 300), "resolutionunit": "INCH"}, None),
        ({"resolution": (118.1102, 118.1102), "resolutionunit": "CENTIMETER"}, None),
        ({"resolution": (1e7, 1e7), "resolutionunit": "CENTIMETER"}, None),
        ({"resolution": (2, 2), "resolutionunit": "NONE"}, None),
        ({}, None),
    ],
)
def test_resolution_of_a_plain_file_counts_where_it_is_plausible(
    options: dict[str, Any], um: tuple[float, float] | None
) -> None:
    size = only(written(noise(5, 6), **options)).info.pixel_size
    assert size == (PixelSize() if um is None else pytest.approx(PixelSize(None, *um), nan_ok=False))


def test_levels_of_a_pyramid_are_counted_and_left_aside(tmp_path: Path) -> None:
    array = noise(64, 48)
    halves = [array[::2, ::2], array[::4, ::4]]
    path = tmp_path / "pages.tif"
    for flagged in (True, False):
        with tifffile.TiffWriter(path) as writer:
            for number, level in enumerate([array, *halves]):
                writer.write(level, metadata=None, subfiletype=1 if number and flagged else 0)
        image = only(path)
        assert (image.info.n_levels, image.info.shape) == (3, (1, 1, 1, 64, 48))
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(np.stack([array] * 2), subifds=2, metadata={"axes": "CYX"}, photometric="minisblack")
        for level in halves:
            writer.write(np.stack([level] * 2), subfiletype=1, photometric="minisblack")
    image = only(path)
    assert (image.info.n_levels, image.info.shape) == (3, (1, 2, 1, 64, 48))
    np.testing.assert_array_equal(image.read()[1, 0], array)


def test_pages_of_other_sizes_are_images_of_their_own() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(noise(20, 30), metadata=None)
        writer.write(noise(21, 30), metadata=None)
    first, second = images(file.getvalue())
    assert (first.info.name, second.info.name) == ("a.tif/0", "a.tif/1")
    assert second.info.shape == (1, 1, 1, 21, 30)
    assert second.info.where == "a.tif: image 1"


def test_jpeg_is_told_as_lossy_and_jpeg_2000_perhaps() -> None:
    array = noise(40, 50, dtype="u1")
    lossy = written(array, compression="jpeg")
    assert only(lossy).info.lossy
    np.testing.assert_array_equal(only(lossy).read()[0, 0], imread(io.BytesIO(lossy)))
    jpeg2000 = only(written(noise(40, 50), compression="jpeg2000"))
    np.testing.assert_array_equal(jpeg2000.read()[0, 0], noise(40, 50))
    assert "JPEG 2000" in jpeg2000.info.remarks[0]
    assert not jpeg2000.info.lossy


def test_white_zero_and_turned_rows_are_told() -> None:
    content = written(noise(5, 6, dtype="u1"), photometric="miniswhite", extratags=[(274, 3, 1, 6, False)])
    assert [remark.split(":")[0] for remark in only(content).info.remarks] == [
        "its 0 is white",
        "its orientation tag (6) is left aside",
    ]


def test_an_image_is_read_from_several_threads_and_holds_no_file_open(tmp_path: Path) -> None:
    array = noise(8, 40, 50)
    tifffile.imwrite(tmp_path / "a.tif", array, metadata=None, photometric="minisblack", compression="zlib")
    image = only(tmp_path / "a.tif")
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: image.read(), range(32)):
            np.testing.assert_array_equal(found[0], array)
    assert threading.active_count() < 50
    (tmp_path / "a.tif").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        image.read()


def test_pages_that_run_in_a_circle_are_refused() -> None:
    content = bytearray(written(noise(300, 2, 2), photometric="minisblack", metadata=None))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        last, early = file.pages[299].offset, file.pages[150].offset
        (n_tags,) = struct.unpack_from("<H", content, last)
    struct.pack_into("<I", content, last + 2 + 12 * n_tags, early)
    refused(bytes(content), "its pages run in a circle")


def test_more_pages_than_are_read_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_pages, "MAX_PAGES", 5)
    refused(written(noise(6, 2, 2), photometric="minisblack", metadata=None), "more than 5 pages")


def test_a_page_that_differs_from_the_first_is_refused() -> None:
    content = bytearray(written(noise(3, 20, 30), ome=True, metadata={"axes": "ZYX"}, photometric="minisblack"))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        struct.pack_into("<H", content, file.pages[2].tags["ImageWidth"].valueoffset, 29)
    refused(bytes(content), "its pages differ .20 x 29 x 1 uint16 and 20 x 30 x 1 uint16")


@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"compression": "zlib"}, {"bigtiff": True}])
def test_a_million_by_a_million_pixels_are_refused_before_allocation(options: dict[str, Any]) -> None:
    content = bytearray(written(np.zeros((16, 16), np.uint8), photometric="minisblack", **options))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        for name in ("ImageWidth", "ImageLength"):
            tag = file.pages[0].tags[name]
            struct.pack_into({3: "<H", 4: "<I", 16: "<Q"}[int(tag.dtype)], content, tag.valueoffset, 60_000)
    tracemalloc.start()
    refused(bytes(content), r"has shape \(60000, 60000\); expected 1 to 268435456 pixels")
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


def test_a_time_point_beyond_2_gib_is_refused_and_its_channels_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    image = only(written(noise(4, 20, 30), imagej=True, metadata={"axes": "CYX"}))
    monkeypatch.setattr(image_module, "MAX_BYTES", 2 * 20 * 30 * 2)
    assert image.read(channels=[3, 0]).shape == (2, 1, 20, 30)
    with pytest.raises(InputError, match=r"a time point has 4800 bytes; expected up to 2400: name fewer channels"):
        image.read()


@pytest.mark.parametrize(
    "description",
    ['{"shape": [200000, 1, 1], "axes": "ZYX"}', "ImageJ=1.54f\nimages=100000\nframes=2\nslices=100000\n"],
)
def test_a_run_of_too_many_planes_is_refused(tmp_path: Path, description: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(1, 1), description=description, metadata=None)
    with path.open("r+b") as file:
        file.truncate(2**20)
    with pytest.raises(InputError, match="describes 200000 planes; expected up to 100000"):
        only(path)


@pytest.mark.parametrize("order", "<>")
def test_integers_of_24_bits_are_refused(order: str) -> None:
    content = written(noise(4, 3, dtype="uint8"), metadata=None, byteorder=order)
    bits = {"<": b"\x02\x01\x03\x00\x01\x00\x00\x00", ">": b"\x01\x02\x00\x03\x00\x00\x00\x01\x00"}[order]
    at = content.index(bits) + 8
    with pytest.raises(InputError, match="holds integers of 24 bits; expected 8, 16 or 32"):
        only(content[:at] + {"<": b"\x18\0", ">": b"\0\x18"}[order] + content[at + 2 :])


def test_a_tile_much_larger_than_the_image_is_refused() -> None:
    content = bytearray(written(np.zeros((16, 16), np.uint8), tile=(16, 16), compression="zlib"))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        for name in ("TileWidth", "TileLength"):
            tag = file.pages[0].tags[name]
            struct.pack_into({3: "<H", 4: "<I"}[int(tag.dtype)], content, tag.valueoffset, 32_768)
    refused(bytes(content), "its parts are")


@pytest.mark.parametrize("options", [{"rowsperstrip": 5}, {"tile": (16, 16)}])
def test_parts_cut_short_or_left_out_are_refused(options: dict[str, Any]) -> None:
    content = bytearray(written(noise(40, 50), photometric="minisblack", **options))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        page = file.pages[0]
        tags = [page.tags.get(f"{part}ByteCounts") for part in ("Strip", "Tile")]
        counts = next(tag for tag in tags if tag is not None)
        offset, code = counts.valueoffset, {3: "<H", 4: "<I"}[int(counts.dtype)]
    for value in (0, 7):
        damaged = content.copy()
        struct.pack_into(code, damaged, offset, value)
        refused(bytes(damaged), "is damaged: (a part of its pixels is left|it holds less data)|corrupted tile")


def test_unknown_pixels_are_refused() -> None:
    refused(written(noise(5, 6, dtype="c8")[..., None].squeeze(), photometric="minisblack")[:60], "damaged")
    volume = written(noise(16, 16, 16), volumetric=True, tile=(16, 16, 16), photometric="minisblack")
    refused(volume, "holds a volume in one page")


def test_a_tiff_has_no_labels() -> None:
    with pytest.raises(InputError, match="has no labels 'nuclei'"):
        only(written(noise(5, 6))).read_labels("nuclei")


def test_sizes_inside_jpeg_streams_are_checked_before_they_are_allocated() -> None:
    jpeg = bytearray(written(noise(64, 64, dtype="u1"), compression="jpeg"))
    struct.pack_into(">HH", jpeg, jpeg.index(b"\xff\xc0") + 5, 65_000, 65_000)
    refused(bytes(jpeg), "is damaged: a part of 64 x 64 pixels holds 65000 x 65000")
    jpeg_2000 = bytearray(written(noise(64, 64), compression="jpeg2000"))
    struct.pack_into(">II", jpeg_2000, jpeg_2000.index(b"\xff\x4f\xff\x51") + 8, 60_000, 60_000)
    refused(bytes(jpeg_2000), "is damaged: a part of 64 x 64 pixels holds 60000 x 60000")


@pytest.mark.parametrize("compression", ["jpeg", "jpeg2000"])
@pytest.mark.parametrize("options", [{"tile": (32, 48)}, {"rowsperstrip": 16}, {}])
def test_parts_of_jpeg_streams_are_read(compression: str, options: dict[str, Any]) -> None:
    content = written(noise(70, 50, 3, dtype="u1"), compression=compression, photometric="rgb", **options)
    found = only(content).read()[:, 0]
    np.testing.assert_array_equal(found, np.moveaxis(tifffile.imread(io.BytesIO(content)), 2, 0))
