"""What a classifier says of every cell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from multiscope.data.cells import CellReader
from multiscope.data.labels import BETWEEN, Labels
from multiscope.localize.task import Task
from multiscope.training.loader import read_ahead

_BATCH = 256
_THRESHOLD = 0.5
"""Probability from which a place is named, where there may be several."""
Matrix = npt.NDArray[np.float32]


def predictions(
    logits: Callable[[Tensor], Tensor], task: Task, reader: CellReader, labels: Labels, *, several: bool
) -> pd.DataFrame:
    """A row a cell: the probability of every class of `labels`, and which is named; `logits` of prepared crops.

    With `several`, places are named one by one.
    """
    probability = _probabilities(logits, task, reader, several=several)
    table, classes = task.crops.table, labels.classes
    named = [_named(row, classes) if several else classes[int(row.argmax())] for row in probability]
    return table[["cell_id", "protein", "field_id", "split"]].assign(
        truth=table["localization"].fillna("").where(labels.known, ""),
        predicted=named,
        probability=probability.max(axis=1),
        **{f"p:{name}": probability[:, number] for number, name in enumerate(classes)},
    )


def _probabilities(logits: Callable[[Tensor], Tensor], task: Task, reader: CellReader, *, several: bool) -> Matrix:
    rows = np.arange(len(task.crops.table), dtype=np.int64)
    parts = np.array_split(rows, max(1, -(-len(rows) // _BATCH)))
    found = []
    with torch.inference_mode(), read_ahead(reader.read, parts, threads=task.readers, pin=task.pins) as batches:
        for batch in batches:
            scores = logits(reader.prepare(batch.images, task.fabric.device)).float()
            found.append((scores.sigmoid() if several else scores.softmax(dim=1)).cpu().numpy())
    return np.concatenate(found)


def _named(probability: Matrix, classes: list[str]) -> str:
    places = [name for name, p in zip(classes, probability, strict=True) if p >= _THRESHOLD]
    return BETWEEN.join(places) if places else classes[int(probability.argmax())]
