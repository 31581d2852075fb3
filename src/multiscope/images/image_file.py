"""One plane from a TIFF, PNG or JPEG file of unknown origin: bounded, checked, its numbers kept as they are."""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from multiscope.errors import InputError

Array = npt.NDArray[Any]
MAX_PIXELS = 2**28
_MAX_BYTES = 2**30 + 2**20
_KINDS = "expected one channel of 8 or 16 bit integers or 32 bit floats"
_PLAIN_MODES = ("1", "L", "I;16", "I;16B", "I;16L", "I", "F")
# what is read, and what it is kept as where every number fits
_DTYPES = {
    np.dtype(bool): np.uint8,
    np.dtype(np.int8): np.uint8,
    np.dtype(np.int16): np.uint16,
    np.dtype(np.int32): np.uint32,
    np.dtype(np.float16): np.float32,
    np.dtype(np.float64): np.float32,
} | {np.dtype(kept): kept for kept in (np.uint8, np.uint16, np.uint32, np.float32)}


def read_plane(source: Path | bytes, *, where: str) -> Array:
    """Read the one plane (Y, X) of an image file, or of the content of one; `where` names it in messages.

    uint8, uint16, uint32 and float32 keep their type and every value; signed integers become unsigned, other floats
    float32. Anything else, damage, NaN, and an image beyond 2^28 pixels are an `InputError`.
    """
    content = _content(source, where)
    decode = _decoder(content, where)
    try:
        plane = decode(content, where)
    except InputError:
        raise
    except Exception as error:  # decoders raise whatever they stumble over; all of it means a bad file
        fault = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{where}: is damaged or not supported ({fault}); copy or export the file again") from None
    return _checked(plane, where)


def read_labels(source: Path | bytes, *, where: str) -> npt.NDArray[np.uint32]:
    """Read a label image (Y, X): 0 is background, every other whole number one object."""
    plane = read_plane(source, where=where)
    labels = np.clip(plane, 0, 2**32 - 1).astype(np.uint32)
    if not np.array_equal(labels, plane):
        raise InputError(f"{where}: has values that are no labels; expected whole numbers from 0 on, one an object")
    return labels


def _content(source: Path | bytes, where: str) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        with source.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror}); name a readable image file") from None
    if len(content) > _MAX_BYTES:
        raise InputError(f"{where}: is larger than {_MAX_BYTES} bytes, the most that is read; cut the image into parts")
    return content


def _decoder(content: bytes, where: str) -> Callable[[bytes, str], Array]:
    if content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png
    if content.startswith(b"\xff\xd8\xff"):
        return lambda content, where: _pillow(JpegImageFile(io.BytesIO(content)), where)
    what = "is empty" if not content else "is not an image"
    raise InputError(f"{where}: {what}; expected a TIFF, PNG or JPEG file; export it as one")


def _tiff(content: bytes, where: str) -> Array:
    log = logging.getLogger("tifffile")
    before, log.disabled = log.disabled, True  # its complaints end in our one line instead
    try:
        # without OME's metadata, which may point to other files
        with tifffile.TiffFile(io.BytesIO(content), is_ome=False) as tiff:
            page = _only_page(tiff, where)
            _check_size(page.shape, where)
            _check_segments(page, where)
            plane: Array = page.asarray(maxworkers=1)
    except (ValueError, KeyError) as error:
        if "imagecodecs" not in str(error):
            raise
        return _pillow(TiffImageFile(io.BytesIO(content)), where)  # LZW and others, by libtiff
    finally:
        log.disabled = before
    return _grey(plane, where)


def _only_page(tiff: tifffile.TiffFile, where: str) -> tifffile.TiffPage:
    pages = [page for page in tiff.pages if isinstance(page, tifffile.TiffPage) and not page.is_reduced]
    if not pages:
        raise InputError(f"{where}: is damaged: it holds no image; copy or export the file again")
    # ImageJ describes only the first plane of a large stack as a page
    n_planes = max(len(pages), int((tiff.imagej_metadata or {}).get("images", 1)))
    if n_planes != 1:
        raise InputError(f"{where}: holds {n_planes} planes; expected one (Y, X): save each plane as a file of its own")
    return pages[0]


