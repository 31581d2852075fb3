"""Fields from a table of images, one row a field, or a field and channel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from multiscope.config import SampleSheet
from multiscope.data.readers.plan import LabelSource, Part, PlannedField
from multiscope.data.readers.planned import PlannedReader
from multiscope.data.readers.plate_map import normal_well
from multiscope.data.readers.sheet_rows import SheetField, read_sheet
from multiscope.errors import InputError
from multiscope.images.image import Image, channel_indices
from multiscope.images.ome_zarr import is_zarr
from multiscope.images.open import open_images
from multiscope.images.table import Row
from multiscope.progress import track


def sheet_reader(config: SampleSheet) -> PlannedReader:
    """Read the table and the metadata of all its images; faults are an `InputError` that names the line."""
    sheet = read_sheet(config)
    kept = sheet.fields[: config.max_fields]
    plan = _Plan(config)
    planned = [field for rows in track(kept, what="data: metadata", total=len(kept)) for field in plan.fields_of(rows)]
    return PlannedReader(
        planned,
        config,
        where=str(config.sheet),
        inputs=config.sources | plan.inputs,
        counts=sheet.counts,
        localization=sheet.localization,
        n_left_out=len(sheet.fields) - len(kept),
    )


class _Plan:
    """How rows become fields."""

    def __init__(self, config: SampleSheet) -> None:
        self._channels = config.channels
        self._folder = config.sheet.parent
        self.inputs: dict[str, Path] = {}
        """Images that were opened, by their names in the sheet."""

    def fields_of(self, group: SheetField) -> Iterator[PlannedField]:
        """One field for each time point."""
        opened = {channel: self._open(row, "image") for channel, row in group.by_channel.items()}
        labels = self._open(group.first, "labels") if group.first["labels"] else None
        first = next(iter(opened.values()))
        n_times = first.info.shape[0]
        for image in [*opened.values(), *([labels] if labels else [])]:
            if image.info.shape[0] not in ({n_times, 1} if image is labels else {n_times}):
                raise InputError(
                    f"{image.info.where}: has {image.info.shape[0]} time points, but {first.info.where} {n_times}; "
                    "expected as many: export them alike"
                )
        name, row = "_".join(part for part in group.key if part), group.first
        for time in range(n_times):
            yield PlannedField(
                name=name,
                protein=row["protein"],
                plate=row["plate"],
                well=normal_well(row["well"]),
                site=row["site"],
                stack=name,
                time=time,
                parts=self._parts(opened, row),
                labels=LabelSource(labels) if labels else None,
                split=row["split"],
            )

    def _parts(self, opened: dict[str, Image], row: Row) -> tuple[Part, ...]:
        """The channels: one of each file, or those inside the one file."""
        if not row["channel"]:
            (image,) = opened.values()
            return tuple(Part(image, index) for index in channel_indices(image.info, self._channels))
        return tuple(
            Part(image, 0 if image.info.shape[1] == 1 else channel_indices(image.info, [channel])[0])
            for channel, image in ((channel, opened[channel]) for channel in self._channels)
        )

    def _open(self, row: Row, column: str) -> Image:
        """The one image that a cell names."""
        name = row[column]
        path = self._folder / name
        if path.is_dir() and not is_zarr(path):
            raise InputError(f"{row.where}: {path}: is a folder; expected an image file or an OME-Zarr image")
        try:
            with open_images(path) as found:
                images = list(found)
        except InputError as error:
            raise InputError(f"{row.where}: {error}") from None
        if len(images) != 1:
            raise InputError(
                f"{row.where}: {str(path)!r} holds {len(images)} images; expected one: name the image inside it, or "
                "save each as a file of its own"
            )
        self.inputs[f"{column} {name}"] = path
        return images[0]
