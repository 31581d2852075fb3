"""The stage `crop`: single-cell crops of clean, degraded or restored fields, the same cells from each."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import Crop
from multiscope.crop import STAGE_VERSION
from multiscope.crop.cells import Objects, find_objects, measure
from multiscope.crop.choice import EXPLAINED, HIDDEN, choose
from multiscope.crop.cut import cut
from multiscope.crop.source import Source
from multiscope.crop.window import n_cut, n_padded
from multiscope.errors import InputError
from multiscope.folders.manifest import StageRun, stage_output
from multiscope.progress import track
from multiscope.stores.samples import SampleWriter

Array = npt.NDArray[Any]
_OF_FIELD = ("plate", "well", "site", "stack", "time")
_MEASURED = ("area", "solidity", "contrast", "sharpness", "saturated", "n_padded", "n_cut")


def run(*, data: Path, source: str, restored: Path | None, out: Path, config: Crop, labels: Path | None = None) -> None:
    """Cut the cells of the data set of fields at `data` into the folder `out`.

    `source` is `clean`, `degraded` (each field with its own defect) or `restored:<method>` (from the folder
    `restored`). Cells come from the data set's labels, or from those of the folder `labels` that `segment` made. They
    are chosen by the clean fields, so a cell has the same id in every source, and every source the same cells.
    """
    fields = Source(data, source, restored, labels, config)
    inputs = {name: path for name, path in (("data", data), ("restored", restored), ("labels", labels)) if path}
    described = {**config.model_dump(mode="json", exclude={"sources"}), "source": source}
    with stage_output(out, stage="crop", version=STAGE_VERSION, config=described, inputs=inputs) as made:
        attributes = {key: fields.notes[key] for key in ("channels", "pixel_size_um")} | {"source": source}
        with SampleWriter(made.path / "crops.zarr", attributes=attributes, journal=made.journal) as writer:
            _write(made, writer, fields, config)
        _describe(made, fields)


def _write(made: StageRun, writer: SampleWriter, fields: Source, config: Crop) -> None:
    _expect_room(fields, config)
    rows = fields.table.to_dict("records")
    kept: list[pd.DataFrame] = []
    dropped: list[pd.DataFrame] = []
    written = writer.position or 0  # fields of which a killed job stored all crops
    for number, row in enumerate(track(rows, what=f"crop: {fields.name} fields", total=len(rows))):
        objects, cells, others = _choose(fields, row, config)
        if len(cells) and number >= written:
            image = _image(fields, row, objects)
            images, masks = cut(image, objects, cells, size=config.size, neighbours=config.neighbours)
            writer.append({"image": images, "mask": masks}, _described(cells, row), position=number + 1)
        kept.append(cells.assign(field_id=row["field_id"], protein=row["protein"])[["field_id", "protein", "n_cut"]])
        dropped.append(others)
    _count(made, fields, pd.concat(kept), pd.concat(dropped, ignore_index=True))


def _expect_room(fields: Source, config: Crop) -> None:
    height, width = fields.table[["height", "width"]].max()
    if config.border == "drop" and config.size > min(height, width):
        raise InputError(
            f"{fields.data}: crop.size is {config.size}, but no field is larger than {height} x {width} pixels; choose "
            "a smaller one, or set crop.border to pad"
        )


def _choose(fields: Source, row: Mapping[Hashable, Any], config: Crop) -> tuple[Objects, pd.DataFrame, pd.DataFrame]:
    """The objects of one field, those that are kept as cells, and the rows of those that are dropped."""
    clean, labels = fields.clean(str(row["path"])), fields.labels(str(row["path"]))
    _expect_shape(clean, labels.shape, f"clean field {row['field_id']}")
    objects = find_objects(labels)
    cells = pd.concat([objects.table, measure(clean, objects)], axis=1)
    cells = cells.assign(
        n_padded=n_padded(cells, labels.shape, config.size), n_cut=n_cut(objects, config.size), field_id=row["field_id"]
    )
    reasons = choose(cells, labels.shape, config)
    others = cells.assign(reason=reasons)[reasons != ""][["field_id", "label", "reason", "y", "x", "area"]]
    if row["depth"] > 1:
        hidden = fields.hidden(str(row["path"]))
        nowhere = {"reason": HIDDEN, "y": np.nan, "x": np.nan, "area": 0}
        unseen = pd.DataFrame({"field_id": row["field_id"], "label": hidden.astype(np.int64), **nowhere})
        others = pd.concat([others, unseen], ignore_index=True)
    return objects, cells[reasons == ""], others


def _image(fields: Source, row: Mapping[Hashable, Any], objects: Objects) -> Array:
    image = fields.image(str(row["path"]), row["defect"])
    _expect_shape(image, objects.numbers.shape, f"{fields.name} field {row['field_id']}")
    return image


def _expect_shape(image: Array, shape: tuple[int, ...], where: str) -> None:
    if image.shape[1:] != shape:
        raise InputError(
            f"{where}: is {image.shape[1:]}, its labels {shape}; expected one size: run the stage that made it again"
        )


def _count(made: StageRun, fields: Source, kept: pd.DataFrame, dropped: pd.DataFrame) -> None:
    reasons = dict.fromkeys(EXPLAINED, 0) | dict(Counter(dropped["reason"]))
    if kept.empty:
        counted = ", ".join(f"{n} {reason}" for reason, n in reasons.items() if n) or "the label images are empty"
        raise InputError(
            f"{fields.data}: no cell is left ({counted}); choose a smaller crop.size or crop.min_area, weaker filters, "
            "or check the label images"
        )
    dropped.to_parquet(made.path / "dropped.parquet", compression="zstd")
    n_fields = kept["field_id"].nunique()
    made.count("cells", len(kept), reasons)
    made.count("fields", n_fields, {"no cell": len(fields.table) - n_fields})
    made.count("proteins", len(set(kept["protein"]) - {""}))
    made.note("larger_than_crop", int((kept["n_cut"] > 0).sum()))


def _described(cells: pd.DataFrame, field: Mapping[Hashable, Any]) -> pd.DataFrame:
    """Rows of the table of crops."""
    ids = [f"{field['field_id']}_{label}" for label in cells["label"]]
    described = pd.DataFrame({"cell_id": ids}, dtype=object)
    described = described.assign(**{key: field[key] for key in ("field_id", "protein", "split")})
    described = described.join(cells[["label", "y", "x", *_MEASURED]].reset_index(drop=True))
    return described.assign(**{key: field[key] for key in _OF_FIELD if key in field})


def _describe(made: StageRun, fields: Source) -> None:
    shutil.copyfile(fields.data / "proteins.parquet", made.path / "proteins.parquet")
    for key in ("dataset", "channels", "pixel_size_um", "dtype", "range"):
        made.note(key, fields.notes[key])
    made.note("source", fields.name)
