"""The cells of all sources in one row, as one encoder takes them, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from multiscope.data.cells import CellReader, Rows
from multiscope.data.crops import Crops
from multiscope.errors import InputError

BATCH = 256
_COLUMNS = ("cell_id", "protein", "symbol", "localization", "field_id", "plate", "well", "split")


class Cells:
    """Cells of several folders of crops, one folder after the other."""

    def __init__(self, sources: Sequence[Crops], card: Mapping[str, Any]) -> None:
        """Of `sources`, for the encoder of `card`; crops that it cannot take are an `InputError`."""
        names = [crops.source for crops in sources]
        if len(set(names)) < len(names):
            raise InputError(f"--crops: two folders of one source ({', '.join(names)}); name each once")
        self.sources = list(sources)
        self._readers = [CellReader(crops, card) for crops in sources]
        self._starts = np.cumsum([0, *(len(crops.table) for crops in sources)])
        if not len(self):
            raise InputError(f"{sources[0].path}: holds no cell; expected at least one: make the crops again")

    def __len__(self) -> int:
        """Number of cells."""
        return int(self._starts[-1])

    def batches(self, start: int, stop: int) -> Iterator[Rows]:
        """The rows from `start` to `stop` in batches, each of one source."""
        cuts = [start, *(int(cut) for cut in self._starts if start < cut < stop), stop]
        for first, end in pairwise(cuts):
            for row in range(first, end, BATCH):
                yield np.arange(row, min(row + BATCH, end), dtype=np.int64)

    def read(self, rows: Rows) -> npt.NDArray[Any]:
        """What one thread reads of a batch."""
        number = self._source(rows)
        return self._readers[number].read(rows - self._starts[number])

    def prepare(self, images: Tensor, rows: Rows, device: torch.device) -> Tensor:
        """What the network takes of a batch that was read."""
        return self._readers[self._source(rows)].prepare(images, device)

    def only(self, rows: Rows) -> Cells:
        """Those of `rows` (rising) alone: their row k is `rows[k]` here."""
        return _Some(self, rows)

    def where(self, row: int) -> str:
        """Folder and name of a cell, for messages."""
        number = self._source(np.array([row]))
        crops = self.sources[number]
        return f"{crops.path}: cell '{crops.table['cell_id'].iloc[row - self._starts[number]]}'"

    def table(self, *columns: str) -> pd.DataFrame:
        """What is known of each cell, with `source`; `columns` beside the usual ones. No value is missing."""
        wanted = dict.fromkeys([*_COLUMNS, *columns])
        tables = [crops.table[[name for name in wanted if name in crops.table]] for crops in self.sources]
        named = [found.assign(source=crops.source) for found, crops in zip(tables, self.sources, strict=True)]
        table = pd.concat(named, ignore_index=True)
        # millions of cells repeat a few names
        return table.assign(**{str(name): _text(table[name]).astype("category") for name in table if name != "cell_id"})

    def _source(self, rows: Rows) -> int:
        return int(np.searchsorted(self._starts, rows[0], side="right")) - 1


class _Some(Cells):
    """Some of the cells of another."""

    def __init__(self, whole: Cells, rows: Rows) -> None:
        self._whole, self._rows = whole, rows
        self.sources = whole.sources
        self._starts = np.searchsorted(rows, whole._starts)

    def read(self, rows: Rows) -> npt.NDArray[Any]:
        return self._whole.read(self._rows[rows])

    def prepare(self, images: Tensor, rows: Rows, device: torch.device) -> Tensor:
        return self._whole.prepare(images, self._rows[rows], device)

    def where(self, row: int) -> str:
        return self._whole.where(int(self._rows[row]))

    def table(self, *columns: str) -> pd.DataFrame:
        return self._whole.table(*columns).iloc[self._rows].reset_index(drop=True)


def _text(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), "").astype(str)
