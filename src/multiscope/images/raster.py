"""PNG, JPEG and BMP files."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from multiscope.errors import InputError
from multiscope.images.bounded import Source, read_bounded
from multiscope.images.colours import TRANSPARENT, kept_samples, picked
from multiscope.images.image import Image, ImageInfo, asked_for
from multiscope.images.tiff.pages import check_size, faults_named

Array = npt.NDArray[Any]
MAX_FILE_BYTES = 2**30 + 2**20
_GREY = ("1", "L", "I;16", "I;16B", "I;16L", "I", "F")
_COLOUR = {"P": "RGBA", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA", "LA": "LA"}
_PNG_MANY = (2, 4, 6)


class RasterImage:
    """The image of such a file, decoded when it is read."""

    def __init__(
        self, source: Source, info: ImageInfo, decode: Callable[[bytes, str], Array], samples: tuple[int, ...]
    ):
        """`decode` gives (Y, X, samples), of which `samples` are channels."""
        self.info = info
        self._source, self._decode, self._samples = source, decode, samples

    def read(self, *, time: int = 0, channels: Sequence[int] | None = None) -> Array:
        """Pixels (C, 1, Y, X), as stored."""
        chosen = asked_for(self.info, time=time, channels=channels)
        pixels = self._decode(_content(self._source, self.info.where), self.info.where)
        result = picked(pixels, tuple(self._samples[channel] for channel in chosen))[:, None]
        if result.shape[2:] != self.info.shape[3:] or result.dtype != self.info.dtype:
            raise InputError(f"{self.info.where}: was changed while it was read; start again")
        return np.ascontiguousarray(result)

    def read_labels(self, name: str, *, time: int = 0) -> npt.NDArray[np.uint32]:
        """Such a file has no label images."""
        raise InputError(f"{self.info.where}: has no labels '{name}': such a file holds none; name a file of labels")


def open_png(source: Source, *, where: str, name: str) -> list[Image]:
    """The image of a PNG file."""
    return [_opened(source, _png, "PNG", where=where, name=name)]


def open_jpeg(source: Source, *, where: str, name: str) -> list[Image]:
    """The image of a JPEG file."""
    return [_opened(source, _jpeg, "JPEG", where=where, name=name)]


def open_bmp(source: Source, *, where: str, name: str) -> list[Image]:
    """The image of a BMP file."""
    return [_opened(source, _bmp, "BMP", where=where, name=name)]


def _opened(
    source: Source, decode: Callable[[bytes, str], Array], format: str, *, where: str, name: str
) -> RasterImage:
    """Decode it once, for size, type and whether it has colours."""
    pixels = decode(_content(source, where), where)
    height, width, n = pixels.shape
    alpha = n in (2, 4)
    samples = kept_samples([pixels], n=n, alpha=alpha) if n > 1 else (0,)
    info = ImageInfo(
        name=name,
        where=where,
        format=format,
        shape=(1, len(samples), 1, height, width),
        dtype=pixels.dtype,
        channels=(),
        axes="yxc" if n > 1 else "yx",
        lossy=format == "JPEG",
        remarks=(TRANSPARENT,) if alpha and len(samples) == n else (),
    )
    return RasterImage(source, info, decode, samples)


def _content(source: Source, where: str) -> bytes:
    return read_bounded(source, limit=MAX_FILE_BYTES, where=where, instead="cut the image into parts")


def _png(content: bytes, where: str) -> Array:
    with faults_named(where):
        image = PngImageFile(io.BytesIO(content))
        image.verify()  # the checksums, which reading alone does not look at
        bits, kind = content[24], content[25]
        if bits != 16 or kind not in _PNG_MANY:
            pixels = _pillow(PngImageFile(io.BytesIO(content)), where)
            # Pillow stretches grey of fewer bits to 0..255
            return pixels // (255 // (2**bits - 1)) if kind == 0 and bits < 8 else pixels
        width, height = image.size  # Pillow would cut several samples of 16 bit to 8
        check_size((height, width), 4, np.dtype(np.uint16), where=where)
        return np.asarray(imagecodecs.png_decode(content)).reshape(height, width, -1)


def _jpeg(content: bytes, where: str) -> Array:
    with faults_named(where):
        return _pillow(JpegImageFile(io.BytesIO(content)), where)


def _bmp(content: bytes, where: str) -> Array:
    with faults_named(where):
        return _pillow(BmpImageFile(io.BytesIO(content)), where)


def _pillow(image: ImageFile.ImageFile, where: str) -> Array:
    """Pixels (Y, X, samples) in native byte order."""
    kind = _COLOUR.get(image.mode)
    check_size((image.height, image.width), len(kind) if kind else 1, np.dtype(np.uint32), where=where)
    if image.mode in _GREY:
        pixels = np.asarray(image.convert("L") if image.mode == "1" else image)[..., None]
    elif kind is not None:
        pixels = np.asarray(image.convert(kind) if kind != image.mode else image)
    else:
        raise InputError(f"{where}: is an image of kind {image.mode}; expected grey or RGB: export it as one of these")
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
