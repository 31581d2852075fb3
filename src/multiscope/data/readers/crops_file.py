"""Single-cell crops from HDF5 files as DeepLoc publishes them.

Layout (github.com/okraus/DeepLoc: `cellDataClass.py`, `preprocess_images.py` and the README of its data): datasets
`data1` (N, channels * 64 * 64), each row the channels one after the other, and `Index1` (N, classes), one-hot; perhaps
more blocks `data2`, `Index2`, ...; names of the classes in the attribute `Index1_columns`. CellProfiler's features in
`Info1` are not read. Crops of another size are read too where they are square.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import CropsFile
from multiscope.data.readers.reader import Count, proteins_table
from multiscope.errors import InputError
from multiscope.images.hdf5 import Hdf5, Hdf5Rows, open_hdf5
from multiscope.images.image import as_intensities
from multiscope.progress import Progress

Array = npt.NDArray[Any]
_NAMES = ("Index1_columns", "label_names")
_MAX_CLASSES = 1000
_MAX_CELLS = 5 * 10**6


class CropsFileReader:
    """Reader of a `CropsFile`.

    The file does not say the protein of a cell, nor its field: its class stands for the protein, and `field_id` is
    empty. Cells without a class are left out and counted; several classes of one cell are joined by `|`.
    """

    def __init__(self, config: CropsFile) -> None:
        """Read the classes and check the shapes; pixels are read later."""
        self.where, self.channels, self.pixel_size_um = str(config.path), list(config.channels), config.pixel_size_um
        self.inputs: dict[str, Path] = {"path": config.path}
        self._path = config.path
        with open_hdf5(config.path) as file:
            blocks = _blocks(file, len(self.channels))
            self._kept, classes = _read_classes(file, blocks, config.classes)
        ids = [
            f"{name}_{row:0{len(str(len(kept) - 1))}d}"
            for name, kept in self._kept.items()
            for row in np.flatnonzero(kept)
        ]
        if not ids:
            raise InputError(f"{self.where}: no cell has a class; expected some in 'Index1'")
        self.cells = pd.DataFrame({"cell_id": ids, "field_id": "", "protein": classes}, dtype=object)
        places = {name: name for name in classes} | config.localization
        self.proteins = proteins_table(classes, places, where=self.where)
        n_rows = sum(map(len, self._kept.values()))
        self.counts = {"cells": Count(len(ids), {"no class": n_rows - len(ids)})}

    def pieces(self) -> Iterator[dict[str, Array]]:
        """All crops, `image` (n, C, S, S), some at a time, in the order of `cells`."""
        with open_hdf5(self._path) as file, Progress("data: crops", total=len(self.cells)) as progress:
            for data, _ in _blocks(file, len(self.channels)):
                kept = self._kept[data.name]
                for start, rows in data.pieces():
                    wanted = rows[kept[start : start + len(rows)]]
                    if len(wanted):
                        yield {"image": self._crops(wanted, data.where)}
                    for _ in wanted:
                        progress.advance()

    def write_standards(self, folder: Path) -> None:
        """Crops come without standards."""

    def _crops(self, rows: Array, where: str) -> Array:
        size = _crop_size(rows.shape[1], len(self.channels), where)
        return as_intensities(rows, where=where).reshape(len(rows), len(self.channels), size, size)


def _blocks(file: Hdf5, n_channels: int) -> list[tuple[Hdf5Rows, Hdf5Rows]]:
    """Pixels and classes of `data1`, `data2`, ..., checked against each other."""
    numbers = sorted(int(name[4:]) for name in file.names if name.startswith("data") and name[4:].isdecimal())
    if not numbers:
        there = ", ".join(ascii(name) for name in file.names[:8]) or "nothing"
        raise InputError(f"{file.path}: has no dataset 'data1' (but {there}); expected DeepLoc's 'data1' and 'Index1'")
    blocks = [(file.rows(f"data{number}"), file.rows(f"Index{number}")) for number in numbers]
    first = blocks[0][0]
    for data, index in blocks:
        if len(data.shape) != 2 or len(index.shape) != 2 or data.shape[0] != index.shape[0]:
            raise InputError(
                f"{data.where}: has shape {data.shape}, and its classes {index.shape}; expected (cells, pixels) and "
                "(cells, classes) of as many cells"
            )
        if data.shape[1:] != first.shape[1:] or data.dtype != first.dtype or index.shape[1:] != blocks[0][1].shape[1:]:
            raise InputError(
                f"{data.where}: is {data.shape[1]} {data.dtype}, but {first.where} {first.shape[1]} {first.dtype}; "
                "expected blocks of one kind"
            )
        _crop_size(data.shape[1], n_channels, data.where)
    return blocks


def _crop_size(n_pixels: int, n_channels: int, where: str) -> int:
    size = math.isqrt(n_pixels // n_channels)
    if size < 1 or size * size * n_channels != n_pixels:
        fitting = [n for n in range(1, 9) if n_pixels % n == 0 and math.isqrt(n_pixels // n) ** 2 == n_pixels // n]
        fits = f" (it fits {' or '.join(map(str, fitting))} channels)" if fitting else ""
        raise InputError(
            f"{where}: has {n_pixels} pixels a cell, which is not {n_channels} square channels{fits}; mend 'channels'"
        )
    return size


def _read_classes(
    file: Hdf5, blocks: list[tuple[Hdf5Rows, Hdf5Rows]], configured: list[str]
) -> tuple[dict[str, npt.NDArray[np.bool_]], list[str]]:
    """Which rows of each block have a class, and the classes of these."""
    names = _class_names(file, blocks[0][1], configured)
    n_cells = sum(data.shape[0] for data, _ in blocks)
    if n_cells > _MAX_CELLS:
        raise InputError(f"{file.path}: has {n_cells} cells; expected up to {_MAX_CELLS}: cut it into parts")
    kept: dict[str, npt.NDArray[np.bool_]] = {}
    classes: list[str] = []
    for data, index in blocks:
        has_class = np.zeros(index.shape[0], dtype=bool)
        for start, rows in index.pieces():
            marked = rows[:, : len(names)]
            if not np.isin(marked, (0, 1)).all():
                raise InputError(f"{index.where}: has values other than 0 and 1; expected a 1 in the column of a class")
            has_class[start : start + len(rows)] = marked.any(axis=1)
            classes += ["|".join(names[k] for k in np.flatnonzero(row)) for row in marked if row.any()]
        kept[data.name] = has_class
    return kept, classes


def _class_names(file: Hdf5, index: Hdf5Rows, configured: list[str]) -> list[str]:
    """Names by the config, which may be those of the first columns only; by the file; or numbers."""
    n_classes = index.shape[1]
    if n_classes > _MAX_CLASSES:
        raise InputError(f"{index.where}: has {n_classes} classes; expected up to {_MAX_CLASSES}")
    if configured:
        names, fits = configured, len(configured) <= n_classes
    else:
        try:
            found = next((texts for name in _NAMES if (texts := file.texts(name)) is not None), None)
        except InputError as error:
            raise InputError(f"{error}; or name them under 'classes'") from None
        names = [f"class_{number:02d}" for number in range(n_classes)] if found is None else found
        fits = len(names) == n_classes
    if not fits or len(set(names)) != len(names) or not all(names):
        raise InputError(
            f"{index.where}: has {n_classes} classes, but there are {len(set(names))} names "
            f"({', '.join(names[:3])}, ...); expected a name of its own for each: mend 'classes'"
        )
    return list(names)
