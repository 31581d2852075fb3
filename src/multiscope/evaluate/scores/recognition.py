"""What can be read from the embedding of a cell: its localization, or which protein it shows.

A linear probe and nearest neighbours learn from the training cells of an encoder and name its test cells, so that
encoders that name nothing themselves can be compared with those that do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.evaluate.scores.ranking import cosines
from multiscope.metrics.intervals import mean_interval
from multiscope.metrics.probe import probe

Matrix = npt.NDArray[np.float32]
NEIGHBOURS = 11
_MOST = 20_000
"""Cells of each side, evenly spread."""
_BLOCK = 2048
MOST_CLASSES = 500
"""Classes that a linear probe learns; its time grows with them, hours for the proteins of a proteome."""
TARGETS = ("localization", "protein")


@dataclass(frozen=True)
class Recognition:
    """Accuracy on test cells, in [0, 1], with an interval over their fields."""

    target: str
    metric: str
    """`probe` or `knn`."""
    value: float
    ci_low: float
    ci_high: float
    chance: float
    """Accuracy of always naming the class that is commonest among the training cells."""
    n_classes: int
    n_train_cells: int
    n_test_cells: int
    n_fields: int


def recognition(
    x: Matrix, cells: pd.DataFrame, *, confidence: float, n_bootstrap: int, seed: int = 0
) -> Iterator[Recognition]:
    """Scores of an embedding x (n, d) of `cells` with `localization`, `protein`, `field_id` and `split`.

    A localization is taken as it is written, `nucleus|cytoplasm` as a class of its own. Test cells of a class without
    training cells are left out; of a target with fewer than two classes there is no score, with more than
    `MOST_CLASSES` only that of neighbours.
    """
    for target in TARGETS:
        label = cells[target].to_numpy(dtype=str)
        sides = cells["split"].to_numpy(dtype=str)
        train = _spread(np.flatnonzero((sides == "train") & (label != "")))
        known = np.isin(label, np.unique(label[train]))
        test = _spread(np.flatnonzero((sides == "test") & (label != "") & known))
        if not len(test) or len(np.unique(label[train])) < 2:
            continue
        classes, kinds = np.unique(np.concatenate([label[train], label[test]]), return_inverse=True)
        of_train, truth = kinds[: len(train)], kinds[len(train) :]
        fields = cells["field_id"].to_numpy(dtype=str)[test]
        commonest = np.bincount(of_train).argmax()
        right = {"knn": nearest(x[train], of_train, x[test]) == truth}
        if len(classes) <= MOST_CLASSES:
            right["probe"] = probe(x[train], of_train, x[test], truth)
        for metric, named in right.items():
            found = mean_interval(named.astype(float), fields, n=n_bootstrap, level=confidence, seed=seed)
            yield Recognition(
                target=target,
                metric=metric,
                value=found.value,
                # of few fields the interval would reach beyond what an accuracy can be
                ci_low=float(np.clip(found.low, 0, 1)),
                ci_high=float(np.clip(found.high, 0, 1)),
                chance=float((truth == commonest).mean()),
                n_classes=len(classes),
                n_train_cells=len(train),
                n_test_cells=len(test),
                n_fields=found.n_groups,
            )


def nearest(x: Matrix, kinds: npt.NDArray[np.int64], new: Matrix) -> npt.NDArray[np.int64]:
    """The commonest of the kinds (n,) of the nearest cells in x (n, d), by cosine, of each cell of `new` (m, d).

    Of kinds that are equally common the one that comes first.
    """
    k, n_kinds = min(NEIGHBOURS, len(x)), int(kinds.max()) + 1
    known = _directions(x)
    found = []
    for start in range(0, len(new), _BLOCK):
        block = new[start : start + _BLOCK]
        similar = cosines(_directions(block), known)
        closest = kinds[np.argpartition(-similar, k - 1, axis=1)[:, :k]]
        votes = np.stack([(closest == kind).sum(axis=1) for kind in range(n_kinds)], axis=1)
        found.append(votes.argmax(axis=1))
    return np.concatenate(found).astype(np.int64)


def _directions(x: Matrix) -> npt.NDArray[np.float64]:
    """Rows at length 1; a cell of only zeros is equally like all."""
    rows = np.asarray(x, dtype=np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(float).tiny))


def _spread(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return rows[np.unique(np.linspace(0, len(rows) - 1, _MOST).astype(int))] if len(rows) else rows
