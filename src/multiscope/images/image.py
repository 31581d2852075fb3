"""What every reader offers: images with axes t, c, z, y, x, their metadata read, their pixels not yet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.stores.pixel_size import PixelSize

Array = npt.NDArray[Any]
Shape = tuple[int, int, int, int, int]
MAX_PIXELS = 2**28
"""Of one plane."""
MAX_BYTES = 2**31
"""Of what is read at once."""


@dataclass(frozen=True)
class ImageInfo:
    """What is known of an image before its pixels are read."""

    name: str
    """Unique in its source, e.g. the file's path in a folder, `A/1/0` in a plate; foreign text, not a safe path."""
    where: str
    """How to name it in a message."""
    format: str
    """`OME-Zarr 0.5`, `OME-TIFF`, `ImageJ TIFF`, `TIFF`, `PNG`, `JPEG`, `npy`, ..."""
    shape: Shape
    """Sizes of t, c, z, y, x; 1 where the file has no such axis."""
    dtype: np.dtype[Any]
    """As stored, in native byte order."""
    channels: tuple[str, ...]
    """Names of the channels; empty where the file names none."""
    axes: str = "tczyx"
    """Axes that the file has, in its order, as its metadata names them."""
    pixel_size: PixelSize = field(default_factory=PixelSize)
    """In micrometres, converted from the file's unit."""
    n_levels: int = 1
    """Levels of the pyramid."""
    labels: tuple[str, ...] = ()
    """Names of label images that belong to it."""
    plate: str = ""
    well: str = ""
    """E.g. `B03`: row and column of a plate."""
    site: str = ""
    """Field of view within the well."""
    lossy: bool = False
    """Whether its compression changed the numbers (JPEG)."""
    partners: tuple[str, ...] = ()
    """Names of other files of its folder that hold parts of it (a set of OME-TIFF files)."""
    remarks: tuple[str, ...] = ()
    """What the reader noticed and the user should know, e.g. that a unit is missing or metadata disagree."""


class Image(Protocol):
    """One image; may be read from several threads."""

    @property
    def info(self) -> ImageInfo:
        """Its metadata."""

    def read(self, *, time: int = 0, channels: Sequence[int] | None = None) -> Array:
        """Pixels (C, Z, Y, X) of one time point, of the channels asked for, as stored.

        Bounded before anything is allocated; damage is an `InputError` of one line, never zeros.
        """

    def read_labels(self, name: str, *, time: int = 0) -> npt.NDArray[np.uint32]:
        """The label image `name`, (Z, Y, X) of level 0, Z of the image or 1."""


def asked_for(info: ImageInfo, *, time: int, channels: Sequence[int] | None) -> list[int]:
    """The channels to read, all where `channels` is None; more than 2^31 bytes of them are an `InputError`."""
    n_times, n_channels, *stack = info.shape
    chosen = list(range(n_channels) if channels is None else channels)
    if not 0 <= time < n_times or not all(0 <= channel < n_channels for channel in chosen):
        raise IndexError(f"{info.where}: time {time}, channels {chosen} of {info.shape}")
    check_bytes(len(chosen) * math.prod(stack) * info.dtype.itemsize, where=info.where)
    return chosen


def check_bytes(n_bytes: int, *, where: str) -> None:
    """Refuse to read more than 2^31 bytes of a time point, before anything is allocated."""
    if n_bytes > MAX_BYTES:
        raise InputError(
            f"{where}: a time point has {n_bytes} bytes; expected up to {MAX_BYTES}: name fewer channels or cut it "
            "into parts"
        )


def channel_indices(info: ImageInfo, names: Sequence[str]) -> list[int]:
    """Where the channels `names` stand in an image.

    Where the image names none, `names` name all of its channels in their order. An unknown name, or another number of
    channels, is an `InputError` that lists what there is.
    """
    n = info.shape[1]
    if info.channels and set(names) <= set(info.channels):
        return [info.channels.index(name) for name in names]
    if not info.channels and len(names) == n:
        return list(range(n))
    expected = ", ".join(map(repr, names))
    advice = ""
    if info.channels:
        has = f"the channels {', '.join(map(repr, info.channels))}"
        lower = {there.lower(): there for there in info.channels}
        near = [lower[close] for name in names for close in get_close_matches(name.lower(), lower, n=1)]
        advice = f"; did you mean '{near[0]}'?" if near and near[0] not in names else ""
    elif n == 1:
        has = "1 channel without a name"
        advice = " (files of one channel each are told apart by {channel} in the pattern)"
    else:
        has = f"{n} channels without names"
    raise InputError(f"{info.where}: has {has}; expected {expected}: mend 'channels'{advice}")


_KEPT = {
    np.dtype(bool): np.uint8,
    np.dtype(np.int8): np.uint8,
    np.dtype(np.int16): np.uint16,
    np.dtype(np.int32): np.uint32,
    np.dtype(np.float16): np.float32,
    np.dtype(np.float64): np.float32,
} | {np.dtype(kept): kept for kept in (np.uint8, np.uint16, np.uint32, np.float32)}


def as_intensities(pixels: Array, *, where: str) -> Array:
    """`pixels` in the type they are kept in: uint8, uint16, uint32 or float32, every value as it was.

    Signed integers become unsigned, other floats float32. Negative integers, NaN, 64 bit integers, complex numbers and
    values beyond float32 are an `InputError`.
    """
    kept = _KEPT.get(pixels.dtype.newbyteorder("="))
    if kept is None:
        raise InputError(
            f"{where}: holds {pixels.dtype}; expected integers of 8, 16 or 32 bit or floats: export it as one of these"
        )
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        n_bad = int(pixels.size - np.isfinite(pixels).sum())
        raise InputError(f"{where}: has {n_bad} pixels that are NaN or infinite; expected numbers: export it again")
    if pixels.dtype.kind == "i" and pixels.size and pixels.min() < 0:
        raise InputError(f"{where}: has negative values (down to {pixels.min()}); expected 0 or more: add an offset")
    with np.errstate(over="ignore"):
        result: Array = np.ascontiguousarray(pixels, dtype=kept)
    if result.dtype.kind == "f" and not np.isfinite(result).all():
        raise InputError(f"{where}: has values beyond 32 bit floats; expected intensities: rescale and export it again")
    return result


def as_labels(pixels: Array, *, where: str) -> npt.NDArray[np.uint32]:
    """Label numbers: 0 is background, every other whole number one object; anything else is an `InputError`."""
    low, high = pixels.min(), pixels.max()  # NaN where there is one
    if not (low >= 0 and high <= 2**32 - 1) or (pixels.dtype.kind == "f" and (pixels != np.floor(pixels)).any()):
        raise InputError(f"{where}: has values that are no labels; expected whole numbers from 0 on, one an object")
    return pixels.astype(np.uint32)
