"""Crops into the data stage's folder: a sample store, tables."""

from __future__ import annotations

import numpy as np

from multiscope.config import Split
from multiscope.data.crops_folder import CropsFolderReader
from multiscope.data.intensity import IntensityRange
from multiscope.data.split import deal, split_digest
from multiscope.manifest import StageRun
from multiscope.stores.samples import write_samples

_AT_ONCE = 1024


def write_crops(made: StageRun, reader: CropsFolderReader, *, split: Split) -> None:
    """Write every crop of `reader`; label is 0 and y, x are NaN, for where they were cut is not known."""
    fields = reader.fields
    fields["split"] = deal(fields, split, where=reader.where)
    images = reader.read()
    table = reader.cells.merge(fields[["field_id", "split"]], on="field_id", how="left", validate="many_to_one")
    table = table.assign(label=0, y=np.nan, x=np.nan, n_padded=0)
    intensities = IntensityRange(reader.channels)
    train = np.flatnonzero(table["split"] == "train")
    for start in range(0, len(train), _AT_ONCE):
        intensities.add(np.moveaxis(images[train[start : start + _AT_ONCE]], 1, 0))
    attributes = {"channels": reader.channels, "pixel_size_um": reader.pixel_size_um, "source": "clean"}
    write_samples(made.path / "crops.zarr", {"image": images}, table, attributes)
    reader.proteins.to_parquet(made.path / "proteins.parquet", compression="zstd")
    for what, count in reader.counts.items():
        made.count(what, count.kept, count.dropped)
    made.count("fields", len(fields))
    made.count("proteins", int((reader.proteins["protein"] != "").sum()))
    made.note("kind", "crops")
    made.note("channels", reader.channels)
    made.note("pixel_size_um", reader.pixel_size_um)
    made.note("dtype", str(images.dtype))
    made.note("split_digest", split_digest(fields["field_id"].tolist(), fields["split"].tolist()))
    for key, value in intensities.as_notes(where=reader.where).items():
        made.note(key, value)
