"""Images in NumPy's `.npy` and `.npz` files, as CARE and many papers publish them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.images.bounded import opened
from multiscope.images.image import MAX_PIXELS, Image, ImageInfo, asked_for
from multiscope.images.npy import open_npy
from multiscope.images.npz import Npz

Array = npt.NDArray[Any]
_ORDER = "STCZYX"
_MAX_IMAGES = 10**5
_COLOURS = 4


@dataclass(frozen=True)
class ArrayImage:
    """One image of an array."""

    info: ImageInfo
    _source: Callable[[], Array] = field(repr=False)
    """The array, mapped anew each time: thousands of files are not held open."""
    _axes: str
    _number: int
    """Along the axis S."""

    def read(self, *, time: int = 0, channels: Sequence[int] | None = None) -> Array:
        """Pixels (C, Z, Y, X) of a time point, in native byte order."""
        chosen = asked_for(self.info, time=time, channels=channels)
        image = by_sample(self._source(), self._axes, where=self.info.where)[self._number : self._number + 1]
        if image.shape[1:] != self.info.shape or image.dtype.newbyteorder("=") != self.info.dtype:
            raise InputError(f"{self.info.where}: was changed while it was read; start again")
        pixels = image[0, time]
        return np.array(pixels if channels is None else pixels[chosen], dtype=self.info.dtype, order="C")

    def read_labels(self, name: str, *, time: int = 0) -> npt.NDArray[np.uint32]:
        """Arrays come without label images: an `InputError`."""
        raise InputError(f"{self.info.where}: has no label image '{name}'; arrays have none")


def open_arrays(path: Path) -> list[Image]:
    """Every image of a `.npy` file, or of all arrays of a `.npz` file: one for each index of the axis S.

    The axes are those that the file's entry `axes` names, or else guessed. What is no image is left out with a remark.
    """
    if is_npz(path):
        return _open_npz(path)
    return _images_of(partial(open_npy, path), None, name=path.stem, where=str(path), format="npy")


def is_npz(path: Path) -> bool:
    """Whether a file begins as a zip archive does."""
    with opened(path, where=str(path)) as file:
        return file.read(2) == b"PK"


def _open_npz(path: Path) -> list[Image]:
    file = Npz(path)
    axes = axes_of(file)
    kept = [name for name in file.names if name != "axes" and file.holds_numbers(name)]
    if not kept:
        there = ", ".join(ascii(name) for name in file.names[:5]) or "nothing"
        raise InputError(f"{path}: holds no array of images (but {there}); expected e.g. X and Y, as CARE saves them")
    left_out = [ascii(name) for name in file.names if name not in (*kept, "axes")]
    remarks = (f"holds no images and is left out: {', '.join(left_out[:5])}",) if left_out else ()
    images: list[Image] = []
    for name in kept:
        where = file.where(name)
        images += _images_of(file.source(name), axes, name=name, where=where, format="npz", remarks=remarks)
    return images


def axes_of(file: Npz) -> str | None:
    """The axes that a file of CARE names, e.g. `SCYX`; None where it names none."""
    axes = file.text("axes")
    if axes is None:
        return None
    axes = axes.strip("\0 ").upper()
    if not set(axes) <= set(_ORDER):
        raise InputError(f"{file.where('axes')}: is {axes!r}; expected letters of {_ORDER}, each once: save it again")
    return axes


def guess_axes(shape: tuple[int, ...]) -> str:
    """Axes by their number: `YX`, `SYX`, `SCYX`, `SCZYX`; the last is C where it has 4 or less: `SYXC`, `SZYXC`."""
    if len(shape) <= 3:
        return "SYX"[-len(shape) :]
    if len(shape) > 5:
        return "STCZYX"[-len(shape) :]
    spatial = "YX" if len(shape) == 4 else "ZYX"
    return f"S{spatial}C" if shape[-1] <= _COLOURS < shape[-2] else f"SC{spatial}"


def by_sample(array: Array, axes: str, *, where: str) -> Array:
    """A view (S, T, C, Z, Y, X) of `array`, whose axes `axes` names; axes that do not fit are an `InputError`."""
    if len(axes) != array.ndim or len(set(axes)) != len(axes) or not {"Y", "X"} <= set(axes) <= set(_ORDER):
        raise InputError(
            f"{where}: has {array.ndim} axes of {' x '.join(map(str, array.shape))}, which '{axes}' does not fit; "
            "expected one letter an axis, Y and X among them: mend 'axes'"
        )
    there = [axis for axis in _ORDER if axis in axes]
    ordered = array.transpose([axes.index(axis) for axis in there])
    view = ordered[tuple(slice(None) if axis in axes else np.newaxis for axis in _ORDER)]
    if view.shape[-1] * view.shape[-2] > MAX_PIXELS:
        raise InputError(f"{where}: has planes of {view.shape[-2:]}; expected up to {MAX_PIXELS} pixels: cut them")
    return view


def _images_of(
    source: Callable[[], Array],
    axes: str | None,
    *,
    name: str,
    where: str,
    format: str,
    remarks: tuple[str, ...] = (),
) -> list[Image]:
    """The images of an array, numbered from 0 where it has the axis S; axes that do not fit in number are guessed."""
    array = source()
    if array.ndim < 2:
        raise InputError(f"{where}: has shape {array.shape}; expected images, the last two axes Y and X")
    axes = axes if axes is not None and len(axes) == array.ndim else guess_axes(array.shape)
    samples = by_sample(array, axes, where=where)
    if len(samples) > _MAX_IMAGES:
        raise InputError(f"{where}: has {len(samples)} images; expected up to {_MAX_IMAGES}: cut it into parts")
    digits = len(str(len(samples) - 1))
    _, *shape = samples.shape
    return [
        ArrayImage(
            ImageInfo(
                name=f"{name}/{number:0{digits}d}" if "S" in axes else name,
                where=f"{where}[{number}]" if "S" in axes else where,
                format=format,
                shape=(shape[0], shape[1], shape[2], shape[3], shape[4]),
                dtype=array.dtype.newbyteorder("="),
                channels=(),
                axes=axes.replace("S", "").lower(),
                remarks=remarks if number == 0 else (),
            ),
            source,
            axes,
            number,
        )
        for number in range(len(samples))
    ]
