"""What cells are cut from: the fields of one source, and the labels that go with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import Crop
from multiscope.errors import InputError
from multiscope.folders.manifest import expect_same_input, verify
from multiscope.images.flatten import flatten, flatten_labels
from multiscope.stores.fields import read_field, read_label_image, read_labels

Array = npt.NDArray[Any]


class Source:
    """The fields of one source as planes, their labels, and the clean images by which cells are judged."""

    def __init__(self, data: Path, source: str, restored: Path | None, labels: Path | None, config: Crop) -> None:
        """Open the folders made by `data`, `restore` and `segment`; what does not fit together is an `InputError`."""
        self.data, self.name, self._z = data, source, config.z
        manifest = verify(data, made_by=["data"])
        self.notes: dict[str, Any] = manifest["notes"]
        if self.notes.get("kind") != "fields":
            raise InputError(f"{data}: holds no fields; name a folder that stage 'data' made from fields")
        self._restored = None
        if source.startswith("restored:"):
            self._restored = _check_restored(restored, source, data, str(manifest["digest"]))
        elif restored is not None:
            raise InputError(f"{restored}: is not needed for source '{source}'; leave it out, or cut restored:<method>")
        if labels is not None:
            made = verify(labels, made_by=["segment"])
            expect_same_input(labels, made, "data", data, str(manifest["digest"]))
        self._labels = labels
        self.table = pd.read_parquet(data / "fields.parquet")
        if source != "clean" and (self.table["defect"] == "").any():
            raise InputError(f"{data}: has fields without a defect; cut source 'clean', or give the data set 'defects'")

    def labels(self, path: str) -> npt.NDArray[np.uint32]:
        """The label image (Y, X) of the field at `path`, stacks flattened as its image."""
        return flatten_labels(self._stored_labels(path), self._z)

    def hidden(self, path: str) -> Array:
        """Numbers of the objects of a stack's labels that are not in their plane."""
        stored = self._stored_labels(path)
        return np.setdiff1d(stored, flatten_labels(stored, self._z))

    def _stored_labels(self, path: str) -> npt.NDArray[np.uint32]:
        if self._labels is not None:
            return read_label_image(self._labels / "labels.zarr" / path)
        field = self.data / "clean.zarr" / path
        if not (field / "labels").is_dir():
            raise InputError(
                f"{field}: has no label image; name the folder of label images under 'labels', or add a section "
                "'segment' with this data set"
            )
        return read_labels(field)

    def clean(self, path: str) -> Array:
        """The clean image (C, Y, X)."""
        return flatten(read_field(self.data / "clean.zarr" / path), self._z)

    def image(self, path: str, defect: str) -> Array:
        """The source's image (C, Y, X) in the clean image's type."""
        if self.name == "clean":
            return self.clean(path)
        if self._restored is None:
            return flatten(read_field(self.data / "degraded.zarr" / defect / path), self._z)
        restored = flatten(read_field(self._restored / "restored.zarr" / defect / path), self._z)
        return as_type(restored, np.dtype(self.notes["dtype"]))


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
