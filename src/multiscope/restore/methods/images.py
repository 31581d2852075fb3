"""What restorers learn from: pairs, and unpaired patches of the same training fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from multiscope.data.patches import UnpairedPatches
from multiscope.training.order import random_flips


@dataclass(frozen=True)
class Batch:
    """Patches (N, 1, Y, X) in [-1, 1] and the defect of each, an index (N,) int64 among the sorted names."""

    degraded: Tensor
    clean: Tensor
    defect: Tensor


class PairArrays(Protocol):
    """Arrays (N, 1, Y, X) and their table."""

    @property
    def degraded(self) -> npt.NDArray[np.float32]: ...  # noqa: D102
    @property
    def clean(self) -> npt.NDArray[np.float32]: ...  # noqa: D102
    @property
    def table(self) -> pd.DataFrame: ...  # noqa: D102


class TrainingPairs:
    """Draws of pairs, every defect equally often."""

    def __init__(
        self, degraded: npt.NDArray[np.float32], clean: npt.NDArray[np.float32], table: pd.DataFrame, defects: list[str]
    ) -> None:
        """Pairs (N, 1, Y, X) with one row of `table` each; they are few and small: they are held in memory."""
        self.degraded, self.clean, self.defects = torch.from_numpy(degraded), torch.from_numpy(clean), defects
        names = sorted(table["defect"].unique())
        self.present = [defects.index(name) for name in names]
        """Indices of the defects that there are pairs of."""
        self.defect = torch.tensor([defects.index(name) for name in table["defect"]])
        synthetic = (table["origin"] != "real").to_numpy()
        self._counts = {
            name: (int((~synthetic & of_it).sum()), int((synthetic & of_it).sum()))
            for name, of_it in ((name, (table["defect"] == name).to_numpy()) for name in names)
        }
        self._rows = [np.flatnonzero(table["defect"] == name) for name in names]
        self._real = [rows[~synthetic[rows]] for rows in self._rows]

    @classmethod
    def of(cls, pairs: PairArrays, *, defects: list[str], only: Sequence[str] | None = None) -> TrainingPairs:
        """Pairs of some of the defects."""
        kept = pairs.table["defect"].isin(only if only is not None else defects).to_numpy()
        return cls(pairs.degraded[kept], pairs.clean[kept], pairs.table[kept].reset_index(drop=True), defects)

    @property
    def size(self) -> int:
        """Height and width of a patch."""
        return int(self.clean.shape[-1])

    def count(self, defect: str) -> tuple[int, int]:
        """Real and synthetic pairs of a defect."""
        return self._counts.get(defect, (0, 0))

    def draw(self, rng: np.random.Generator, n: int, *, real_share: float = 0.0) -> Batch:
        """`n` pairs, drawn with replacement so that few pairs get as many updates as many.

        The share `real_share` is drawn of the real pairs alone, where there are any: beside many synthetic ones the few
        real ones would hardly be seen.
        """
        kinds, real = rng.integers(len(self._rows), size=n), rng.random(n) < real_share
        rows = [
            int(rng.choice(self._real[kind] if of_real and len(self._real[kind]) else self._rows[kind]))
            for kind, of_real in zip(kinds, real, strict=True)
        ]
        return Batch(self.degraded[rows], self.clean[rows], self.defect[rows])


@dataclass(frozen=True)
class TrainingImages:
    """Pairs and unpaired patches, flipped at random where that is asked for.

    Flips only: a turn would change the direction that `axial` blurs along, which is the same in every image.
    """

    pairs: TrainingPairs
    unpaired: UnpairedPatches
    flips: bool
    real_share: float = 0.0

    def paired(self, rng: np.random.Generator, n: int) -> Batch:
        """Degraded patches and the clean ones of the same places."""
        batch = self.pairs.draw(rng, n, real_share=self.real_share)
        degraded, clean = self._flipped(rng, batch.degraded, batch.clean)
        return Batch(degraded, clean, batch.defect)

    def strangers(self, rng: np.random.Generator, n: int) -> Batch:
        """Degraded patches, and clean ones of any other places of the training fields."""
        names = self.pairs.defects
        defect = rng.choice(self.pairs.present, size=n)
        clean, degraded = self.unpaired.clean(rng, n), self.unpaired.degraded(rng, [names[i] for i in defect])
        (degraded,), (clean,) = self._flipped(rng, degraded), self._flipped(rng, clean)
        return Batch(degraded, clean, torch.from_numpy(defect))

    def _flipped(self, rng: np.random.Generator, *batches: Tensor) -> Sequence[Tensor]:
        return random_flips(*batches, rng=rng) if self.flips else batches
