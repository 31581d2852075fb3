"""The stage `crop`: single-cell crops of clean, degraded or restored fields, the same cells from each."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import Crop
from multiscope.crop import STAGE_VERSION
from multiscope.crop.cut import cut
from multiscope.errors import InputError
from multiscope.manifest import StageRun, expect_same_input, stage_output, verify
from multiscope.progress import track
from multiscope.stores.fields import read_field, read_labels
from multiscope.stores.samples import write_samples

Array = npt.NDArray[Any]


def run(*, data: Path, source: str, restored: Path | None, out: Path, config: Crop) -> None:
    """Cut the cells of the data set of fields at `data` into the folder `out`.

    `source` is `clean`, `degraded` (each field with its own defect) or `restored:<method>` (from the folder
    `restored`). Cells come from the clean fields' labels, so a cell has the same id in every source.
    """
    images = _Images(data, source, restored)
    inputs = {"data": data} | ({"restored": restored} if restored is not None else {})
    described = {**config.model_dump(mode="json", exclude={"sources"}), "source": source}
    with stage_output(out, stage="crop", version=STAGE_VERSION, config=described, inputs=inputs) as made:
        _write(made, images, config)


class _Images:
    """The fields of one source."""

    def __init__(self, data: Path, source: str, restored: Path | None) -> None:
        self.data, self.source = data, source
        manifest = verify(data, made_by=["data"])
        self.notes: dict[str, Any] = manifest["notes"]
        if self.notes.get("kind") != "fields":
            raise InputError(f"{data}: holds no fields; name a folder that stage 'data' made from fields")
        self._restored = None
        if source.startswith("restored:"):
            self._restored = _check_restored(restored, source, data, str(manifest["digest"]))
        elif restored is not None:
            raise InputError(f"{restored}: is not needed for source '{source}'; leave it out, or cut restored:<method>")
        self.table = pd.read_parquet(data / "fields.parquet")
        if source != "clean" and (self.table["defect"] == "").any():
            raise InputError(f"{data}: has fields without a defect; cut source 'clean', or give the data set 'defects'")

    def labels(self, field_id: str) -> npt.NDArray[np.uint32]:
        path = self.data / "clean.zarr" / field_id
        if not (path / "labels").is_dir():
            raise InputError(f"{path}: has no label image; name the folder of label images under 'labels'")
        return read_labels(path).astype(np.uint32, copy=False)

    def read(self, field_id: str, defect: str) -> Array:
        """The image (C, Y, X) in the clean image's type."""
        if self._restored is None:
            place = Path("clean.zarr") if self.source == "clean" else Path("degraded.zarr") / defect
            return read_field(self.data / place / field_id)
        return as_type(read_field(self._restored / "restored.zarr" / defect / field_id), np.dtype(self.notes["dtype"]))


def _check_restored(restored: Path | None, source: str, data: Path, digest: str) -> Path:
    if restored is None:
        raise InputError(f"source '{source}' needs a folder of restored fields; name the one that stage 'restore' made")
    expect_same_input(restored, verify(restored, made_by=["restore"]), "data", data, digest)
    return restored


def as_type(image: Array, dtype: np.dtype[Any]) -> Array:
    """Restored floats as the clean image's type: rounded and clipped where that is an integer."""
    if dtype.kind not in "iu":
        return image.astype(dtype)
    limits = np.iinfo(dtype)
    # float64 holds the limits of 32 bit integers exactly
    return np.clip(np.rint(image.astype(np.float64)), limits.min, limits.max).astype(dtype)


def _write(made: StageRun, images: _Images, config: Crop) -> None:
    crops, masks, tables = [], [], []
    dropped: Counter[str] = Counter(edge=0, small=0)
    fields = images.table
    rows = fields.to_dict("records")
    for row in track(rows, what=f"crop: {images.source} fields", total=len(rows)):
        image, labels = images.read(row["field_id"], row["defect"]), images.labels(row["field_id"])
        if image.shape[1:] != labels.shape:
            raise InputError(
                f"{images.source} field {row['field_id']}: is {image.shape[1:]}, its labels {labels.shape}; "
                "expected one size: run the stage that made it again"
            )
        found = cut(image, labels, size=config.size, min_area=config.min_area)
        dropped.update(found.dropped)
        crops.append(found.images)
        masks.append(found.masks)
        tables.append(_described(found.table, row))
    table = pd.concat(tables, ignore_index=True)
    if table.empty:
        raise InputError(
            f"{images.data}: no cell is left ({dropped['edge']} at the edge, {dropped['small']} small); "
            "choose a smaller crop.size or crop.min_area, or check the label images"
        )
    _store(made, images, np.concatenate(crops), np.concatenate(masks), table)
    made.count("cells", len(table), dropped)
    made.count("fields", table["field_id"].nunique(), {"no cell": len(fields) - table["field_id"].nunique()})
    made.count("proteins", len(set(table["protein"]) - {""}))


def _described(cells: pd.DataFrame, field: dict[Hashable, Any]) -> pd.DataFrame:
    ids = [f"{field['field_id']}_{label}" for label in cells["label"]]
    described = pd.DataFrame({"cell_id": ids}, dtype=object)
    described = described.assign(**{key: field[key] for key in ("field_id", "protein", "split")})
    return described.assign(label=cells["label"], y=cells["y"], x=cells["x"], n_padded=0)


def _store(made: StageRun, images: _Images, crops: Array, masks: Array, table: pd.DataFrame) -> None:
    attributes = {key: images.notes[key] for key in ("channels", "pixel_size_um")} | {"source": images.source}
    write_samples(made.path / "crops.zarr", {"image": crops, "mask": masks}, table, attributes)
    shutil.copy(images.data / "proteins.parquet", made.path / "proteins.parquet")
    for key in ("dataset", "channels", "pixel_size_um", "dtype", "range"):
        made.note(key, images.notes[key])
    made.note("source", images.source)
