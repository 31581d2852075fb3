"""Fields read as they were planned: channels put together, stacks flattened, sizes and types checked."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.config import FieldsFolder, OmeZarr, SampleSheet
from multiscope.data.readers.naming import unique_names
from multiscope.data.readers.plan import LabelSource, Part, PlannedField
from multiscope.data.readers.plate_map import read_plate_map
from multiscope.data.readers.reader import Count, FieldPixels, fields_table, proteins_table
from multiscope.errors import InputError
from multiscope.images.flatten import flatten, flatten_labels
from multiscope.images.image import ImageInfo, as_intensities, as_labels
from multiscope.quality.label_image import fault_of_labels
from multiscope.stores.pixel_size import PixelSize

Array = npt.NDArray[Any]
Labels = npt.NDArray[np.uint32]
_SAME_SIZE = 0.01
"""Pixel sizes that differ by less than this share are the same: microscopes write rounded ones."""


class PlannedReader:
    """Reader of planned fields, whatever files they are in."""

    def __init__(
        self,
        planned: Sequence[PlannedField],
        config: FieldsFolder | OmeZarr | SampleSheet,
        *,
        where: str,
        inputs: Mapping[str, Path],
        counts: Mapping[str, Count],
        localization: Mapping[str, str] | None = None,
        n_left_out: int = 0,
    ) -> None:
        """Name the fields and check what their metadata says; pixels are read later.

        `localization` is what files say beyond the config. Fields beyond `max_fields` are left out; `n_left_out` were
        left out before.
        """
        self.where, self.channels, self.inputs = where, list(config.channels), dict(inputs)
        self._planned = _with_proteins(planned[: config.max_fields], config.plate_map)
        self._flatten = config.z
        left_out = len(planned) - len(self._planned) + n_left_out
        self.counts = {**counts, "fields": Count(len(self._planned), {"beyond max_fields": left_out})}
        infos = [part.image.info for field in self._planned for part in field.parts]
        self.pixel_size = _pixel_size(infos, config.pixel_size_um)
        self.remarks = [*_renamed(self._planned, self.channels), *_remarks(infos)]
        ids = unique_names([_key(f) for f in self._planned], where=[_where(f) for f in self._planned])
        self.fields = fields_table(
            ids,
            [f.protein for f in self._planned],
            plate=[f.plate for f in self._planned],
            well=[f.well for f in self._planned],
            site=[f.site for f in self._planned],
            stack=[f.stack for f in self._planned],
            time=[f.time for f in self._planned],
            split=[f.split for f in self._planned],
        )
        places = {**config.localization, **(localization or {})}
        self.proteins = proteins_table(self.fields["protein"], places, where=where)

    def read(self, number: int) -> FieldPixels:
        """Read the channels of a field, and its labels; sizes and types that differ are an `InputError`."""
        field = self._planned[number]
        where = _where(field)
        stacks = [_read(image_parts, field.time) for image_parts in _by_image(field.parts)]
        for first_of_image, stack in zip((p[0] for p in _by_image(field.parts)), stacks, strict=True):
            if stack.shape[1:] != stacks[0].shape[1:] or stack.dtype != stacks[0].dtype:
                raise InputError(
                    f"{first_of_image.image.info.where}: is {_size(stack.shape[1:])} {stack.dtype}, but {where} is "
                    f"{_size(stacks[0].shape[1:])} {stacks[0].dtype}; expected channels of one size and type: export "
                    "them alike"
                )
        image = as_intensities(np.concatenate(stacks), where=where)
        labels = _read_labels(field.labels, field.time, image.shape[1:], where) if field.labels else None
        if labels is not None and any(np.array_equal(labels, channel) for channel in image):
            raise InputError(f"{where}: its label image is the image itself; name the label images under 'labels'")
        if self._flatten is not None:
            image = flatten(image, self._flatten)
            labels = flatten_labels(labels, self._flatten) if labels is not None else None
        elif image.shape[1] == 1:
            image = image[:, 0]
        if labels is not None and labels.ndim == 3 and len(labels) == 1:
            labels = labels[0]
        return FieldPixels(image, labels, where)

    def info(self, number: int) -> ImageInfo:
        """Metadata of the image of the first channel, with the pixel size that counts."""
        return dataclasses.replace(self._planned[number].parts[0].image.info, pixel_size=self.pixel_size)

    def write_standards(self, folder: Path) -> None:
        """Images come without standards."""


def _with_proteins(planned: Sequence[PlannedField], plate_map: Path | None) -> list[PlannedField]:
    """Fields whose files name no protein get that of their well."""
    if plate_map is None:
        return list(planned)
    proteins = read_plate_map(plate_map)
    return [
        field if field.protein else dataclasses.replace(field, protein=proteins.protein(field.plate, field.well))
        for field in planned
    ]


def _read(parts: Sequence[Part], time: int) -> Array:
    """Channels (C, Z, Y, X) of one image."""
    return parts[0].image.read(time=time, channels=[part.channel for part in parts])


def _by_image(parts: Sequence[Part]) -> list[list[Part]]:
    return [list(group) for _, group in itertools.groupby(parts, key=lambda part: id(part.image))]


def _read_labels(source: LabelSource, time: int, shape: tuple[int, ...], image: str) -> Labels:
    """Labels (Z, Y, X), Z of the image or 1."""
    info = source.image.info
    if source.name is not None:
        labels, where = source.image.read_labels(source.name, time=time), f"{info.where}: labels '{source.name}'"
    else:
        where = info.where
        planes = source.image.read(time=time if info.shape[0] > 1 else 0)
        if len(planes) != 1:
            raise InputError(f"{where}: has {len(planes)} channels; expected a label image of one")
        labels = as_labels(planes[0], where=where)
    if (fault := fault_of_labels(labels)) is not None:
        raise InputError(f"{where}: {fault}; expected 0 on the background and a number for each object: number them")
    if labels.shape[1:] != shape[1:] or len(labels) not in (1, shape[0]):
        raise InputError(
            f"{where}: has {_size(labels.shape)} pixels, but {image} has {_size(shape)}; expected the same: make the "
            "label image from this image"
        )
    return labels


def _pixel_size(infos: Sequence[ImageInfo], configured: float | None) -> PixelSize:
    """The one pixel size of all images; the config's, where it gives one, within the plane; z is that of the stacks."""
    stacks = [info for info in infos if info.shape[2] > 1]
    _expect_alike(stacks, ["z"], "make data sets of them, or flatten them when they are exported")
    if configured is None:
        _expect_alike(infos, ["y", "x"], "make data sets of them, or set pixel_size_um")
    step = (stacks or infos)[0].pixel_size.z
    return PixelSize(step, *(infos[0].pixel_size[1:] if configured is None else (configured, configured)))


