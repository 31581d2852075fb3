"""Fields from folders of image files, with label images beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from multiscope.config import FieldsFolder
from multiscope.data.readers.files import Group, Key, group_files
from multiscope.data.readers.pattern import NamePattern, images_pattern, labels_pattern
from multiscope.data.readers.plan import LabelSource, Part, PlannedField
from multiscope.data.readers.planned import PlannedReader
from multiscope.data.readers.plate_map import normal_well
from multiscope.data.readers.reader import Count
from multiscope.errors import InputError
from multiscope.images.container import Container
from multiscope.images.image import Image, channel_indices
from multiscope.images.open import open_member
from multiscope.progress import track

_PARTS = ("plate", "protein", "well", "field")


def folder_reader(config: FieldsFolder, images: Container, labels: Container | None) -> PlannedReader:
    """Sort the file names and read each file's metadata. What is missing or doubled is an `InputError`."""
    pattern = images_pattern(config)
    # without {channel} the channels are inside the files
    channels = config.channels if "channel" in pattern.names else config.channels[:1]
    groups, unmatched = group_files(images, pattern, by=_PARTS, channels=channels)
    kept = groups[: config.max_fields]
    counts = {"files": Count(len(images.names) - unmatched, {"name does not fit": unmatched})}
    label_names: dict[Key, str] = {}
    if labels is not None:
        label_names = _find_labels(config, pattern, kept, images, labels)
        counts["label images"] = Count(len(kept), {"no image": len(label_names.keys() - {g.key for g in groups})})
    plan = _Plan(config, images, labels, label_names)
    planned = [
        field for group in track(kept, what="data: metadata", total=len(kept)) for field in plan.fields_of(group)
    ]
    if plan.n_partners:
        dropped = {**counts["files"].dropped, "read with another": plan.n_partners}
        counts["files"] = Count(counts["files"].kept - plan.n_partners, dropped)
    return PlannedReader(
        planned,
        config,
        where=str(config.images),
        inputs=config.sources,
        counts=counts,
        n_left_out=len(groups) - len(kept),
    )


def _find_labels(
    config: FieldsFolder, pattern: NamePattern, groups: list[Group], images: Container, labels: Container
) -> dict[Key, str]:
    """The files of all label images; a field without one is an `InputError`."""
    found, _ = group_files(labels, labels_pattern(config, pattern), by=_PARTS, channels=["labels"])
    names = {group.key: group.files["labels"] for group in found}
    for group in groups:
        if group.key not in names:
            said = ", ".join(f"{part} '{value}'" for part, value in zip(_PARTS, group.key, strict=True) if value)
            raise InputError(
                f"{labels.path}: has no label image of {said} by labels_pattern '{config.labels_pattern}', but "
                f"{images.where(group.files[config.channels[0]])} is there; add it or remove the field"
            )
    return names


class _Plan:
    """How the files of a group become fields."""

    def __init__(
        self, config: FieldsFolder, images: Container, labels: Container | None, label_names: dict[Key, str]
    ) -> None:
        self._channels = config.channels
        self._images, self._labels, self._label_names = images, labels, label_names
        self._partners: set[str] = set()
        self.n_partners = 0
        """Files that are part of a set of which another file gave the image."""

    def fields_of(self, group: Group) -> Iterator[PlannedField]:
        """One field for each image (series) of the files, and each time point; a set of files is one image."""
        if self._partners.issuperset(group.files.values()):
            self.n_partners += 1
            return
        opened = {channel: open_member(self._images, name) for channel, name in group.files.items()}
        first = opened[self._channels[0]]
        for channel, name in group.files.items():
            folder = PurePosixPath(name).parent
            self._partners |= {str(folder / p) for image in opened[channel] for p in image.info.partners}
        labels = self._label_images(group)
        for images in [*opened.values(), *([labels] if labels else [])]:
            if len(images) != len(first):
                raise InputError(
                    f"{images[0].info.where}: holds {len(images)} images, but {first[0].info.where} {len(first)}; "
                    "expected as many: export them alike"
                )
        for number, image in enumerate(first):
            series = f"s{number + 1}" if len(first) > 1 else ""
            parts = self._parts({channel: images[number] for channel, images in opened.items()})
            source = LabelSource(labels[number]) if labels else None
            yield from _times(group.key, series, image, parts, source)

    def _parts(self, images: dict[str, Image]) -> tuple[Part, ...]:
        """The channels: one of each file, or those inside the one file."""
        if len(images) < len(self._channels):
            (image,) = images.values()
            return tuple(Part(image, index) for index in channel_indices(image.info, self._channels))
        return tuple(
            Part(image, 0 if image.info.shape[1] == 1 else channel_indices(image.info, [channel])[0])
            for channel, image in ((channel, images[channel]) for channel in self._channels)
        )

    def _label_images(self, group: Group) -> list[Image]:
        if self._labels is None:
            return []
        return open_member(self._labels, self._label_names[group.key])


def _times(
    key: Key, series: str, image: Image, parts: tuple[Part, ...], labels: LabelSource | None
) -> Iterator[PlannedField]:
    plate, protein, well, field = key
    n_times = image.info.shape[0]
    for info in [part.image.info for part in parts] + ([labels.image.info] if labels else []):
        one_for_all = labels is not None and info is labels.image.info and info.shape[0] == 1
        if info.shape[0] != n_times and not one_for_all:
            raise InputError(
                f"{info.where}: has {info.shape[0]} time points, but {image.info.where} {n_times}; expected as many: "
                "export them alike"
            )
    stack = "_".join(part for part in (*key, series) if part)
    for time in range(n_times):
        yield PlannedField(
            name=stack,
            protein=protein,
            plate=plate,
            well=normal_well(well),
            site=field if well else "",
            stack=stack,
            time=time,
            parts=parts,
            labels=labels,
        )
