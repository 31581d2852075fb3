"""OME-Zarr 0.5 fields: images (c, y, x) with channel names, pixel size, a small pyramid, and label images.

One shard an image and level, chunks of 256 x 256; blosc-lz4 with bitshuffle and crc32c for integers, zstd for floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from multiscope.errors import InputError
from multiscope.stores.chunks import Array, Chunks

OME_VERSION = "0.5"
_CHUNK = 256
_SMALLEST_LEVEL = 64


def write_field(
    path: Path, image: Array, *, channels: Sequence[str], pixel_size_um: float | None, labels: Array | None = None
) -> None:
    """Write `image` (C, Y, X) as an OME-Zarr 0.5 image at `path`, with `labels` (Y, X) as label image `cells`."""
    if image.ndim != 3 or len(channels) != image.shape[0]:
        raise ValueError(f"{path}: image has shape {image.shape}, expected (C, Y, X) with {len(channels)} channels")
    levels = _pyramid(image, mean=True)
    multiscales = _multiscales(path.name, ("c", "y", "x"), len(levels), pixel_size_um)
    omero = {"channels": [_channel(name, image[i]) for i, name in enumerate(channels)]}
    group = zarr.open_group(path, mode="w", zarr_format=3)
    group.attrs["ome"] = {"version": OME_VERSION, "multiscales": multiscales, "omero": omero}
    for number, level in enumerate(levels):
        _write_level(path, str(number), level, ("c", "y", "x"))
    if labels is not None:
        _write_labels(path, labels, pixel_size_um)


def _write_labels(path: Path, labels: Array, pixel_size_um: float | None) -> None:
    listing = zarr.open_group(path / "labels", mode="w", zarr_format=3)
    listing.attrs["ome"] = {"version": OME_VERSION, "labels": ["cells"]}
    levels = _pyramid(labels.astype(np.uint32), mean=False)
    group = zarr.open_group(path / "labels" / "cells", mode="w", zarr_format=3)
    group.attrs["ome"] = {
        "version": OME_VERSION,
        "multiscales": _multiscales("cells", ("y", "x"), len(levels), pixel_size_um),
        "image-label": {"version": OME_VERSION, "source": {"image": "../../"}},
    }
    for number, level in enumerate(levels):
        _write_level(path / "labels" / "cells", str(number), level, ("y", "x"))


def read_field(path: Path) -> Array:
    """Level 0 of the image at `path`, (C, Y, X), found through its metadata; a missing chunk is an error."""
    return _read_level_0(path)


def read_labels(path: Path) -> Array:
    """Level 0 of the label image `cells` of the image at `path`, (Y, X) uint32."""
    return _read_level_0(path / "labels" / "cells")


def channel_names(path: Path) -> list[str]:
    """Names of the channels of the image at `path`."""
    return [str(channel["label"]) for channel in _ome(path)["omero"]["channels"]]


def _ome(path: Path) -> dict[str, Any]:
    try:
        ome = zarr.open_group(path, mode="r").attrs["ome"]
    except (FileNotFoundError, KeyError):
        raise InputError(f"{path}: is not an OME-Zarr {OME_VERSION} image; make it again") from None
    assert isinstance(ome, dict)
    return ome


def _read_level_0(path: Path) -> Array:
    level = _ome(path)["multiscales"][0]["datasets"][0]["path"]
    return Chunks(path / level).read()


def _pyramid(image: Array, *, mean: bool) -> list[Array]:
    levels = [image]
    while min(levels[-1].shape[-2:]) >= 2 * _SMALLEST_LEVEL:
        last = levels[-1]
        height, width = (size // 2 * 2 for size in last.shape[-2:])
        even = last[..., :height, :width]
        if mean:
            blocks = even.reshape(*even.shape[:-2], height // 2, 2, width // 2, 2).mean(axis=(-3, -1))
            even = (
                np.rint(blocks).astype(last.dtype)
                if np.issubdtype(last.dtype, np.integer)
                else blocks.astype(last.dtype)
            )
        else:
            even = even[..., ::2, ::2]
        levels.append(even)
    return levels


def _multiscales(name: str, axes: Sequence[str], n_levels: int, pixel_size_um: float | None) -> list[dict[str, Any]]:
    unit = {"unit": "micrometer"} if pixel_size_um is not None else {}
    described = [
        {"name": "c", "type": "channel"} if axis == "c" else {"name": axis, "type": "space", **unit} for axis in axes
    ]
    size = pixel_size_um if pixel_size_um is not None else 1.0
    datasets = []
    for level in range(n_levels):
        factor = 2**level
        # a pixel of a binned level is centred between those it was made of
        shift = size * (factor - 1) / 2
        transforms: list[dict[str, Any]] = [
            {"type": "scale", "scale": [1.0 if axis == "c" else size * factor for axis in axes]}
        ]
        if level:
            transforms.append({"type": "translation", "translation": [0.0 if axis == "c" else shift for axis in axes]})
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    return [{"name": name, "axes": described, "datasets": datasets}]


def _channel(name: str, plane: Array) -> dict[str, Any]:
    low, high = float(plane.min()), float(plane.max())
    window = {"min": low, "max": high, "start": low, "end": high}
    return {"label": name, "color": "FFFFFF", "active": True, "window": window}


def _write_level(path: Path, name: str, image: Array, axes: Sequence[str]) -> None:
    integers = np.issubdtype(image.dtype, np.integer)
    lead, plane = image.shape[:-2], image.shape[-2:]
    chunk = tuple(min(_CHUNK, size) for size in plane)
    shard = tuple(-(-size // c) * c for size, c in zip(plane, chunk, strict=True))
    array = zarr.create_array(
        path,
        name=name,
        shape=image.shape,
        dtype=image.dtype,
        chunks=(*(1 for _ in lead), *chunk),
        shards=(*lead, *shard),
        compressors=[
            BloscCodec(
                cname="lz4" if integers else "zstd",
                clevel=5 if integers else 1,
                shuffle="bitshuffle" if integers else "shuffle",
                typesize=image.dtype.itemsize,
            ),
            Crc32cCodec(),
        ],
        dimension_names=list(axes),
        fill_value=0,
        zarr_format=3,
        config={"write_empty_chunks": True},
    )
    array[...] = image
