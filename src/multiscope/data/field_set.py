"""Fields into the data stage's folder: clean and degraded OME-Zarr images, labels, tables."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import Defects, Split
from multiscope.data.ahead import ahead
from multiscope.data.assignment import assign_defects
from multiscope.data.intensity import IntensityRange
from multiscope.data.leaks import LeakCheck, report_leaks, report_torn_stacks
from multiscope.data.quality import QualityCheck
from multiscope.data.readers.reader import PLACE, FieldPixels, FieldReader
from multiscope.data.seeding import stable_seed
from multiscope.data.split import deal, split_digest
from multiscope.errors import InputError
from multiscope.folders.journal import Unit
from multiscope.folders.manifest import StageRun
from multiscope.progress import track
from multiscope.quality.look import Look
from multiscope.simulate.defects import degrade
from multiscope.stores.fields import read_field, write_field
from multiscope.stores.plates import describe_store, field_paths

Array = npt.NDArray[Any]
_MOST_REMARKS = 20


@dataclass(frozen=True)
class _Written:
    """A field that was written."""

    number: int
    image: Array
    look: Look
    n_cells: int | None
    degraded: Sequence[str]
    where: str


def write_fields(made: StageRun, reader: FieldReader, *, defects: Defects, split: Split, seed: int) -> None:
    """Write every field of `reader`, with its own defect, test fields with every defect; only a few are in memory."""
    table = _table(reader, defects, split=split, seed=seed)
    torn = report_torn_stacks(table, split, where=reader.where)
    quality, leaks = QualityCheck(reader.channels), LeakCheck()
    writer = _Writer(made, reader, quality, defects, seed, table)
    intensities = IntensityRange(reader.channels)
    facts: list[dict[str, Any]] = []
    like: tuple[np.dtype[Any], str] | None = None
    for written in track(ahead(writer.write, len(table)), what="data: fields", total=len(table)):
        like = like or (written.image.dtype, written.where)
        _expect_type(written, *like)
        side = str(table["split"][written.number])
        quality.gather(written.look, reader.info(written.number))
        leaks.add(written.look, side)
        if side == "train":
            intensities.add(written.image)
        facts.append(_facts(written))
    made.note("leaks", [*torn, *report_leaks(leaks.leaks(), split, where=reader.where)])
    _describe_stores(made.path, table, sorted({name for fact in facts for name in fact["degraded"].split("|") if name}))
    described = pd.DataFrame(facts)
    fields = pd.concat([table, described.drop(columns="n_cells")], axis=1)
    fields.to_parquet(made.path / "fields.parquet", compression="zstd")
    quality.table().to_parquet(made.path / "quality.parquet", compression="zstd")
    made.note("warnings", quality.warnings())
    reader.proteins.to_parquet(made.path / "proteins.parquet", compression="zstd")
    reader.write_standards(made.path / "standards")
    _describe(made, reader, fields, described["n_cells"])
    made.note("dtype", str(like[0]) if like else "")
    made.note("defects", {name: defect.model_dump() for name, defect in defects.items()})
    for key, value in intensities.as_notes(where=reader.where).items():
        made.note(key, value)


def _describe_stores(out: Path, table: pd.DataFrame, defects: Sequence[str]) -> None:
    """The metadata by which other tools find the fields; of several plates each is named by its folder."""
    plate = str(table["plate"].iloc[0])
    for store in (out / "clean.zarr", *(out / "degraded.zarr" / name for name in defects)):
        describe_store(store, [path for path in table["path"] if (store / path).is_dir()], plate=plate)


def _table(reader: FieldReader, defects: Defects, *, split: Split, seed: int) -> pd.DataFrame:
    """Who is who, where it goes, on which side it is, and with which defect it was acquired."""
    table = reader.fields.copy()
    localization = reader.proteins.set_index("protein")["localization"]
    known = table.assign(localization=table["protein"].map(localization).fillna(""))
    table["split"] = deal(known, split, where=reader.where)
    if (table["defect"] == "").all():
        table["defect"] = assign_defects(table, list(defects), seed=seed)
    places = {f"{what}s": table[what].tolist() for what in ("plate", "well", "site")}
    table["path"] = field_paths(table["field_id"].tolist(), **places)
    return table[["field_id", "path", "protein", *PLACE, "split", "defect"]]


def _facts(written: _Written) -> dict[str, Any]:
    depth, height, width = (1, *written.image.shape[1:])[-3:]
    degraded = "|".join(written.degraded)
    return {"degraded": degraded, "depth": depth, "height": height, "width": width, "n_cells": written.n_cells}


def _describe(made: StageRun, reader: FieldReader, fields: pd.DataFrame, n_cells: pd.Series[Any]) -> None:
    made.note("kind", "fields")
    made.note("channels", reader.channels)
    made.note("pixel_size_um", reader.pixel_size.plane_um)
    made.note("z_step_um", reader.pixel_size.z)
    made.note("remarks", reader.remarks[:_MOST_REMARKS])
    made.note("split_digest", split_digest(fields["field_id"].tolist(), fields["split"].tolist()))
    for what, count in reader.counts.items():
        made.count(what, count.kept, count.dropped)
    made.count("proteins", int((reader.proteins["protein"] != "").sum()))
    if n_cells.notna().all():
        made.count("cells", int(n_cells.sum()))


class _Writer:
    """Writes one field, or finds it written by a job that was killed; called from several threads."""

    def __init__(
        self,
        made: StageRun,
        reader: FieldReader,
        quality: QualityCheck,
        defects: Defects,
        seed: int,
        table: pd.DataFrame,
    ) -> None:
        self._made, self._reader, self._quality, self._defects, self._seed = made, reader, quality, defects, seed
        self._rows = table.to_dict("records")

    def write(self, number: int) -> _Written:
        row = self._rows[number]
        with self._made.unit(f"field {row['field_id']}") as unit:
            if unit.finished:
                image = read_field(self._made.path / "clean.zarr" / row["path"])
            else:
                image = self._write_all(unit, row, self._reader.read(number))
        look = self._quality.look(str(row["field_id"]), image)
        return _Written(number, image, look, unit.facts["n_cells"], unit.facts["degraded"], unit.facts["where"])

    def _write_all(self, unit: Unit, row: Mapping[Hashable, Any], pixels: FieldPixels) -> Array:
        degraded = {**pixels.degraded, **self._degraded(row, pixels)}
        self._write(unit, f"clean.zarr/{row['path']}", pixels.image, pixels.labels)
        for name, image in degraded.items():
            self._write(unit, f"degraded.zarr/{name}/{row['path']}", image, None)
        n_cells = None if pixels.labels is None else len(np.setdiff1d(pixels.labels, [0]))
        unit.facts = {"n_cells": n_cells, "degraded": sorted(degraded), "where": pixels.where}
        return pixels.image

    def _degraded(self, row: Mapping[Hashable, Any], pixels: FieldPixels) -> dict[str, Array]:
        """The field with its own defect; with every one on the test side."""
        if self._defects and pixels.image.ndim != 3:
            raise InputError(
                f"{pixels.where}: is a z-stack of {pixels.image.shape[1]} planes; expected planes to put defects on: "
                "set the data set's z to max, mean or central"
            )
        names = list(self._defects) if row["split"] == "test" else [row["defect"]] if self._defects else []
        return {name: self._degrade(name, row["field_id"], pixels.image) for name in names}

    def _degrade(self, name: str, field_id: str, image: Array) -> Array:
        seed = stable_seed(self._seed, "degrade", field_id, name)
        return degrade(image, self._defects[name], seed=seed)

    def _write(self, unit: Unit, path: str, image: Array, labels: npt.NDArray[np.uint32] | None) -> None:
        channels, size = self._reader.channels, self._reader.pixel_size
        write_field(unit.path(path), image, channels=channels, pixel_size=size, labels=labels)


def _expect_type(written: _Written, dtype: np.dtype[Any], where: str) -> None:
    if written.image.dtype != dtype:
        raise InputError(
            f"{written.where}: is {written.image.dtype}, but {where} is {dtype}; expected one type of numbers: "
            "export all fields alike"
        )