def _check_segments(page: tifffile.TiffPage, where: str) -> None:
    """Refuse parts that are left out (they would be read as zeros), and parts that unpack beyond the image's size."""
    counts = page.databytecounts
    if not counts or min(counts) <= 0 or min(page.dataoffsets) <= 0:
        raise InputError(f"{where}: is damaged: a part of its pixels is left out; copy or export the file again")
    if page.compression != tifffile.COMPRESSION.NONE and sum(counts) > 2 * page.nbytes + 2**16:
        raise InputError(f"{where}: is damaged: it holds more data than pixels; copy or export the file again")
    _check_size(page.chunks, where)


def _png(content: bytes, where: str) -> Array:
    PngImageFile(io.BytesIO(content)).verify()  # the checksums, which reading alone does not look at
    if content[24] == 16 and content[25] in (2, 6):
        raise InputError(f"{where}: is a colour image of 16 bit; {_KINDS}: save the channel as a grey image")
    return _pillow(PngImageFile(io.BytesIO(content)), where)


def _pillow(image: ImageFile.ImageFile, where: str) -> Array:
    _check_size(image.size, where)
    if image.mode in _PLAIN_MODES:
        return np.asarray(image.convert("L") if image.mode == "1" else image)
    if image.mode in ("P", "PA"):
        return _grey(np.asarray(image.convert("RGBA")), where)
    if image.mode in ("RGB", "RGBA", "LA"):
        return _grey(np.asarray(image), where)
    raise InputError(f"{where}: is an image of kind {image.mode}; {_KINDS}: export the channel as a grey image")


def _check_size(shape: tuple[int, ...], where: str) -> None:
    if not 0 < math.prod(shape) <= 4 * MAX_PIXELS or math.prod(sorted(shape)[-2:]) > MAX_PIXELS:
        raise InputError(f"{where}: has shape {tuple(shape)}; expected 1 to {MAX_PIXELS} pixels: cut it into parts")


def _grey(pixels: Array, where: str) -> Array:
    """A plane (Y, X) from (Y, X), or from colours that are all equal; opaque transparency is dropped."""
    squeezed = pixels.reshape([size for size in pixels.shape if size > 1]) if pixels.ndim > 2 else pixels
    if squeezed.ndim == 2:
        return squeezed
    if squeezed.ndim == 3 and squeezed.shape[0] in (2, 3, 4) and squeezed.shape[2] > 4:
        squeezed = np.moveaxis(squeezed, 0, 2)
    if squeezed.ndim != 3 or squeezed.shape[2] not in (2, 3, 4):
        raise InputError(
            f"{where}: has shape {pixels.shape}; expected one plane (Y, X): save each as a file of its own"
        )
    colours = squeezed[..., :-1] if squeezed.shape[2] in (2, 4) else squeezed
    if colours.shape[2] != squeezed.shape[2] and squeezed[..., -1].min() != squeezed[..., -1].max():
        raise InputError(f"{where}: has transparent parts or a fourth colour; {_KINDS}: export it without")
    if not (colours == colours[..., :1]).all():
        raise InputError(f"{where}: is a colour image; {_KINDS}: save each channel as a grey image of its own")
    return colours[..., 0]


def _checked(plane: Array, where: str) -> Array:
    kept = _DTYPES.get(plane.dtype.newbyteorder("="))
    if plane.ndim != 2 or kept is None:
        raise InputError(f"{where}: holds {plane.dtype} of shape {plane.shape}; {_KINDS}: export it as one of these")
    if plane.dtype.kind == "f" and not np.isfinite(plane).all():
        n_bad = int(plane.size - np.isfinite(plane).sum())
        raise InputError(f"{where}: has {n_bad} pixels that are NaN or infinite; expected numbers: export it again")
    if plane.dtype.kind == "i" and plane.min() < 0:
        raise InputError(f"{where}: has negative values (down to {plane.min()}); expected 0 or more: add an offset")
    with np.errstate(over="ignore"):
        result: Array = np.ascontiguousarray(plane, dtype=kept)
    if result.dtype.kind == "f" and not np.isfinite(result).all():
        raise InputError(f"{where}: has values beyond 32 bit floats; expected intensities: rescale and export it again")
    return result
