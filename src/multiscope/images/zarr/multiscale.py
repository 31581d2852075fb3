"""One OME-Zarr image or label image: a pyramid, of which the largest level is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.images.image import MAX_PIXELS, Shape
from multiscope.images.zarr.array import ZarrArray
from multiscope.images.zarr.metadata import (
    AXES,
    axes_of,
    first_multiscale,
    ome_block,
    pixel_size,
    version_number,
    version_of,
)
from multiscope.images.zarr.node import Node

Array = npt.NDArray[Any]


class Multiscale:
    """The levels of an image, with axes t, c, z, y, x whatever the file has."""

    def __init__(self, node: Node) -> None:
        """Read the metadata of the group `node`; what is no OME-Zarr image is an `InputError`."""
        self.where = node.where
        self.block = ome_block(node)
        described = first_multiscale(self.block, node.where)
        self.remarks: list[str] = []
        self.version = self._version(node)
        self._levels = self._open_levels(node, described)
        level, self.array = max(self._levels, key=lambda level: math.prod(level[1].header.shape))
        header = self.array.header
        self.axes = axes_of(described, len(header.shape), node.where)
        sizes = dict(zip(self.axes, header.shape, strict=True))
        self.shape = cast(Shape, tuple(sizes.get(axis, 1) for axis in AXES))
        if self.shape[3] * self.shape[4] > MAX_PIXELS:
            raise InputError(
                f"{node.where}: has planes of {self.shape[3:]}; expected up to {MAX_PIXELS} pixels: cut them"
            )
        self.pixel_size, unknown = pixel_size(described, described["datasets"][level], self.axes)
        self._remark_on(level, {axis: why for axis, why in unknown.items() if axis != "z" or sizes["z"] > 1})

    @property
    def n_levels(self) -> int:
        """Levels that are there."""
        return len(self._levels)

    @property
    def is_empty(self) -> bool:
        """Whether no level has a single chunk."""
        return not any(array.n_files for _, array in self._levels)

    def read(self, *, time: int, channels: Sequence[int]) -> Array:
        """Pixels (C, Z, Y, X) of one time point, as stored."""
        picks: dict[str, Sequence[int]] = {"t": range(time, time + 1), "c": list(channels)}
        sizes = zip(self.axes, self.array.header.shape, strict=True)
        values = self.array.read([picks.get(axis, range(size)) for axis, size in sizes])
        order = sorted(range(values.ndim), key=lambda i: AXES.index(self.axes[i]))
        missing = [i for i, axis in enumerate(AXES) if axis not in self.axes]
        pixels = np.expand_dims(values.transpose(order), missing)[0]
        return np.ascontiguousarray(pixels if "c" in self.axes else pixels[list(channels)])

    def _version(self, node: Node) -> str:
        """`0.4`; one of development, or none at all, is remarked."""
        written = version_of(node)
        major, minor = version_number(written) or (0, node.zarr_format + 2)
        version = f"{major}.{minor}"
        if written != version:
            shown = f"is written as '{ascii(written)[1:-1]}'" if written else "is not given"
            self.remarks.append(f"its version {shown}: read as {version}")
        if len(self.block["multiscales"]) > 1:
            self.remarks.append(f"holds {len(self.block['multiscales'])} pyramids: the first is read")
        return version

    def _open_levels(self, node: Node, described: dict[str, Any]) -> list[tuple[int, ZarrArray]]:
        """The levels that are there, with their number in the metadata."""
        levels = []
        for number, level in enumerate(described["datasets"]):
            child = node.child(level.get("path"))
            if child is not None:
                levels.append((number, ZarrArray(child)))
            elif number == 0:
                raise InputError(
                    f"{node.where}: its first level {level['path']!a} is not there; copy or export the store again"
                )
        n_missing = len(described["datasets"]) - len(levels)
        if n_missing:
            self.remarks.append(f"{n_missing} of {len(described['datasets'])} levels of its pyramid are not there")
        if len({len(array.header.shape) for _, array in levels}) > 1:
            raise InputError(f"{node.where}: its levels differ in the number of dimensions; export the image again")
        return levels

    def _remark_on(self, level: int, unknown: dict[str, str]) -> None:
        header, remark = self.array.header, self.remarks.append
        if level:
            remark(f"its levels are not listed from the largest on: level {level}, the largest, is read")
        for why in dict.fromkeys(unknown.values()):
            axes = ", ".join(axis for axis in unknown if unknown[axis] == why)
            remark(f"the size of a pixel along {axes} is unknown ({why})")
        named = [name.lower() if name else None for name in header.names]
        if None not in named and named and named != list(self.axes):
            remark(
                f"its array names the axes {ascii(named)[1:-1]}: those of its image, {', '.join(self.axes)}, are used"
            )
        n_missing = header.n_files - self.array.n_files
        what = "chunks" if header.files == header.chunk else "shards"
        if n_missing == header.n_files:
            remark(f"no pixels are there: none of its {header.n_files} {what}; the copy may not be complete")
        elif n_missing:
            remark(
                f"{n_missing} of {header.n_files} {what} are not there and read as the fill value: empty regions, or "
                "the copy is not complete"
            )
