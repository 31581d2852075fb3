"""What every encoder of a run learns from: cells, their sides, the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lightning_fabric import Fabric

from multiscope.data.crops import Crops
from multiscope.errors import InputError
from multiscope.folders.manifest import verify
from multiscope.training.draws import Rows
from multiscope.training.ranks import ALONE, Ranks
from multiscope.training.stream import Stream


@dataclass(frozen=True)
class Task:
    """Cells to learn from, and how."""

    crops: Crops
    """The column `split` of their table says the side of each."""
    classes: Sequence[str] | None
    """Localizations that there may be; None for those that are found."""
    seed: int
    fabric: Fabric
    stream: Stream | None = None
    """Reads cells in blocks."""
    readers: int = 1
    """Threads that read ahead; they change no number."""
    ranks: Ranks = ALONE

    @property
    def pins(self) -> bool:
        """Whether batches go to a GPU, for which they lie in pinned memory."""
        return self.fabric.device.type == "cuda"

    def rows(self, side: str) -> Rows:
        """The cells of a side: train, val or test."""
        return np.flatnonzero(self.crops.table["split"] == side).astype(np.int64)


def take_sides(crops: Crops, split: Path | None) -> dict[str, Any]:
    """Put the sides of the folder `split`, made by the stage, into the table of `crops`; returns what it is.

    Without a folder the sides stay those that the data set was split into.
    """
    if split is None:
        return {"split_digest": "", "split_by": "data"}
    made = verify(split, made_by=["split"])
    sides = pd.read_parquet(split / "split.parquet").set_index("cell_id")["split"]
    found = crops.table["cell_id"].map(sides)
    if n := int(found.isna().sum()):
        example = crops.table.loc[found.isna(), "cell_id"].iloc[0]
        raise InputError(
            f"{split}: {n} cell(s) of {crops.path} are not in it, such as '{example}'; expected a split of the same "
            "cells: run `multiscope split` on these crops"
        )
    crops.table["split"] = found.to_numpy()
    notes = made["notes"]
    return {"split_digest": notes["split_digest"], "split_by": notes["by"], "n_overlapping": notes["n_overlapping"]}
