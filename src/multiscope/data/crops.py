"""Crops of a folder made by `crop`, or by `data` from a folder of crops: table, proteins, images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.errors import InputError
from multiscope.folders.manifest import verify
from multiscope.stores.samples import SampleStore


class Crops:
    """Single-cell crops with their table and the localization of their proteins."""

    def __init__(self, path: Path) -> None:
        """Open the folder `path`."""
        self.path = path
        self.manifest = verify(path, made_by=["crop", "data"])
        if not (path / "crops.parquet").is_file():
            raise InputError(f"{path}: holds no crops; name a folder made by `crop`, or by `data` from crops")
        self.store = SampleStore(path / "crops.zarr")
        proteins = pd.read_parquet(path / "proteins.parquet")[["protein", "symbol", "localization"]]
        self.table = self.store.table.merge(proteins, on="protein", how="left", validate="many_to_one")
        self.channels: list[str] = list(self.store.attributes["channels"])
        self.source: str = self.store.attributes.get("source", "clean")
        self.size = self.store.shape("image")[-1]

    def channel_indices(self, names: Sequence[str] | None) -> list[int]:
        """Where the channels `names` stand in the store; all of them for None."""
        names = self.channels if names is None else names
        for name in names:
            if name not in self.channels:
                raise InputError(f"{self.path}: has no channel '{name}'; it has {', '.join(self.channels)}")
        return [self.channels.index(name) for name in names]

    def read(self, rows: npt.NDArray[np.int64], channels: list[int]) -> npt.NDArray[Any]:
        """Crops (n, C, Y, X) of these rows as stored."""
        images = self.store.take("image", rows)
        return images if channels == list(range(len(self.channels))) else images[:, channels]
