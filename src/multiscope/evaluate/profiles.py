"""Profiles of proteins and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RUN_COLUMNS = ("source", "encoder", "layer", "epoch", "seed")


@dataclass(frozen=True)
class Profiles:
    """One table of profiles: of one encoder and source."""

    path: Path
    """Folder or file they are from."""
    source: str
    encoder: str
    layer: str
    epoch: int | None
    seed: int | None
    x: npt.NDArray[np.floating[Any]]
    """Profiles, (n_proteins, d)."""
    proteins: list[str]
    """Their names, (n_proteins,), each once."""
    places: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Where each protein is said to be, empty where that is not known."""
    swept: bool = False
    """Whether it is of a further layer or epoch, for the analysis of scales; then there are no cells of it."""

    @property
    def run(self) -> dict[str, Any]:
        """The columns that say where a score comes from."""
        return {key: getattr(self, key) for key in RUN_COLUMNS}

    @property
    def label(self) -> str:
        """Encoder, seed and source in one word, for notes and the log."""
        return f"{self.encoder}/{self.layer}/epoch{self.epoch}/seed{self.seed}/{self.source}"

    def of(self, proteins: Sequence[str]) -> npt.NDArray[np.floating[Any]]:
        """Profiles of `proteins`, in their order."""
        row = {protein: number for number, protein in enumerate(self.proteins)}
        return self.x[[row[protein] for protein in proteins]]
