"""Single-cell crops from a folder or zip archive of image files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import CropsFolder
from multiscope.data.readers.files import group_files, join_names
from multiscope.data.readers.pattern import crops_pattern
from multiscope.data.readers.reader import Count, proteins_table
from multiscope.errors import InputError
from multiscope.images.container import Container
from multiscope.images.image_file import read_plane
from multiscope.progress import track

Array = npt.NDArray[Any]
_PARTS = ("protein", "field", "cell")
_AT_ONCE = 1024


class CropsFolderReader:
    """Reader of a `CropsFolder`: one file a cell and channel, all of one size and type."""

    def __init__(self, config: CropsFolder, container: Container) -> None:
        """Sort the file names; pixels are read later. What is missing or doubled is an `InputError`."""
        self.where, self.channels, self.pixel_size_um = str(config.path), list(config.channels), config.pixel_size_um
        self._container = container
        pattern = crops_pattern(config)
        self._groups, unmatched = group_files(container, pattern, by=_PARTS, channels=self.channels)
        ids = join_names(self._groups, container, name=lambda key: "_".join(part for part in key if part))
        keys = [group.key for group in self._groups]
        columns = {
            "cell_id": ids,
            "field_id": ["_".join(part for part in key[:2] if part) for key in keys],
            "protein": [key[0] for key in keys],
        }
        self.cells = pd.DataFrame(columns, dtype=object)
        self._check_fields()
        self.proteins = proteins_table(columns["protein"], config.localization, where=self.where)
        self.inputs: dict[str, Path] = {"crops": config.path}
        self.counts = {
            "files": Count(len(container.names) - unmatched, {"name does not fit": unmatched}),
            "cells": Count(len(ids), {}),
        }

    def _check_fields(self) -> None:
        """Two fields must not end up with one name: protein `a_b`, field `c` and protein `a`, field `b_c`."""
        proteins = self.cells.groupby("field_id")["protein"].nunique()
        if (proteins > 1).any():
            name = str(proteins.index[proteins > 1][0])
            raise InputError(
                f"{self.where}: two proteins have a field that would be named '{name}'; rename one of them"
            )

    def pieces(self) -> Iterator[dict[str, Array]]:
        """All crops, `image` (n, C, S, S), some at a time; sizes or types that differ are an `InputError`."""
        like: tuple[str, Array] | None = None
        groups = track(self._groups, what="data: crops", total=len(self._groups))
        while some := list(itertools.islice(groups, _AT_ONCE)):
            files = [group.files[channel] for group in some for channel in self.channels]
            planes = [self._plane(name) for name in files]
            like = like or (files[0], planes[0])
            for name, plane in zip(files, planes, strict=True):
                self._expect_alike(name, plane, *like)
            yield {"image": np.stack(planes).reshape(len(some), len(self.channels), *planes[0].shape)}

    def write_standards(self, folder: Path) -> None:
        """Crops come without standards."""

    def _expect_alike(self, name: str, plane: Array, first_name: str, first: Array) -> None:
        if first.shape[0] != first.shape[1]:
            raise InputError(
                f"{self._container.where(first_name)}: is {_size(first)}; expected as high as wide: cut squares"
            )
        if plane.shape != first.shape or plane.dtype != first.dtype:
            raise InputError(
                f"{self._container.where(name)}: is {_size(plane)} {plane.dtype}, but "
                f"{self._container.where(first_name)} is {_size(first)} {first.dtype}; expected one size and type: "
                "export all crops alike"
            )

    def _plane(self, name: str) -> Array:
        return read_plane(self._container.read(name), where=self._container.where(name))


def _size(plane: Array) -> str:
    return " x ".join(map(str, plane.shape))
