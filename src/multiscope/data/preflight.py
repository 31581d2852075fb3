"""What can be said of a run's inputs before any job starts: what is missing, what cannot be read; no image is opened.

Snakemake removes a job's former output before the job can object, so a mistake that is found here costs nothing.
Imported while Snakemake parses: nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from multiscope.config import (
    AnyData,
    Config,
    CropsFolder,
    Evaluate,
    FieldsFolder,
    OmeZarr,
    SampleSheet,
    Standard,
    Transfer,
)
from multiscope.data.readers.pattern import NamePattern, crops_pattern, images_pattern, labels_pattern
from multiscope.errors import InputError


def check_inputs(config: Config, where: str) -> None:
    """Refuse a configuration whose files are not there, or whose file name patterns or tables cannot be read.

    What a rule of another workflow makes is not looked at before it is there.
    """
    for key, path in _paths(config):
        if not path.exists() and not any(path.is_relative_to(made) for made in config.made_by_rules):
            raise InputError(
                f"{where}: {key}: {path} does not exist; name an existing file or folder, or "
                f"list it in made_by_rules if a rule of yours makes it"
            )
    for name, data in config.data.items():
        try:
            _patterns(data)
        except InputError as error:
            raise InputError(f"{where}: data.{name}.{error}") from None
        try:
            _read_tables(data)
        except InputError as error:
            raise InputError(f"{where}: data.{name}: {error}") from None


def _paths(config: Config) -> Iterator[tuple[str, Path]]:
    for name, data in config.data.items():
        for key, path in data.sources.items():
            yield f"data.{name}.{key}", path
    for name, stage in (("augment", config.augment), ("restore", config.restore)):
        if stage is not None and stage.content.vgg16 is not None:
            yield f"{name}.content.vgg16", stage.content.vgg16
    if config.augment is not None and config.augment.cin_gan.extend is not None:
        yield "augment.cin_gan.extend", config.augment.cin_gan.extend
    if config.localize is not None:
        for name, encoder in config.localize.encoders.items():
            if isinstance(encoder, Transfer):
                yield f"localize.encoders.{name}.trained", encoder.trained
    if config.evaluate is not None:
        yield from _named(config.evaluate, "evaluate", ["genes"])
        for name, standard in config.evaluate.standards.items():
            yield from _named(standard, f"evaluate.standards.{name}", ["path", "genes", "ontology"])


def _named(section: Evaluate | Standard, where: str, keys: list[str]) -> Iterator[tuple[str, Path]]:
    """The files that these keys of a section name."""
    for key in keys:
        if (path := getattr(section, key)) is not None:
            yield f"{where}.{key}", path


def _patterns(data: AnyData) -> list[NamePattern]:
    if isinstance(data, CropsFolder):
        return [crops_pattern(data)]
    if isinstance(data, FieldsFolder):
        images = images_pattern(data)
        return [images, *([labels_pattern(data, images)] if data.labels is not None else [])]
    return []


def _read_tables(data: AnyData) -> None:
    """Sample sheets and plate maps; what reads them takes half a second to import, so only where there are any."""
    if isinstance(data, SampleSheet) and data.sheet.exists():
        from multiscope.data.readers.sheet_rows import read_sheet

        read_sheet(data)
    if (
        isinstance(data, FieldsFolder | OmeZarr | SampleSheet)
        and data.plate_map is not None
        and data.plate_map.exists()
    ):
        from multiscope.data.readers.plate_map import read_plate_map

        read_plate_map(data.plate_map)
