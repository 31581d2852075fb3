"""What is at a path, looked at before anything is made of it."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from multiscope.errors import InputError
from multiscope.images.image import Image, ImageInfo
from multiscope.images.open import open_images
from multiscope.progress import track
from multiscope.quality.consistency import Consistency
from multiscope.quality.look import look_at
from multiscope.quality.notice import Notice, notice
from multiscope.quality.summary import Quality, ordered


@dataclass(frozen=True)
class Plate:
    """Wells of a plate that have images: in how many rows and columns, and how many sites a well has."""

    name: str
    rows: int
    columns: int
    wells: int
    fewest_sites: int
    most_sites: int


@dataclass(frozen=True)
class Inspection:
    """All that was found at `path`."""

    path: Path
    infos: Sequence[ImageInfo]
    """Of every image that is there."""
    n_read: int
    """Images whose pixels were read."""
    rows: Sequence[dict[str, Any]]
    """Numbers of every channel of those, with their image's `name`."""
    notices: Sequence[Notice]
    refused: dict[str, str]
    """What could not be read, and why."""

    @property
    def others(self) -> list[str]:
        """What could not be read and is evidently no image, such as a README."""
        return [name for name in self.refused if _is_other(name)]

    @property
    def plates(self) -> list[Plate]:
        """The plates that images say they are on."""
        sites: dict[str, dict[str, int]] = {}
        for info in self.infos:
            if info.well:
                wells = sites.setdefault(info.plate, {})
                wells[info.well] = wells.get(info.well, 0) + 1
        return [_plate(name, wells) for name, wells in sites.items()]

    def table(self) -> pd.DataFrame:
        """One row an image and channel that was read: its metadata and its numbers."""
        described = pd.DataFrame([_described(info) for info in self.infos], columns=_COLUMNS)
        numbers = pd.DataFrame(self.rows).drop(columns="dtype")
        return described.merge(numbers, on="name", how="inner", validate="one_to_many")

    def as_json(self) -> str:
        """Everything, as one JSON object."""
        found = {
            "path": str(self.path),
            "n_images": len(self.infos),
            "n_read": self.n_read,
            "images": [_described(info) for info in self.infos],
            "channels": [{key: _finite(value) for key, value in row.items()} for row in self.rows],
            "plates": [vars(plate) for plate in self.plates],
            "notices": [told.as_json() for told in self.notices],
            "refused": self.refused,
        }
        return json.dumps(found, indent=1, allow_nan=False)


def check_writable(*paths: Path | None) -> None:
    """Refuse files that could not be written, before images are read for them; None is passed over."""
    for path in paths:
        if path is None:
            continue
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a file to write")
        if not path.parent.is_dir():
            raise InputError(f"{path}: cannot be written, for {path.parent} is not a folder; make it first")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise InputError(f"{path}: may not be written by you; name a file elsewhere")


def inspect(path: Path, *, max_images: int | None = None) -> Inspection:
    """Read the metadata of every image at `path`, and the pixels of all or of `max_images`, spread evenly.

    Only one time point of an image is in memory. A path at which nothing is readable is an `InputError`.
    """
    with open_images(path) as source:
        images = list(source)
        refused = dict(source.refused)
        if not images:
            raise InputError(_nothing(path, refused))
        infos = [image.info for image in images]
        quality, consistency = Quality(), Consistency()
        for info in infos:
            consistency.add(info)
        chosen = _spread(images, max_images)
        n_read = 0
        for image in track(chosen, what="inspect: images", total=len(chosen)):
            try:
                look = look_at(image.info.name, _times(image), channels=image.info.channels, where=image.info.where)
            except InputError as error:
                refused[image.info.name] = str(error)
                continue
            quality.add(look)
            n_read += 1
    if n_read == 0:
        raise InputError(_nothing(path, refused))
    notices = ordered([*quality.notices(), *consistency.notices()])
    if len(chosen) < len(images):
        seen = f"the pixels of {len(chosen)} of {len(images)} images were read, spread evenly"
        notices.append(notice("sampled", seen, len(chosen)))
    return Inspection(path, infos, n_read, quality.rows, notices, refused)


def _times(image: Image) -> Iterator[np.ndarray[Any, Any]]:
    return (image.read(time=time) for time in range(image.info.shape[0]))


def _spread(images: Sequence[Image], most: int | None) -> Sequence[Image]:
    if most is None or most >= len(images):
        return images
    numbers = np.linspace(0, len(images) - 1, most).round().astype(int) if most > 1 else [len(images) // 2]
    return [images[number] for number in numbers]


def _nothing(path: Path, refused: dict[str, str]) -> str:
    if not refused:
        return f"{path}: holds no image; name an image file, an OME-Zarr store, or a folder or zip archive of them"
    first, why = min(refused.items(), key=lambda item: _is_other(item[0]))
    if len(refused) == 1:
        return why
    return f"{path}: none of {len(refused)} files could be read as an image; the first, {first!a}: {why}"


def _is_other(name: str) -> bool:
    path = PurePosixPath(name.lower())
    return path.suffix in _OTHER_ENDINGS or (path.name.split(".")[0] in _OTHER_NAMES and path.suffix not in _PICTURES)


_OTHER_ENDINGS = {
    *(".md", ".rst", ".txt", ".log", ".pdf", ".html", ".htm", ".rtf", ".doc", ".docx", ".bib", ".cff"),
    *(".csv", ".tsv", ".xls", ".xlsx", ".ods", ".parquet", ".sqlite", ".db"),
    *(".yaml", ".yml", ".json", ".xml", ".toml", ".ini", ".cfg"),
    *(".py", ".ipynb", ".m", ".r", ".sh", ".ijm", ".cpproj", ".cppipe", ".md5", ".sha256"),
}
_OTHER_NAMES = {"readme", "license", "licence", "copying", "citation", "changelog", "notice", "authors", "makefile"}
_PICTURES = {".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".npy", ".npz", ".zip", ".zarr", ".h5", ".hdf5"}

_COLUMNS = (
    *("name", "format", "axes", *(f"size_{axis}" for axis in "tczyx"), "dtype", "channels"),
    *("z_um", "y_um", "x_um", "labels", "n_levels", "plate", "well", "site", "lossy"),
)


def _described(info: ImageInfo) -> dict[str, Any]:
    size = {f"{axis}_um": _finite(getattr(info.pixel_size, axis)) for axis in "zyx"}
    return {
        "name": info.name,
        "format": info.format,
        "axes": info.axes,
        **{f"size_{axis}": n for axis, n in zip("tczyx", info.shape, strict=True)},
        "dtype": str(info.dtype),
        "channels": "|".join(info.channels),
        **size,
        "labels": "|".join(info.labels),
        "n_levels": info.n_levels,
        "plate": info.plate,
        "well": info.well,
        "site": info.site,
        "lossy": info.lossy,
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plate(name: str, wells: dict[str, int]) -> Plate:
    parts = [re.match(r"([A-Za-z]*)/?(.*)", well) for well in wells]
    places = {(part[1], part[2]) for part in parts if part}
    rows, columns = (len({place[axis] for place in places}) for axis in (0, 1))
    return Plate(name, rows, columns, len(wells), min(wells.values()), max(wells.values()))
