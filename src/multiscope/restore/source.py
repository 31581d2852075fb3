"""Images to restore, read plane by plane: OME-Zarr of any size, and other files a time point and channel at a time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.images.image import Image, ImageInfo, Shape
from multiscope.images.ome_zarr import open_ome_zarr
from multiscope.images.open import open_images
from multiscope.images.zarr.metadata import AXES, first_multiscale
from multiscope.images.zarr.multiscale import Multiscale
from multiscope.images.zarr.node import Node, is_zarr, open_node
from multiscope.stores.planes import Step

Array = npt.NDArray[Any]
MAX_PLANES = 10**6
"""Of one image."""
_READ_BYTES = 2**28
_LONGEST_STEP = 1e30
_TIME_UNITS = ("second", "millisecond", "microsecond", "nanosecond", "minute", "hour", "day")
_OURS = {"manifest.json", "zarr.json", "OME", "labels"}
_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


class Planes(Protocol):
    """Pixels of an image or label image, plane by plane."""

    axes: str
    """Some of `tczyx`, in this order."""
    shape: Shape

    def planes(self, *, time: int, channel: int) -> Iterator[Array]:
        """Planes (Y, X) of one time point and channel, in the order of z, as stored."""


@dataclass(frozen=True)
class Source:
    """One image."""

    info: ImageInfo
    pixels: Planes
    place: str = ""
    """Path within a plate or collection; empty for an image alone."""
    labels: dict[str, Planes] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    """Distances along axes beside the pixel size: of time points, and of pixels in a number without unit."""


class ZarrPlanes:
    """A Zarr array, of which no more is read at once than chunks that hold several planes make worth while."""

    def __init__(self, multiscale: Multiscale) -> None:
        """Nothing is read yet."""
        self._multiscale = multiscale
        self.axes = "".join(axis for axis in AXES if axis in multiscale.axes)
        self.shape = multiscale.shape

    def planes(self, *, time: int, channel: int) -> Iterator[Array]:
        """Planes (Y, X) in the order of z; a chunk that is not there is the fill value, if any is there."""
        array, stored = self._multiscale.array, self._multiscale.axes
        if not array.n_files:
            raise InputError(f"{array.where}: no chunk of its pixels is there; copy the store again")
        _, _, n_z, height, width = self.shape
        deep = dict(zip(stored, array.header.chunk, strict=True)).get("z", 1)
        together = max(1, min(deep, _READ_BYTES // (height * width * array.header.dtype.itemsize)))
        for first in range(0, n_z, together):
            picks = {
                "t": range(time, time + 1),
                "c": range(channel, channel + 1),
                "z": range(first, min(first + together, n_z)),
                "y": range(height),
                "x": range(width),
            }
            block = array.read([picks[axis] for axis in stored])
            block = block.transpose([stored.index(axis) for axis in self.axes])
            yield from block.reshape(-1, height, width)


class FilePlanes:
    """An image of another format, whose time points are read whole."""

    def __init__(self, image: Image) -> None:
        """Nothing is read yet."""
        self._image = image
        self.shape = image.info.shape
        self.axes = "".join(axis for axis, size in zip(AXES, self.shape, strict=True) if axis in "cyx" or size > 1)

    def planes(self, *, time: int, channel: int) -> Iterator[Array]:
        """Planes (Y, X) in the order of z."""
        yield from self._image.read(time=time, channels=[channel])[0]


def open_source(path: Path) -> list[Source]:
    """The image at `path`, or all of an OME-Zarr plate or collection; what cannot be restored is an `InputError`."""
    found = _from_zarr(path) if is_zarr(path) else [_from_file(path)]
    for source in found:
        n_planes = math.prod(source.pixels.shape[:3])
        if n_planes > MAX_PLANES:
            raise InputError(f"{source.info.where}: has {n_planes} planes; expected up to {MAX_PLANES}: cut it")
    return found


def _from_zarr(path: Path) -> list[Source]:
    root, images = open_node(path), open_ome_zarr(path)
    found = []
    for info in (image.info for image in images):
        alone = info.where == root.where
        node = root if alone else root.child(info.name)
        assert node is not None  # it was read a moment ago
        pixels = Multiscale(node)
        labels = {name: ZarrPlanes(_label_image(node, name, info)) for name in info.labels}
        place = "" if alone else info.name
        found.append(Source(info, ZarrPlanes(pixels), place, dict(labels), _steps(pixels)))
    _check_places([source.place for source in found], plate=bool(found[0].info.plate), where=str(path))
    return found


def _label_image(image: Node, name: str, info: ImageInfo) -> Multiscale:
    node = image.child(f"labels/{name}")
    if node is None:
        raise InputError(f"{info.where}: its labels {name!a} are not there; copy the store again")
    labels = Multiscale(node)
    if labels.shape[3:] != info.shape[3:] or labels.shape[1] != 1:
        raise InputError(
            f"{labels.where}: has the shape {labels.shape} (t, c, z, y, x) beside an image of {info.shape}; expected "
            "its size: make the labels again"
        )
    return labels


def _check_places(places: list[str], *, plate: bool, where: str) -> None:
    """The paths become those of the result, which other tools must be able to read."""
    for place in places:
        numbers = place.split("/")[1:]
        if _OURS & set(place.split("/")):
            raise InputError(f"{where}: names an image {place!a}, as files of a store are called; name one image of it")
        if place and (not _SAFE.fullmatch(place) or (plate and not all(part.isdecimal() for part in numbers))):
            raise InputError(
                f"{where}: names an image {place!a}; expected letters and digits, in a plate row/column/field as in "
                "B/3/0: name one image of it"
            )


def _steps(pixels: Multiscale) -> dict[str, Step]:
    """Distances along the axes as written: of time points, and of pixels whose number has no unit."""
    described = first_multiscale(pixels.block, pixels.where)
    levels = {f"{pixels.where}/{ascii(level.get('path'))[1:-1]}": level for level in described["datasets"]}
    parts = [part.get("coordinateTransformations") for part in (levels.get(pixels.array.where, {}), described)]
    axes = described.get("axes")
    found = {}
    for at, axis in enumerate(pixels.axes):
        unit = axes[at].get("unit") if isinstance(axes, list) and isinstance(axes[at], dict) else None
        value = math.prod(_scales(parts, at, n=len(pixels.axes)))
        known = math.isfinite(value) and 0 < value < _LONGEST_STEP
        if axis != "c" and known and getattr(pixels.pixel_size, axis, None) is None:
            found[axis] = Step(float(value), unit if axis == "t" and unit in _TIME_UNITS else None)
    return found


def _scales(parts: Sequence[object], at: int, *, n: int) -> Iterator[float]:
    """The numbers for one axis of all scales among lists of transformations."""
    for transforms in parts:
        for transform in transforms if isinstance(transforms, list) else []:
            scale = transform.get("scale") if isinstance(transform, dict) else None
            if isinstance(scale, list) and len(scale) == n and type(scale[at]) in (int, float):
                yield scale[at]


def _from_file(path: Path) -> Source:
    if path.is_dir():
        raise InputError(f"{path}: is a folder of files; expected an OME-Zarr, or one image file: name each by itself")
    with open_images(path) as images:
        found = list(images)
    if len(found) != 1:
        raise InputError(f"{path}: holds {len(found)} images; expected one: save each as a file of its own")
    return Source(found[0].info, FilePlanes(found[0]))
