"""Pairs of degraded and clean images in arrays, as CARE publishes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.config import ArrayPair, PairArrays
from multiscope.data.readers.reader import Count, FieldPixels, fields_table, proteins_table
from multiscope.errors import InputError
from multiscope.images.arrays import axes_of, by_sample, guess_axes, is_npz
from multiscope.images.flatten import flatten
from multiscope.images.image import as_intensities
from multiscope.images.npy import open_npy
from multiscope.images.npz import Npz
from multiscope.quality.duplicates import pixel_digest
from multiscope.stores.pixel_size import PixelSize

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Stacked:
    """Images of one kind."""

    pixels: Array
    """(N, C, Z, Y, X), perhaps mapped."""
    where: str


@dataclass(frozen=True)
class _Pair:
    """One pair."""

    defect: str
    degraded: _Stacked
    clean: _Stacked
    row: int


class PairArraysReader:
    """Reader of `PairArrays`: every pair is a field, the first of the file being number 0."""

    def __init__(self, config: PairArrays) -> None:
        """Open the arrays and hold them against each other; pixels are read later, image by image."""
        self.channels, self.inputs = list(config.channels), config.sources
        self.where = ", ".join(str(path) for path in self.inputs.values())
        self.pixel_size = PixelSize(None, config.pixel_size_um, config.pixel_size_um)
        self.remarks = [
            "the arrays do not say which images show parts of one scene; some may be on both sides of the split"
        ]
        self._flatten = config.z
        self._pairs: list[_Pair] = []
        ids: list[str] = []
        n_there = 0
        for defect, files in config.pairs.items():
            degraded, clean = _open(files, config.axes)
            self._check(degraded, clean)
            n = len(clean.pixels)
            rows = _spread(n, n if config.max_fields is None else config.max_fields)
            self._pairs += [_Pair(defect, degraded, clean, row) for row in rows]
            ids += [f"{defect}_{row:0{max(4, len(str(n - 1)))}d}" for row in rows]
            n_there += n
        self.counts = {"fields": Count(len(ids), {"beyond max_fields": n_there - len(ids)})}
        defects, scenes = [pair.defect for pair in self._pairs], self._scenes(ids)
        self.fields = fields_table(ids, [""] * len(ids), defect=defects, stack=scenes)
        self.proteins = proteins_table([""], config.localization, where=self.where)

    def _scenes(self, ids: list[str]) -> list[str]:
        """For each pair the first one of the same clean image: one scene with several defects must not be torn."""
        first: dict[str, str] = {}
        images = (np.asarray(pair.clean.pixels[pair.row]) for pair in self._pairs)
        return [
            name if image.min() == image.max() else first.setdefault(pixel_digest(image), name)
            for name, image in zip(ids, images, strict=True)
        ]

    def _check(self, degraded: _Stacked, clean: _Stacked) -> None:
        """The two of a pair are of one shape and type, and have the channels of the config."""
        if degraded.pixels.shape != clean.pixels.shape or degraded.pixels.dtype != clean.pixels.dtype:
            raise InputError(
                f"{degraded.where}: is {_kind(degraded.pixels)}, but {clean.where} is {_kind(clean.pixels)} (images, "
                "channels, z, y, x); expected one shape and type: export them alike"
            )
        n = clean.pixels.shape[1]
        if n != len(self.channels):
            raise InputError(
                f"{clean.where}: has {n} channel{'s' * (n != 1)}; expected {len(self.channels)} "
                f"({', '.join(self.channels)}): mend 'channels', or 'axes'"
            )

    def read(self, number: int) -> FieldPixels:
        """Read a pair: the clean image (C, Y, X) or (C, Z, Y, X), and the degraded one by the name of its defect."""
        pair = self._pairs[number]
        image, where = self._image(pair.clean, pair.row)
        degraded, _ = self._image(pair.degraded, pair.row)
        return FieldPixels(image, None, where, {pair.defect: degraded})

    def _image(self, stacked: _Stacked, row: int) -> tuple[Array, str]:
        where = f"{stacked.where}[{row}]"
        pixels = as_intensities(np.array(stacked.pixels[row]), where=where)
        if self._flatten is not None:
            return flatten(pixels, self._flatten), where
        return (pixels[:, 0] if pixels.shape[1] == 1 else pixels), where

    def info(self, number: int) -> None:
        """Arrays say nothing of the images in them."""

    def write_standards(self, folder: Path) -> None:
        """Pairs come without standards."""


def _open(files: Path | ArrayPair, axes: str | None) -> tuple[_Stacked, _Stacked]:
    """Degraded and clean images of a defect."""
    if isinstance(files, ArrayPair):
        for path in (files.degraded, files.clean):
            if is_npz(path):
                raise InputError(f"{path}: is a .npz file; expected .npy here: name it alone, in place of the two")
        return _stacked(open_npy(files.degraded), axes, str(files.degraded)), _stacked(
            open_npy(files.clean), axes, str(files.clean)
        )
    if not is_npz(files):
        raise InputError(
            f"{files}: is no .npz file; expected one with X and Y, as CARE saves them, or two .npy files under "
            "'degraded' and 'clean'"
        )
    file = Npz(files)
    lacking = [name for name in ("X", "Y") if name not in file.names]
    if lacking:
        there = ", ".join(ascii(name) for name in file.names[:8]) or "nothing"
        raise InputError(f"{files}: has no array '{lacking[0]}' (but {there}); expected X (degraded) and Y (clean)")
    axes = axes_of(file) or axes
    return _stacked(file.array("X"), axes, file.where("X")), _stacked(file.array("Y"), axes, file.where("Y"))


def _stacked(array: Array, axes: str | None, where: str) -> _Stacked:
    axes = guess_axes(array.shape) if axes is None else axes
    samples = by_sample(array, axes, where=where)
    if "S" not in axes or samples.shape[1] != 1:
        raise InputError(
            f"{where}: has the axes {axes} of {' x '.join(map(str, array.shape))}; expected S, the images, and no time "
            "points: mend 'axes'"
        )
    return _Stacked(samples[:, 0], where)


def _spread(n: int, n_wanted: int) -> list[int]:
    """Rows of at most `n_wanted` of `n`, evenly spread from the first on."""
    kept = min(n, n_wanted)
    return [number * n // kept for number in range(kept)]


def _kind(pixels: Array) -> str:
    return f"{' x '.join(map(str, pixels.shape))} {pixels.dtype}"
