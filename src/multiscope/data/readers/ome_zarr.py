"""Fields from OME-Zarr: one for each image and time point, found through the metadata."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from multiscope.config import OmeZarr
from multiscope.data.readers.plan import LabelSource, Part, PlannedField
from multiscope.data.readers.planned import PlannedReader
from multiscope.data.readers.reader import Count
from multiscope.errors import InputError
from multiscope.images.image import Image, channel_indices
from multiscope.images.ome_zarr import is_zarr, open_ome_zarr


def ome_zarr_reader(config: OmeZarr) -> PlannedReader:
    """Read the metadata of all images; a channel or a label image that one of them lacks is an `InputError`."""
    stores = list(_stores(config.images))
    if not stores:
        raise InputError(f"{config.images}: holds no OME-Zarr; name an image, a plate or a folder of them")
    planned = [
        field
        for store in stores
        for image in open_ome_zarr(store)
        for field in _fields(config, image, store.stem if len(stores) > 1 else "")
    ]
    counts = {"stores": Count(len(stores), {})}
    return PlannedReader(planned, config, where=str(config.images), inputs=config.sources, counts=counts)


def _stores(path: Path) -> Iterator[Path]:
    """`path` itself, or the stores below it; what is inside a store is its own matter."""
    if is_zarr(path):
        yield path
        return
    for place, folders, _ in os.walk(path):
        found = [name for name in sorted(folders) if is_zarr(Path(place, name))]
        yield from (Path(place, name) for name in found)
        folders[:] = sorted(name for name in folders if name not in found and not name.startswith("."))


def _fields(config: OmeZarr, image: Image, store: str) -> Iterator[PlannedField]:
    info = image.info
    if config.labels is not None and config.labels not in info.labels:
        there = ", ".join(map(repr, info.labels)) or "none"
        raise InputError(f"{info.where}: has no label image '{config.labels}' (there: {there}); mend 'labels'")
    parts = tuple(Part(image, index) for index in channel_indices(info, config.channels))
    labels = LabelSource(image, config.labels) if config.labels is not None else None
    place = [info.well, info.site] if info.well else [info.name]
    name = "_".join(part for part in (store or info.plate, *place) if part)
    for time in range(info.shape[0]):
        yield PlannedField(
            name=name,
            protein="",
            plate=(store or info.plate) if info.well else "",
            well=info.well,
            site=info.site,
            stack=name,
            time=time,
            parts=parts,
            labels=labels,
        )
