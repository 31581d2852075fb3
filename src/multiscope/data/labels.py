"""Classes of cells: the localization of their proteins, or the proteins themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import Places
from multiscope.errors import InputError

BETWEEN = "|"
"""Stands between the places of a protein that is in several."""


@dataclass(frozen=True)
class Labels:
    """The classes of cells; all cells of a protein have the same (weak labels)."""

    classes: list[str]
    """Names of the K classes, sorted."""
    kinds: npt.NDArray[np.float32]
    """Which classes each kind of label names, (M, K) of 0 and 1; the identity where each cell has one class."""
    kind: npt.NDArray[np.int64]
    """The kind of each cell, (N,), -1 for none."""

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which cells have a label, (N,)."""
        return self.kind >= 0

    def vectors(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Label vectors (n, K) of cells; zeros where there is none."""
        kind = self.kind[rows]
        found = np.zeros((len(kind), len(self.classes)), dtype=np.float32)
        found[kind >= 0] = self.kinds[kind[kind >= 0]]
        return found

    def counts(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Cells of each class among `rows`, (K,)."""
        kind = self.kind[rows]
        n_of_kind = np.bincount(kind[kind >= 0], minlength=len(self.kinds))
        return np.asarray(n_of_kind @ self.kinds, dtype=np.int64)


def localizations(
    cells: pd.DataFrame, places: Places, classes: Sequence[str] | None = None, *, where: object, named_by: str
) -> Labels:
    """Labels by the column `localization` of `cells`; an empty one is no label.

    `places` says what `nucleus|cytoplasm` is: no label (`single`), a class of its own (`combined`) or both (`several`).
    A localization that is none of `classes`, where `named_by` lists them, is an `InputError` that says `where` it is.
    """
    texts = cells["localization"].fillna("").astype(str)
    codes, names = pd.factorize(texts, sort=True)
    parts = [_classes_of(str(name), places) for name in names]
    found = sorted({name for part in parts for name in part})
    if classes is not None and (unknown := [name for name in found if name not in classes]):
        protein = cells.loc[[unknown[0] in parts[code] for code in codes], "protein"].iloc[0]
        raise InputError(
            f"{where}: localization '{unknown[0]}' of protein '{protein}' is none of the classes of {named_by}: "
            f"{', '.join(sorted(classes))}; mend it, leave it empty, or add the class"
        )
    wanted = sorted(classes) if classes is not None else found
    if places == "several":
        kept = [number for number, part in enumerate(parts) if part]
        kinds = np.array([[name in parts[number] for name in wanted] for number in kept], dtype=np.float32)
        kinds = kinds.reshape(len(kept), len(wanted))
        of_name = {number: kind for kind, number in enumerate(kept)}
    else:
        kinds = np.eye(len(wanted), dtype=np.float32)
        of_name = {number: wanted.index(part[0]) for number, part in enumerate(parts) if part}
    lookup = np.array([of_name.get(number, -1) for number in range(len(parts))], dtype=np.int64)
    return Labels(wanted, kinds, lookup[codes])


def identities(cells: pd.DataFrame, train: npt.NDArray[np.int64]) -> Labels:
    """Labels by the column `protein` of `cells`: those of the rows `train`; others, and an empty one, are no label."""
    texts = cells["protein"].fillna("").astype(str)
    names = sorted(set(texts.iloc[train]) - {""})
    codes = pd.Categorical(texts, categories=names).codes.astype(np.int64)
    return Labels(names, np.eye(len(names), dtype=np.float32), codes)


def _classes_of(localization: str, places: Places) -> list[str]:
    parts = [part.strip() for part in localization.split(BETWEEN) if part.strip()]
    if len(parts) < 2 or places == "several":
        return sorted(set(parts))
    return [BETWEEN.join(parts)] if places == "combined" else []
