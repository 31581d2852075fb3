"""OME-Zarr 0.5 images of up to five axes written plane by plane, so that a stack of any size passes through memory.

One shard a plane and level (blocks of a plane that is very large), chunks of 256 x 256, codecs as of other fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorstore as ts
import zarr

from multiscope.stores.chunks import CONTEXT, Array, compressors, spec_of
from multiscope.stores.ome_metadata import OME_VERSION, multiscales, omero
from multiscope.stores.pixel_size import PixelSize
from multiscope.stores.pyramid import image_levels, label_levels

_CHUNK = 256
_BLOCK = 4096
_SHARD_BYTES = 2**28
_SAMPLE = 2**12


class Step(NamedTuple):
    """Distance along an axis, and its unit where it is known (`second`, `minute`, ...)."""

    value: float
    unit: str | None = None


class PlaneWriter:
    """One image or label image; the arrays are made when the first plane is known."""

    def __init__(
        self,
        path: Path,
        *,
        axes: str,
        sizes: Mapping[str, int],
        pixel_size: PixelSize = PixelSize(),  # noqa: B008 - a tuple
        steps: Mapping[str, Step] | None = None,
        labels: bool = False,
    ) -> None:
        """`axes` are some of `tczyx` in this order, with y and x; `sizes` are those of t, c and z.

        `steps`: distances along the axes that `pixel_size` leaves open, in particular of time points. `labels`:
        planes are label images, of whose numbers the pyramid keeps some instead of their mean.
        """
        self.path = path
        self._axes, self._labels = axes, labels
        self._stack = {axis: sizes[axis] for axis in axes if axis in "tcz"}
        self._pixel_size, self._steps = pixel_size, dict(steps or {})
        self._levels: list[ts.TensorStore] = []
        self.samples: dict[int, list[Array]] = {}
        """Some pixels of the planes of each channel, by which a viewer shows them at first."""

    def write(self, plane: Array, *, t: int = 0, c: int = 0, z: int = 0) -> None:
        """Write a plane (Y, X) and its smaller copies; all planes have one shape and dtype."""
        levels = (label_levels if self._labels else image_levels)(plane)
        self.make(plane.dtype, plane.shape)
        place = {"t": t, "c": c, "z": z}
        index = tuple(place[axis] for axis in self._stack)
        for array, level in zip(self._levels, levels, strict=True):
            array[index].write(level).result()
        if not self._labels:
            some = plane.ravel()[:: max(1, plane.size // _SAMPLE) | 1]
            self.samples.setdefault(c, []).append(np.concatenate([some, [plane.min(), plane.max()]]))

    def make(self, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> None:
        """Make the arrays for planes of this type and shape (Y, X), if they are not there."""
        if not self._levels:
            # of labels and of images levels have the same shapes
            levels = label_levels(np.broadcast_to(np.zeros((), dtype), shape))
            self._levels = [self._create(str(number), level) for number, level in enumerate(levels)]

    def stack(self, *, t: int, c: int) -> list[Path]:
        """The folders that hold the planes of one time point and channel, and nothing else."""
        place = {"t": t, "c": c}
        index = [str(place[axis]) for axis in self._stack if axis in place]
        return [self.path.joinpath(str(number), "c", *index) for number in range(len(self._levels))]

    def describe(self, *, channels: Sequence[str] = (), attributes: Mapping[str, Any] | None = None) -> None:
        """Write what makes the arrays an image, when all planes are there; `attributes` stand beside OME's."""
        ome: dict[str, Any] = {"version": OME_VERSION, "multiscales": self._multiscales()}
        if self._labels:
            ome["image-label"] = {"version": OME_VERSION, "source": {"image": "../../"}}
        else:
            shown = np.stack([np.concatenate(self.samples[channel]) for channel in range(len(channels))])
            ome["omero"] = omero(channels, shown)
        group = zarr.open_group(self.path, mode="a", zarr_format=3)
        group.attrs.update({"ome": ome, **(attributes or {})})

    def _create(self, name: str, level: Array) -> ts.TensorStore:
        height, width = level.shape
        chunk = (min(_CHUNK, height), min(_CHUNK, width))
        inner = (height, width) if level.nbytes <= _SHARD_BYTES else (min(_BLOCK, height), min(_BLOCK, width))
        shard = tuple(-(-size // n) * n for size, n in zip(inner, chunk, strict=True))
        one = (1,) * len(self._stack)
        if name not in zarr.open_group(self.path, mode="a", zarr_format=3):
            zarr.create_array(
                self.path,
                name=name,
                shape=(*self._stack.values(), height, width),
                dtype=level.dtype,
                chunks=(*one, *chunk),
                shards=(*one, *shard),
                compressors=compressors(level.dtype.itemsize, counts=level.dtype.kind in "iu" and not self._labels),
                dimension_names=list(self._axes),
                fill_value=0,
                zarr_format=3,
            )
        # what is missing is damage: chunks of zeros are written too
        spec = {**spec_of(self.path / name), "store_data_equal_to_fill_value": True}
        return ts.open(spec, open=True, read=False, write=True, context=CONTEXT).result()

    def _multiscales(self) -> list[dict[str, Any]]:
        axes = self._axes.removeprefix("t")
        described = multiscales(self.path.name, axes, len(self._levels), self._pixel_size)
        transforms = [part for level in described[0]["datasets"] for part in level["coordinateTransformations"]]
        if axes != self._axes:
            unit = self._steps.get("t", Step(1.0)).unit
            described[0]["axes"].insert(0, {"name": "t", "type": "time"} | ({"unit": unit} if unit else {}))
            for part in transforms:
                part[part["type"]].insert(0, 1.0 if part["type"] == "scale" else 0.0)
        for axis in self._steps.keys() & set(self._axes):
            for part in transforms:
                part[part["type"]][self._axes.index(axis)] *= self._steps[axis].value
        return described


def list_labels(path: Path, names: Sequence[str]) -> None:
    """Write the group `path` (`labels` of an image), which lists the label images below it."""
    group = zarr.open_group(path, mode="a", zarr_format=3)
    group.attrs["ome"] = {"version": OME_VERSION, "labels": list(names)}
