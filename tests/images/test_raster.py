"""PNG and JPEG files."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow
from skimage.io import imread

from multiscope.errors import InputError
from multiscope.images import raster
from multiscope.images.image import Image
from multiscope.images.image_file import open_image_file

Array = npt.NDArray[Any]
# first pixel, step: of the seven passes of an interlaced PNG
PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def saved(array: Array, kind: str, mode: str | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    image = Pillow.fromarray(array)
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def only(content: bytes | Path) -> Image:
    (image,) = open_image_file(content, where="a.png", name="a.png", folder=None)
    return image


def noise(*shape: int, dtype: Any = np.uint8) -> Array:
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max, shape).astype(dtype)


def chunked(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def interlaced(array: Array) -> bytes:
    height, width = array.shape
    rows = b"".join(
        b"\0" + row.astype(array.dtype.newbyteorder(">")).tobytes()
        for y, x, down, right in PASSES
        for row in array[y::down, x::right]
        if row.size
    )
    header = struct.pack(">IIBBBBB", width, height, 8 * array.itemsize, 0, 0, 0, 1)
    return chunked((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_png(tmp_path: Path, dtype: Any) -> None:
    array = noise(13, 11, dtype=dtype)
    (tmp_path / "a.png").write_bytes(saved(array, "PNG"))
    image = only(tmp_path / "a.png")
    assert (image.info.shape, image.info.dtype, image.info.format) == ((1, 1, 1, 13, 11), dtype, "PNG")
    np.testing.assert_array_equal(image.read()[0, 0], array)
    np.testing.assert_array_equal(only(interlaced(array)).read()[0, 0], array)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_colour_png_keeps_all_bits(dtype: Any, n: int) -> None:
    array = noise(13, 11, n, dtype=dtype)
    content = imagecodecs.png_encode(array)
    image = only(content)
    assert (image.info.shape, image.info.dtype) == ((1, n, 1, 13, 11), dtype)
    np.testing.assert_array_equal(image.read()[:, 0], np.moveaxis(array, 2, 0))
    np.testing.assert_array_equal(image.read(channels=[1, 0])[:, 0], np.moveaxis(array[..., [1, 0]], 2, 0))
    assert ("its last channel is transparency" in image.info.remarks) == (n in (2, 4))
    colours = array[..., : n - (n in (2, 4))]
    colours[:] = array[..., :1]
    array[..., colours.shape[-1] :] = 7
    np.testing.assert_array_equal(only(imagecodecs.png_encode(array)).read()[:, 0], array[None, ..., 0])


def test_palette_png_is_its_colours() -> None:
    array = noise(13, 11, 3) // 128 * 255
    content = saved(array, "PNG", "P")
    np.testing.assert_array_equal(only(content).read()[:, 0], np.moveaxis(imread(io.BytesIO(content))[..., :3], 2, 0))


def test_jpeg_is_lossy() -> None:
    content = saved(noise(40, 50, 3), "JPEG")
    image = only(content)
    assert image.info.lossy
    assert image.info.format == "JPEG"
    np.testing.assert_array_equal(image.read()[:, 0], np.moveaxis(imread(io.BytesIO(content)), 2, 0))


def refused(content: bytes | Path, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        only(content)
    assert "\n" not in str(caught.value)


def test_cmyk_and_huge_images_are_refused() -> None:
    refused(saved(noise(8, 8, 4), "JPEG", "CMYK"), "is an image of kind CMYK; expected grey or RGB")
    for colour in (0, 2):
        header = struct.pack(">IIBBBBB", 60_000, 60_000, 16, colour, 0, 0, 0)
        huge = chunked((b"IHDR", header), (b"IDAT", zlib.compress(bytes(10))), (b"IEND", b""))
        refused(huge, "expected 1 to 268435456 pixels")


def test_a_flipped_bit_in_16_bit_colours_is_found() -> None:
    content = bytearray(imagecodecs.png_encode(noise(40, 50, 3, dtype=np.uint16)))
    content[len(content) // 2] ^= 1
    refused(bytes(content), "is damaged")
    refused(bytes(content[: len(content) // 2]), "is damaged")


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster, "MAX_FILE_BYTES", 100)
    (tmp_path / "a.png").write_bytes(saved(noise(40, 50), "PNG"))
    refused(tmp_path / "a.png", "is larger than 100 bytes")


def test_a_file_changed_after_it_was_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(noise(40, 50), "PNG"))
    image = only(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(saved(noise(41, 50), "PNG"))
    with pytest.raises(InputError, match="was changed while it was read"):
        image.read()


@pytest.mark.parametrize("colour", [False, True])
def test_bmp(colour: bool) -> None:
    pixels = noise(20, 31, 3) if colour else noise(20, 31)
    image = only(saved(pixels, "BMP"))
    assert image.info.format == "BMP"
    np.testing.assert_array_equal(image.read()[:, 0], np.moveaxis(pixels, -1, 0) if colour else pixels[None])
    with pytest.raises(InputError, match=r"a\.png: is damaged"):
        only(saved(pixels, "BMP")[:200])


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_png_of_few_bits_keeps_its_numbers(bits: int) -> None:
    array = np.random.default_rng(0).integers(0, 2**bits, (6, 16)).astype(np.uint8)
    lines = np.packbits(np.unpackbits(array[..., None], axis=-1)[..., 8 - bits :].reshape(6, -1), axis=-1)
    rows = b"".join(b"\0" + line.tobytes() for line in lines)
    header = struct.pack(">IIBBBBB", 16, 6, bits, 0, 0, 0, 0)
    image = only(chunked((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")))
    np.testing.assert_array_equal(image.read()[0, 0], array)
