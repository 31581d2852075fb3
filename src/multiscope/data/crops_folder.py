"""Single-cell crops from a folder or zip archive of image files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import CropsFolder
from multiscope.data.files import group_files, join_names
from multiscope.data.pattern import crops_pattern
from multiscope.data.reader import Count, proteins_table
from multiscope.errors import InputError
from multiscope.images.container import Container
from multiscope.images.image_file import read_plane
from multiscope.progress import track

Array = npt.NDArray[Any]
_PARTS = ("protein", "field", "cell")


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

    @property
    def fields(self) -> pd.DataFrame:
        """`field_id` and `protein`, one row a field, in the order of the cells."""
        return self.cells[["field_id", "protein"]].drop_duplicates(ignore_index=True)

    def read(self) -> Array:
        """All crops (N, C, S, S) in the order of `cells`; sizes or types that differ are an `InputError`."""
        files = [group.files[channel] for group in self._groups for channel in self.channels]
        first = self._plane(files[0])
        if first.shape[0] != first.shape[1]:
            raise InputError(
                f"{self._container.where(files[0])}: is {_size(first)}; expected as high as wide: cut squares"
            )
        crops = np.empty((len(files), *first.shape), dtype=first.dtype)
        for number, name in enumerate(track(files, what="data: crops", total=len(files))):
            plane = first if number == 0 else self._plane(name)
            if plane.shape != first.shape or plane.dtype != first.dtype:
                raise InputError(
                    f"{self._container.where(name)}: is {_size(plane)} {plane.dtype}, but "
                    f"{self._container.where(files[0])} is {_size(first)} {first.dtype}; expected one size and type: "
                    "export all crops alike"
                )
            crops[number] = plane
        return crops.reshape(len(self._groups), len(self.channels), *first.shape)

    def _plane(self, name: str) -> Array:
        return read_plane(self._container.read(name), where=self._container.where(name))


def _size(plane: Array) -> str:
    return " x ".join(map(str, plane.shape))
