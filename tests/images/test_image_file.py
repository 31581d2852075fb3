"""Planes from image files, whole and damaged."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from skimage.io import imread

from multiscope.errors import InputError
from multiscope.images.image_file import read_plane

KEPT = [np.uint8, np.uint16, np.uint32, np.float32]


def tiff(array: npt.NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def pillow(array: npt.NDArray[Any], kind: str, mode: str | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def refused(content: bytes | Path, match: str, read: Callable[..., Any] = read_plane) -> str:
    with pytest.raises(InputError, match=match) as caught:
        read(content, where="folder/a.tif")
    message = str(caught.value)
    assert message.startswith("folder/a.tif: ")
    assert "\n" not in message
    assert len(message) < 400
    return message


def noise(dtype: Any = np.uint16, shape: tuple[int, ...] = (40, 50)) -> npt.NDArray[Any]:
    rng = np.random.default_rng(1)
    return rng.random(shape, dtype=np.float32) if dtype == np.float32 else rng.integers(0, 255, shape).astype(dtype)


@given(
    array=st.sampled_from(KEPT).flatmap(
        lambda dtype: hnp.arrays(
            dtype,
            hnp.array_shapes(min_dims=2, max_dims=2, max_side=20),
            elements={"allow_nan": False, "allow_infinity": False} if dtype is np.float32 else None,
        )
    ),
    options=st.sampled_from([{}, {"compression": "zlib"}, {"byteorder": ">"}, {"bigtiff": True}, {"tile": (16, 16)}]),
)
def test_tiff_keeps_type_and_every_value(array: npt.NDArray[Any], options: dict[str, Any]) -> None:
    plane = read_plane(tiff(array, photometric="minisblack", **options), where="a.tif")
    assert plane.dtype == array.dtype
    np.testing.assert_array_equal(plane, array)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_keeps_type_and_values(tmp_path: Path, dtype: Any) -> None:
    array = (noise() * 200).astype(dtype)
    path = tmp_path / "a.png"
    path.write_bytes(pillow(array, "PNG"))
    plane = read_plane(path, where=str(path))
    assert plane.dtype == dtype
    np.testing.assert_array_equal(plane, array)
    np.testing.assert_array_equal(plane, imread(path))


def test_jpeg_is_read_as_an_independent_reader_does(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(pillow(noise(np.uint8), "JPEG"))
    np.testing.assert_array_equal(read_plane(path, where="a"), imread(path))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_lzw_tiff_keeps_type_and_values(dtype: Any) -> None:
    array = noise(dtype)
    plane = read_plane(pillow(array, "TIFF", compression="tiff_lzw"), where="a.tif")
    assert plane.dtype == dtype
    np.testing.assert_array_equal(plane, array)


@pytest.mark.parametrize(
    ("array", "kept"),
    [
        (np.array([[0, 32767]], np.int16), np.uint16),
        (np.array([[0, 7]], np.int32), np.uint32),
        (np.array([[0, 0.5]], np.float64), np.float32),
        (np.array([[0, 0.5]], np.float16), np.float32),
        (np.array([[False, True]]), np.uint8),
    ],
)
def test_other_types_are_kept_where_every_value_fits(array: npt.NDArray[Any], kept: Any) -> None:
    plane = read_plane(tiff(array), where="a.tif")
    assert plane.dtype == kept
    np.testing.assert_array_equal(plane, array)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_grey_stored_as_colour_is_grey_again(mode: str) -> None:
    array = noise(np.uint8)
    np.testing.assert_array_equal(read_plane(pillow(array, "PNG", mode), where="a.png"), array)


def test_colour_tiff_with_equal_channels_is_grey_in_both_layouts() -> None:
    array = noise(np.uint8)
    for axis, layout in ((2, "contig"), (0, "separate")):
        content = tiff(np.stack([array] * 3, axis=axis), photometric="rgb", planarconfig=layout)
        np.testing.assert_array_equal(read_plane(content, where="a.tif"), array)


def test_colour_is_refused() -> None:
    colour = noise(np.uint8, (40, 50, 3))
    refused(pillow(colour, "PNG"), "is a colour image; expected one channel .*: save each channel")
    refused(pillow(colour, "JPEG"), "is a colour image")
    refused(tiff(colour, photometric="rgb"), "is a colour image")
    refused(tiff(np.stack([colour] * 2), photometric="rgb"), "holds 6 planes; expected one")
    clear = np.dstack([np.zeros((4, 5, 3), np.uint8), np.arange(20, dtype=np.uint8).reshape(4, 5)])
    refused(pillow(clear, "PNG"), "transparent")


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x80\x04\x95pickle.", b"GIF89a", b"PK\x03\x04"])
def test_what_is_no_image_is_refused(content: bytes) -> None:
    refused(content, "is (empty|not an image); expected a TIFF, PNG, JPEG or BMP file")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.tif", "cannot be read .No such file")


@pytest.mark.parametrize(
    "content",
    [
        tiff(noise()),
        tiff(noise(), compression="zlib"),
        tiff(noise(np.float32), tile=(16, 16)),
        pillow(noise(np.uint8), "PNG"),
        pillow(noise(np.uint8, (200, 200)), "JPEG"),
        pillow(noise(), "TIFF", compression="tiff_lzw"),
    ],
    ids=["tiff", "tiff-zlib", "tiff-tiles", "png", "jpeg", "tiff-lzw"],
)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.98])
def test_a_cut_file_is_refused_and_nothing_else_is_said(
    content: bytes, share: float, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    refused(content[: max(9, int(len(content) * share))], "damaged|cannot|plane|shape|pixels")
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


@given(position=st.integers(8, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_never_ends_in_a_traceback_or_another_shape(position: int, bit: int) -> None:
    for content in (tiff(noise(np.uint8), compression="zlib"), tiff(noise(np.uint8)), pillow(noise(np.uint8), "PNG")):
        damaged = bytearray(content)
        damaged[position % len(damaged)] ^= 1 << bit
        try:
            plane = read_plane(bytes(damaged), where="a.tif")
        except InputError as error:
            assert "\n" not in str(error)
        else:
            assert plane.ndim == 2


def test_a_flipped_bit_in_a_png_is_found_by_its_checksum() -> None:
    content = bytearray(pillow(noise(np.uint8), "PNG"))
    content[len(content) // 2] ^= 1
    refused(bytes(content), "is damaged")


def test_a_tiff_that_leaves_parts_out_is_refused() -> None:
    content = bytearray(tiff(noise()))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tag = file.pages[0].tags["StripByteCounts"]
    content[tag.valueoffset : tag.valueoffset + 4] = bytes(4)
    refused(bytes(content), "damaged")


def test_planes_beyond_one_are_refused() -> None:
    refused(tiff(noise(np.uint16, (3, 40, 50)), photometric="minisblack"), "holds 3 planes; expected one")
    refused(tiff(noise(np.uint16, (3, 40, 50)), imagej=True), "holds 3 planes; expected one")
    two = tiff(noise(np.uint16, (2, 40, 50)), photometric="minisblack", planarconfig="separate")
    refused(two, "plane|colour|shape")


def test_ome_metadata_that_points_to_other_files_is_not_followed(tmp_path: Path) -> None:
    array = noise()
    tifffile.imwrite(tmp_path / "a.ome.tif", array, metadata={"axes": "YX"}, ome=True)
    np.testing.assert_array_equal(read_plane(tmp_path / "a.ome.tif", where="a"), array)


def test_a_huge_image_is_refused_before_it_is_decoded() -> None:
    small = tiff(np.zeros((2, 2), np.uint8))
    with tifffile.TiffFile(io.BytesIO(small)) as file:
        width, length = (file.pages[0].tags[name].valueoffset for name in ("ImageWidth", "ImageLength"))
    content = bytearray(small)
    for offset in (width, length):
        content[offset : offset + 4] = struct.pack("<I", 60_000)
    refused(bytes(content), r"has shape \(60000, 60000\); expected 1 to 268435456 pixels")
    png = bytearray(pillow(np.zeros((2, 2), np.uint8), "PNG"))
    png[16:24] = struct.pack(">II", 60_000, 60_000)
    png[29:33] = struct.pack(">I", zlib.crc32(bytes(png[12:29])))
    refused(bytes(png), "damaged|expected 1 to 268435456 pixels")


def test_a_strip_that_unpacks_to_much_more_than_the_image_is_refused() -> None:
    bomb = zlib.compress(bytes(10**8), 9)
    content = bytearray(tiff(np.zeros((8, 8), np.uint8), compression="zlib"))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tags = file.pages[0].tags
        offset, count = tags["StripOffsets"].valueoffset, tags["StripByteCounts"].valueoffset
        size = 2 if tags["StripByteCounts"].dtype == 3 else 4
    if size == 2:
        pytest.skip("tifffile wrote a 16 bit strip length, which cannot hold a bomb")
    content[offset : offset + 4] = struct.pack("<I", len(content))
    content[count : count + 4] = struct.pack("<I", len(bomb))
    refused(bytes(content) + bomb, "holds more data than pixels")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(bad: float) -> None:
    array = noise(np.float32)
    array[3, 4] = array[0, 0] = bad
    refused(tiff(array), "has 2 pixels that are NaN or infinite")


def test_values_that_do_not_fit_are_refused() -> None:
    refused(tiff(np.array([[0, -3]], np.int16)), r"has negative values \(down to -3\); expected 0 or more")
    refused(tiff(np.array([[0, 1e300]])), "beyond 32 bit floats")
    refused(tiff(np.array([[0, 1]], np.uint64)), "holds uint64")
    refused(tiff(np.array([[0, 1j]], np.complex64)), "holds complex64")


def test_the_log_of_tifffile_is_left_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    refused(tiff(noise())[:300], "damaged")
    log = logging.getLogger("tifffile")
    assert not log.disabled
    with caplog.at_level(logging.WARNING, logger="tifffile"):
        log.warning("ours is over")
    assert [record.message for record in caplog.records] == ["ours is over"]
