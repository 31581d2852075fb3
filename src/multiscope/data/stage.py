"""The stage `data`: one data set into one folder, checked and split."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from multiscope.config import (
    AnyData,
    CropsFile,
    CropsFolder,
    FieldsFolder,
    OmeZarr,
    PairArrays,
    SampleSheet,
    VirtualCrops,
    VirtualScreen,
    VirtualStructures,
)
from multiscope.data import STAGE_VERSION
from multiscope.data.crop_set import write_crops
from multiscope.data.field_set import write_fields
from multiscope.data.readers.crops_file import CropsFileReader
from multiscope.data.readers.crops_folder import CropsFolderReader
from multiscope.data.readers.fields_folder import folder_reader
from multiscope.data.readers.ome_zarr import ome_zarr_reader
from multiscope.data.readers.pair_arrays import PairArraysReader
from multiscope.data.readers.reader import CropsReader, FieldReader
from multiscope.data.readers.sample_sheet import sheet_reader
from multiscope.data.readers.virtual_screen import VirtualCropsReader, VirtualScreenReader
from multiscope.data.readers.virtual_structures import VirtualStructuresReader
from multiscope.folders.manifest import stage_output
from multiscope.images.container import open_container


def run(*, out: Path, dataset: str, config: AnyData, device: str = "cpu") -> None:
    """Read, or generate, the data set `dataset` into the folder `out`.

    Fields become `clean.zarr`, `degraded.zarr` and `fields.parquet`; crops become `crops.zarr` and `crops.parquet`;
    both get `proteins.parquet`. What is wrong with the files is an `InputError`, and `out` stays as it was. `device`,
    `cpu` or `cuda`, is where cells are generated.
    """
    seed = config.drawing_seed
    with (
        open_reader(config, device=device) as reader,
        stage_output(
            out,
            stage="data",
            version=STAGE_VERSION,
            config=config.model_dump(mode="json"),
            inputs=reader.inputs,
            seed=seed,
            device=device,
        ) as made,
    ):
        made.note("dataset", dataset)
        if isinstance(reader, CropsReader):
            _say(f"data: {len(reader.cells)} cells in {reader.where}")
            write_crops(made, reader, split=config.split)
        else:
            _say(f"data: {len(reader.fields)} fields in {reader.where}")
            defects = getattr(config, "defects", {})
            write_fields(made, reader, defects=defects, split=config.split, seed=seed)


@contextmanager
def open_reader(config: AnyData, *, device: str = "cpu") -> Iterator[FieldReader | CropsReader]:
    """The reader that `config` names, its files open as long as the context."""
    with ExitStack() as stack:
        match config:
            case VirtualScreen():
                yield VirtualScreenReader(config, device=device)
            case VirtualCrops():
                yield VirtualCropsReader(config, device=device)
            case VirtualStructures():
                yield VirtualStructuresReader(config)
            case FieldsFolder():
                images = stack.enter_context(open_container(config.images, key="images"))
                labels = stack.enter_context(open_container(config.labels, key="labels")) if config.labels else None
                yield folder_reader(config, images, labels)
            case OmeZarr():
                yield ome_zarr_reader(config)
            case SampleSheet():
                yield sheet_reader(config)
            case PairArrays():
                yield PairArraysReader(config)
            case CropsFolder():
                yield CropsFolderReader(config, stack.enter_context(open_container(config.path, key="path")))
            case CropsFile():
                yield CropsFileReader(config)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
