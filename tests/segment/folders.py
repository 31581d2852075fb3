"""Data folders made by hand, for stages that work on fields."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from multiscope.folders.manifest import stage_output
from multiscope.stores.fields import write_field
from multiscope.stores.pixel_size import PixelSize

Field = tuple[str, np.ndarray, np.ndarray | None]
"""Path in the store, image, labels."""


def make_data(out: Path, fields: Sequence[Field], *, channels: Sequence[str] = ("dna", "protein")) -> Path:
    """A folder of stage `data` with these clean fields."""
    with stage_output(out, stage="data", version=1, config={"reader": "fields"}, inputs={}) as made:
        for path, image, labels in fields:
            place = made.path / "clean.zarr" / path
            write_field(place, image, channels=channels, pixel_size=PixelSize(1.0, 0.5, 0.5), labels=labels)
        ids = [path.replace("/", "_") for path, *_ in fields]
        table = pd.DataFrame({"field_id": ids, "path": [path for path, *_ in fields], "protein": "", "split": "train"})
        sizes = [(1, *image.shape[1:])[-3:] for _, image, _ in fields]
        table[["depth", "height", "width"]] = sizes
        table.assign(defect="", plate="p1", well="A1", site="0", time=0).to_parquet(made.path / "fields.parquet")
        pd.DataFrame({"protein": [], "symbol": [], "localization": []}).to_parquet(made.path / "proteins.parquet")
        notes = {"kind": "fields", "dataset": "hand", "channels": list(channels), "pixel_size_um": 0.5, "range": {}}
        for key, value in (notes | {"dtype": str(fields[0][1].dtype)}).items():
            made.note(key, value)
    return out


def blobs(seed: int, *, n: int = 8, size: int = 128, radius: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """A plane (Y, X) of bright disks on noise, and their labels."""
    rng = np.random.default_rng(seed)
    plane, labels = rng.normal(200, 10, (size, size)), np.zeros((size, size), np.uint32)
    grid = [(y, x) for y in range(20, size - 12, 30) for x in range(20, size - 12, 30)]
    for number, place in enumerate(rng.permutation(len(grid))[:n]):
        y, x = grid[place]
        rows, columns = np.ogrid[:size, :size]
        inside = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
        labels[inside] = number + 1
        plane[inside] += 400
    return plane.round().astype(np.uint16), labels
