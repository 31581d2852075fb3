"""Fields from folders of image files, with label images beside them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import FieldsFolder
from multiscope.data.files import Group, Key, group_files, join_names
from multiscope.data.pattern import NamePattern, images_pattern, labels_pattern
from multiscope.data.reader import Count, FieldPixels, proteins_table
from multiscope.errors import InputError
from multiscope.images.container import Container
from multiscope.images.image_file import read_labels, read_plane

Labels = npt.NDArray[np.uint32]
_PARTS = ("protein", "well", "field")
_LONGEST_ID = 200


class FieldsFolderReader:
    """Reader of a `FieldsFolder`: one file a field and channel, in a folder or a zip archive."""

    def __init__(self, config: FieldsFolder, images: Container, labels: Container | None) -> None:
        """Sort the file names; pixels are read later. What is missing or doubled is an `InputError`."""
        self.where, self.channels, self.pixel_size_um = str(config.images), list(config.channels), config.pixel_size_um
        self._images, self._labels = images, labels
        pattern = images_pattern(config)
        groups, unmatched = group_files(images, pattern, by=_PARTS, channels=self.channels)
        self._groups = groups[: config.max_fields]
        self.counts = {
            "files": Count(len(images.names) - unmatched, {"name does not fit": unmatched}),
            "fields": Count(len(self._groups), {"beyond max_fields": len(groups) - len(self._groups)}),
        }
        self._label_names = self._find_labels(config, pattern, groups) if labels else {}
        ids = join_names(self._groups, images, name=safe_name)
        proteins = [group.key[0] for group in self._groups]
        self.fields = pd.DataFrame({"field_id": ids, "protein": proteins}, dtype=object)
        self.proteins = proteins_table(proteins, config.localization, where=self.where)
        self.inputs: dict[str, Path] = {"images": config.images}
        if config.labels is not None:
            self.inputs["labels"] = config.labels

    def _find_labels(self, config: FieldsFolder, pattern: NamePattern, groups: list[Group]) -> dict[Key, str]:
        """The label image of every field that is kept."""
        assert self._labels is not None
        names = labels_pattern(config, pattern)
        found, _ = group_files(self._labels, names, by=_PARTS, channels=["labels"])
        labels = {group.key: group.files["labels"] for group in found}
        for group in self._groups:
            if group.key not in labels:
                said = ", ".join(f"{part} '{value}'" for part, value in zip(_PARTS, group.key, strict=True) if value)
                raise InputError(
                    f"{self._labels.path}: has no label image of {said} by labels_pattern '{config.labels_pattern}', "
                    f"but {self._images.where(self._first_file(group))} is there; add it or remove the field"
                )
        without = len(labels.keys() - {group.key for group in groups})
        self.counts["label images"] = Count(len(self._groups), {"no image": without})
        return labels

    def read(self, number: int) -> FieldPixels:
        """Read the channels of a field, and its labels; sizes that differ are an `InputError`."""
        group = self._groups[number]
        files = [group.files[channel] for channel in self.channels]
        planes = [read_plane(self._images.read(name), where=self._images.where(name)) for name in files]
        for name, plane in zip(files, planes, strict=True):
            if plane.shape != planes[0].shape or plane.dtype != planes[0].dtype:
                raise InputError(
                    f"{self._images.where(name)}: is {_size(plane.shape)} {plane.dtype}, but "
                    f"{self._images.where(files[0])} is {_size(planes[0].shape)} {planes[0].dtype}; expected channels "
                    "of one size and type: export them alike"
                )
        where = self._images.where(files[0])
        return FieldPixels(np.stack(planes), self._read_labels(group, planes[0].shape, where), where)

    def _read_labels(self, group: Group, shape: tuple[int, ...], image: str) -> Labels | None:
        if self._labels is None:
            return None
        name = self._label_names[group.key]
        labels = read_labels(self._labels.read(name), where=self._labels.where(name))
        if labels.shape != shape:
            raise InputError(
                f"{self._labels.where(name)}: has {_size(labels.shape)} pixels, but {image} has {_size(shape)}; "
                "expected the same: make the label image from this image"
            )
        return labels

    def _first_file(self, group: Group) -> str:
        return group.files[self.channels[0]]

    def write_standards(self, folder: Path) -> None:
        """A folder of images comes without standards."""


def safe_name(key: Key) -> str:
    """A name of a Zarr group (letters, digits, `_`, `-`, `.`) made of the parts that are there."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", "_".join(part for part in key if part))
    # dots alone and leading '__' mean something to Zarr, and hidden files are not listed in the manifest
    if name.startswith((".", "__")) or name == "zarr.json":
        name = f"field_{name}"
    if len(name) > _LONGEST_ID:
        raise InputError(
            f"{name[:60]}...: a field's name has {len(name)} characters; expected up to {_LONGEST_ID}: rename it"
        )
    return name


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
