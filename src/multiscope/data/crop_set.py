"""Crops into the data stage's folder: a sample store, tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import Split
from multiscope.data.intensity import IntensityRange
from multiscope.data.leaks import LeakCheck, report_leaks
from multiscope.data.quality import QualityCheck
from multiscope.data.readers.reader import CropsReader
from multiscope.data.split import deal, split_digest
from multiscope.folders.manifest import StageRun
from multiscope.stores.samples import SampleWriter

Array = npt.NDArray[Any]
_LOOKED_AT = 2000
"""Crops whose quality is looked at, evenly spread; copies are looked for among all."""


def write_crops(made: StageRun, reader: CropsReader, *, split: Split) -> None:
    """Write every crop of `reader`; label is 0 and y, x are NaN, for where they were cut is not known."""
    table = _table(reader, split)
    seen = _Seen(reader.channels, n=len(table))
    attributes = {"channels": reader.channels, "pixel_size_um": reader.pixel_size_um, "source": "clean"}
    start, dtype = 0, ""
    with SampleWriter(made.path / "crops.zarr", attributes=attributes, journal=made.journal) as writer:
        kept = writer.rows  # of a job that was killed; the pieces are the same again
        for piece in reader.pieces():
            images = piece["image"]
            rows, dtype = table.iloc[start : start + len(images)], str(images.dtype)
            if new := max(0, start + len(images) - max(start, kept)):
                writer.append(
                    {name: array[-new:] for name, array in piece.items()},
                    rows.iloc[-new:],
                    position=start + len(images),
                )
            seen.add(images, rows, start=start)
            start += len(images)
    seen.quality.table().to_parquet(made.path / "quality.parquet", compression="zstd")
    reader.proteins.to_parquet(made.path / "proteins.parquet", compression="zstd")
    reader.write_standards(made.path / "standards")
    for what, count in reader.counts.items():
        made.count(what, count.kept, count.dropped)
    made.count("fields", len(set(table["field_id"]) - {""}))
    made.count("proteins", int((reader.proteins["protein"] != "").sum()))
    made.note("kind", "crops")
    made.note("channels", reader.channels)
    made.note("pixel_size_um", reader.pixel_size_um)
    made.note("dtype", dtype)
    made.note("warnings", seen.quality.warnings())
    made.note("leaks", report_leaks(seen.leaks.leaks(), split, where=reader.where))
    made.note("split_digest", split_digest(table["cell_id"].tolist(), table["split"].tolist()))
    for key, value in seen.intensities.as_notes(where=reader.where).items():
        made.note(key, value)


def _table(reader: CropsReader, split: Split) -> pd.DataFrame:
    places = reader.proteins.set_index("protein")["localization"]
    known = reader.cells.assign(localization=reader.cells["protein"].map(places).fillna(""))
    sides = deal(known, split, where=reader.where)
    return reader.cells.assign(split=sides, label=0, y=np.nan, x=np.nan, n_padded=0)


class _Seen:
    """What is gathered of the crops while they are written."""

    def __init__(self, channels: list[str], *, n: int) -> None:
        self.intensities, self.leaks = IntensityRange(channels), LeakCheck()
        self.quality = QualityCheck(channels, fields=False)
        self._looked_at = set(np.linspace(0, n - 1, min(n, _LOOKED_AT)).astype(int).tolist())

    def add(self, images: Array, rows: pd.DataFrame, *, start: int) -> None:
        """Take in a piece (n, C, S, S), the rows from `start` on."""
        if (train := (rows["split"] == "train").to_numpy()).any():
            self.intensities.add(np.moveaxis(images[train], 1, 0))
        names = zip(rows["cell_id"], rows["split"], strict=True)
        for number, ((name, side), image) in enumerate(zip(names, images, strict=True), start=start):
            self.leaks.add_crop(name, side, image)
            if number in self._looked_at:
                self.quality.add(name, image)
