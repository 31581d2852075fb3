"""OME-Zarr 0.5 fields: images (C, Y, X) or (C, Z, Y, X) with names, pixel size, a pyramid, and label images.

One shard an image and level, chunks of 256 x 256 (and up to 8 planes); blosc-lz4 with bitshuffle for integers, zstd for
floats and labels, crc32c for all. zarr-python creates and describes; tensorstore moves the bytes, and reports a missing
or damaged shard instead of answering zeros.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zarr

from multiscope.errors import InputError
from multiscope.stores.chunks import Array, Chunks, compressors, write_chunks
from multiscope.stores.ome_metadata import OME_VERSION, OmeMetadata, multiscales, omero
from multiscope.stores.pixel_size import PixelSize
from multiscope.stores.pyramid import image_levels, label_levels

_CHUNK = {"c": 1, "z": 8, "y": 256, "x": 256}
_BLOCK = 2048
_SHARD_BYTES = 2**30
_MOST_SHARDS = 10**5
_LABELS = "cells"


def write_field(
    path: Path,
    image: Array,
    *,
    channels: Sequence[str],
    pixel_size: PixelSize = PixelSize(),  # noqa: B008 - a tuple
    labels: Array | None = None,
) -> None:
    """Write `image` (C, Y, X) or (C, Z, Y, X) as an OME-Zarr 0.5 image at `path`, with `labels` beside it.

    `labels`, (Y, X) or (Z, Y, X), become the label image `cells`.
    """
    if image.ndim not in (3, 4) or len(channels) != image.shape[0] or image.size == 0:
        raise ValueError(
            f"{path}: image is {image.shape}, expected (C, Y, X) or (C, Z, Y, X) with {len(channels)} channels"
        )
    if labels is not None and labels.shape not in (image.shape[1:], image.shape[-2:]):
        raise ValueError(f"{path}: labels have shape {labels.shape}, but the image {image.shape}")
    axes = "cyx" if image.ndim == 3 else "czyx"
    levels = image_levels(image)
    group = zarr.open_group(path, mode="w", zarr_format=3)
    group.attrs["ome"] = {
        "version": OME_VERSION,
        "multiscales": multiscales(path.name, axes, len(levels), pixel_size),
        "omero": omero(channels, image),
    }
    for number, level in enumerate(levels):
        _write_level(path, str(number), level, axes, counts=image.dtype.kind in "iu")
    if labels is not None:
        _write_labels(path / "labels", labels, pixel_size)


def _write_labels(path: Path, labels: Array, pixel_size: PixelSize) -> None:
    listing = zarr.open_group(path, mode="w", zarr_format=3)
    listing.attrs["ome"] = {"version": OME_VERSION, "labels": [_LABELS]}
    write_label_image(path / _LABELS, labels, pixel_size=pixel_size)


def write_label_image(path: Path, labels: Array, *, pixel_size: PixelSize = PixelSize()) -> None:  # noqa: B008
    """Write `labels`, (Y, X) or (Z, Y, X), as an OME-Zarr 0.5 label image at `path`."""
    levels = label_levels(labels.astype(np.uint32))
    axes = "zyx"[-labels.ndim :]
    group = zarr.open_group(path, mode="w", zarr_format=3)
    group.attrs["ome"] = {
        "version": OME_VERSION,
        "multiscales": multiscales(path.name, axes, len(levels), pixel_size),
        "image-label": {"version": OME_VERSION, "source": {"image": "../../"}},
    }
    for number, level in enumerate(levels):
        _write_level(path, str(number), level, axes, counts=False)


def _write_level(path: Path, name: str, level: Array, axes: str, *, counts: bool) -> None:
    chunks = tuple(min(_CHUNK[axis], n) for axis, n in zip(axes, level.shape, strict=True))
    zarr.create_array(
        path,
        name=name,
        shape=level.shape,
        dtype=level.dtype,
        chunks=chunks,
        shards=_shards(level, axes, chunks),
        compressors=compressors(level.dtype.itemsize, counts=counts),
        dimension_names=list(axes),
        fill_value=0,
        zarr_format=3,
    )
    write_chunks(path / name, level)


def _shards(level: Array, axes: str, chunks: tuple[int, ...]) -> tuple[int, ...]:
    """The whole level if that is no more than 1 GiB; else blocks of it, if needed of one channel or a few planes."""
    whole = dict(zip(axes, level.shape, strict=True))
    plane = {axis: min(_BLOCK, whole[axis]) for axis in "yx"}
    few = {"c": 1, "z": _CHUNK["z"]}
    candidates = [whole, whole | plane, whole | plane | {"c": 1}, whole | plane | few]
    rounded = [
        tuple(math.ceil(candidate[axis] / chunk) * chunk for axis, chunk in zip(axes, chunks, strict=True))
        for candidate in candidates
    ]
    fitting = [shape for shape in rounded if math.prod(shape) * level.dtype.itemsize <= _SHARD_BYTES]
    return (fitting or rounded[-1:])[0]


def read_field(path: Path) -> Array:
    """Level 0 of the image at `path`, (C, Y, X) or (C, Z, Y, X); a missing or damaged chunk is an error."""
    return _read_level_0(path, ("cyx", "czyx"))


def read_labels(path: Path) -> npt.NDArray[np.uint32]:
    """Level 0 of the label image `cells` of the image at `path`, (Y, X) or (Z, Y, X) uint32."""
    return read_label_image(path / "labels" / _LABELS)


def read_label_image(path: Path) -> npt.NDArray[np.uint32]:
    """Level 0 of the label image at `path`, (Y, X) or (Z, Y, X) uint32."""
    return _read_level_0(path, ("yx", "zyx"))


def channel_names(path: Path) -> list[str]:
    """Names of the channels of the image at `path`."""
    return OmeMetadata(path).channels


def read_pixel_size(path: Path) -> PixelSize:
    """Pixel size of the image at `path` in micrometres."""
    return OmeMetadata(path).pixel_size


def _read_level_0(path: Path, axes: Sequence[str]) -> Array:
    metadata = OmeMetadata(path)
    level = Chunks(metadata.level_0)
    if metadata.axes not in axes or len(level.shape) != len(metadata.axes):
        raise InputError(
            f"{path}: damaged: has the axes {metadata.axes!r} and the shape {level.shape}; expected one of "
            f"{', '.join(axes)}: make the store again"
        )
    _expect_shards(level)
    return level.read()


def _expect_shards(level: Chunks) -> None:
    """Refuse a level that claims to be larger than its shards on disk, before it is allocated."""
    grid = [math.ceil(size / shard) for size, shard in zip(level.shape, level.shard_shape, strict=True)]
    nbytes = math.prod(level.shard_shape) * level.dtype.itemsize
    if math.prod(grid) > _MOST_SHARDS or nbytes > 2 * _SHARD_BYTES:
        raise InputError(
            f"{level.path}: damaged: claims {math.prod(grid)} shards of {nbytes} bytes; make the store again"
        )
    for index in itertools.product(*map(range, grid)):
        shard = "/".join(map(str, ("c", *index)))
        if not (level.path / shard).is_file():
            raise InputError(f"{level.path}: damaged: its shard {shard} is missing; make the store again")
