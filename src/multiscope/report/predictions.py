"""What classifiers say of the labelled cells of the test side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.data.labels import BETWEEN
from multiscope.errors import InputError
from multiscope.report.inputs import Folder, read_json, read_table

MOST_CLASSES, MOST_PICTURED = 24, 18
"""Classes that have a panel, and that have a row of pictures."""
_COLUMNS = ["cell_id", "protein", "field_id", "split", "truth", "predicted", "probability"]
_PROBABILITY = "p:"
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Predictions:
    """Test cells of one classifier that have a label, its seeds one below the other."""

    encoder: str
    table: pd.DataFrame
    """Columns of `predictions.parquet`, with `seed` and `unit`: the field of a cell, or the cell where it has none."""
    folders: Sequence[Folder]
    """One a seed."""

    @property
    def classes(self) -> list[str]:
        """Names of all classes that have probabilities."""
        return classes_in(self.table)

    @cached_property
    def shown(self) -> list[str]:
        """Classes of which there are cells, the commonest where there are many, sorted."""
        return self.commonest(MOST_CLASSES)

    def commonest(self, most: int) -> list[str]:
        """So many classes of which there are cells, sorted."""
        counts = pd.Series({name: int(self.of(name).sum()) for name in self.classes}, dtype=int)
        counts = counts[counts > 0].sort_values(ascending=False, kind="stable")
        return sorted(str(name) for name in counts.index[:most])

    @property
    def several(self) -> bool:
        """Whether each place is named by itself, so that a cell may have several."""
        return any(read_json(folder.path / "model.json").get("places") == "several" for folder in self.folders)

    @property
    def first(self) -> pd.DataFrame:
        """The rows of the first seed."""
        seed = self.table["seed"]
        rows: pd.DataFrame = self.table[seed.isna() | (seed == seed.min())]
        return rows

    def by_seed(self) -> list[pd.DataFrame]:
        """The rows of each seed."""
        return [part for _, part in self.table.groupby("seed", dropna=False)]

    def of(self, name: str, table: pd.DataFrame | None = None) -> Flags:
        """Which rows are cells of a class, or have that place among others."""
        return self._have(name, (self.table if table is None else table)["truth"])

    def names(self, name: str, table: pd.DataFrame | None = None) -> Flags:
        """Which rows are said to be of a class, or to have that place among others."""
        return self._have(name, (self.table if table is None else table)["predicted"])

    def _have(self, name: str, labels: pd.Series) -> Flags:
        known = set(self.classes)
        have = {text: text == name or (text not in known and name in text.split(BETWEEN)) for text in labels.unique()}
        return np.asarray(labels.map(have), dtype=bool)


def predictions(folders: Sequence[Folder]) -> dict[str, Predictions]:
    """By classifier, in the order of the folders; without a labelled test cell there is none."""
    found: dict[str, list[tuple[Folder, pd.DataFrame]]] = {}
    for folder in folders:
        path = folder.path / "predictions.parquet"
        if not path.is_file():
            continue
        table = read_table(path, _COLUMNS)
        table = table[(table["split"] == "test") & (table["truth"].fillna("").astype(str) != "")].copy()
        if table.empty:
            continue
        _check(table, path)
        classes = classes_in(table)
        for column in ("truth", "predicted"):
            table[column] = _places(table[column].astype(str), classes)
        fields, cells = table["field_id"].fillna("").astype(str), table["cell_id"].astype(str)
        found.setdefault(folder.name, []).append(
            (folder, table.assign(seed=folder.seed, unit=fields.where(fields != "", cells)))
        )
    return {
        encoder: Predictions(
            encoder, pd.concat([table for _, table in parts], ignore_index=True), [folder for folder, _ in parts]
        )
        for encoder, parts in found.items()
    }


def classes_in(table: pd.DataFrame) -> list[str]:
    """Classes that have a column of probabilities."""
    return [str(name).removeprefix(_PROBABILITY) for name in table if str(name).startswith(_PROBABILITY)]


def probability(table: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    """The probability (n,) of a class in each row."""
    return table[_PROBABILITY + name].to_numpy(np.float64)


def _check(table: pd.DataFrame, path: object) -> None:
    numbers = table[["probability", *(_PROBABILITY + name for name in classes_in(table))]].to_numpy(np.float64)
    if not ((numbers >= 0) & (numbers <= 1 + 1e-6)).all():
        raise InputError(f"{path}: has probabilities that are not from 0 to 1; run `localize` again")


def _places(labels: pd.Series, classes: list[str]) -> pd.Series:
    """Labels with their places in one order, whatever the order in which they were written."""
    known = set(classes)
    names = {}
    for label in labels.unique():
        parts = [part.strip() for part in label.split(BETWEEN) if part.strip()]
        joined = BETWEEN.join(parts)
        names[label] = joined if joined in known else BETWEEN.join(sorted(set(parts)))
    return labels.map(names)
