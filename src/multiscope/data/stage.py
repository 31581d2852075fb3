"""The stage `data`: one data set into one folder, checked and split."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from multiscope.config import AnyData, CropsFolder, FieldsFolder, VirtualScreen
from multiscope.data import STAGE_VERSION
from multiscope.data.crop_set import write_crops
from multiscope.data.crops_folder import CropsFolderReader
from multiscope.data.field_set import write_fields
from multiscope.data.fields_folder import FieldsFolderReader
from multiscope.data.reader import FieldReader
from multiscope.data.virtual_screen import VirtualScreenReader
from multiscope.images.container import open_container
from multiscope.manifest import stage_output


def run(*, out: Path, dataset: str, config: AnyData) -> None:
    """Read, or generate, the data set `dataset` into the folder `out`.

    Fields become `clean.zarr`, `degraded.zarr` and `fields.parquet`; crops become `crops.zarr` and `crops.parquet`;
    both get `proteins.parquet`. What is wrong with the files is an `InputError`, and `out` stays as it was.
    """
    seed = config.seed if isinstance(config, VirtualScreen) else config.split.seed
    with (
        open_reader(config) as reader,
        stage_output(
            out,
            stage="data",
            version=STAGE_VERSION,
            config=config.model_dump(mode="json"),
            inputs=reader.inputs,
            seed=seed,
        ) as made,
    ):
        made.note("dataset", dataset)
        if isinstance(config, CropsFolder):
            assert isinstance(reader, CropsFolderReader)
            _say(f"data: {len(reader.cells)} cells of {len(reader.fields)} fields in {reader.where}")
            write_crops(made, reader, split=config.split)
        else:
            assert not isinstance(reader, CropsFolderReader)
            _say(f"data: {len(reader.fields)} fields in {reader.where}")
            write_fields(made, reader, defects=getattr(config, "defects", {}), split=config.split, seed=seed)


@contextmanager
def open_reader(config: AnyData) -> Iterator[FieldReader | CropsFolderReader]:
    """The reader that `config` names, its files open as long as the context."""
    with ExitStack() as stack:
        if isinstance(config, VirtualScreen):
            yield VirtualScreenReader(config)
        elif isinstance(config, CropsFolder):
            yield CropsFolderReader(config, stack.enter_context(open_container(config.path, key="path")))
        elif isinstance(config, FieldsFolder):
            images = stack.enter_context(open_container(config.images, key="images"))
            labels = None
            if config.labels is not None:
                labels = stack.enter_context(open_container(config.labels, key="labels"))
            yield FieldsFolderReader(config, images, labels)
        else:
            raise NotImplementedError


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