def _expect_alike(infos: Sequence[ImageInfo], axes: Sequence[str], advice: str) -> None:
    for info in infos:
        first = infos[0]
        if not all(_alike(getattr(info.pixel_size, axis), getattr(first.pixel_size, axis)) for axis in axes):
            raise InputError(
                f"{info.where}: has pixels of {_um(info.pixel_size)}, but {first.where} of {_um(first.pixel_size)}; "
                f"expected one size: {advice}"
            )


def _renamed(planned: Sequence[PlannedField], channels: Sequence[str]) -> list[str]:
    """Channels that the files call otherwise: a file of one channel is taken for the one asked for."""
    found: dict[tuple[str, str], list[str]] = {}
    for field in planned:
        for part, channel in zip(field.parts, channels, strict=True):
            info = part.image.info
            if info.channels and info.channels[part.channel] != channel:
                found.setdefault((info.channels[part.channel], channel), []).append(info.where)
    return [
        f"{where[0]}: its channel {name!r} is taken for '{channel}'"
        + (f", as in {len(where) - 1} more" * (len(where) > 1))
        for (name, channel), where in found.items()
    ]


def _remarks(infos: Sequence[ImageInfo]) -> list[str]:
    return sorted({f"{info.where}: {remark}" for info in infos for remark in info.remarks})


def _alike(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _SAME_SIZE * max(one, other)


def _um(size: PixelSize) -> str:
    return " x ".join("unknown" if value is None else f"{value:g}" for value in size) + " um (z, y, x)"


def _key(field: PlannedField) -> list[str]:
    """What tells a field apart, as parts of its name."""
    n_times = field.parts[0].image.info.shape[0]
    return [field.name, f"t{field.time:0{len(str(n_times - 1))}d}" if n_times > 1 else ""]


def _where(field: PlannedField) -> str:
    return field.parts[0].image.info.where


def _size(shape: tuple[int, ...]) -> str:
    kept = shape[1:] if len(shape) == 3 and shape[0] == 1 else shape
    return " x ".join(map(str, kept))
