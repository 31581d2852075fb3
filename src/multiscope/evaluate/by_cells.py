"""Scores by the number of cells that a profile is the mean of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from multiscope import config
from multiscope.evaluate.profiles import Profiles
from multiscope.evaluate.scores.coannotation import coannotation
from multiscope.evaluate.scoring import SEED, Against

COLUMNS = ("source", "encoder", "layer", "epoch", "seed", "standard", "scale", "metric", "n_cells", "draw",
           "value", "chance", "n_proteins")  # fmt: skip
DRAWS = 3
"""Random choices of cells at each number."""


def scores_by_cells(
    table: Profiles,
    cells: tuple[npt.NDArray[np.float32], pd.DataFrame],
    standards: Sequence[Against],
    section: config.Evaluate,
) -> Iterator[dict[str, Any]]:
    """Rows of average precision of means over few cells of each protein, drawn anew a few times.

    All numbers are scored on the same proteins, whatever cells they have: one with fewer gives all of them. Cells of
    only zeros are left out.
    """
    x, obs = cells
    of_source = np.flatnonzero((obs["source"] == table.source).to_numpy() & x.any(axis=1))
    names = obs["protein"].to_numpy(dtype=str)[of_source]
    for draw in range(DRAWS):
        order = np.random.default_rng([SEED, draw]).permutation(len(of_source))
        rank = pd.Series(names[order]).groupby(names[order]).cumcount().to_numpy()
        for n_cells in section.cells:
            chosen = order[rank < n_cells]
            means, proteins = _means(x[of_source[chosen]], names[chosen])
            row = {protein: number for number, protein in enumerate(proteins)}
            for each in standards:
                own = means[[row[protein] for protein in each.limits.proteins]]
                score = coannotation(
                    own, each.limits, n_bootstrap=0, confidence=section.confidence, similarity=section.similarity
                )
                yield {
                    **table.run, "standard": each.standard.name, "scale": each.standard.scale, "metric": score.metric,
                    "n_cells": n_cells, "draw": draw, "value": score.value, "chance": score.chance,
                    "n_proteins": len(each.limits.proteins),
                }  # fmt: skip


def _means(x: npt.NDArray[np.float32], names: npt.NDArray[np.str_]) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Means of the rows of x (n, d) of each name."""
    proteins, number, counts = np.unique(names, return_inverse=True, return_counts=True)
    which = sparse.csr_matrix((np.ones(len(x)), (number, np.arange(len(x)))), shape=(len(proteins), len(x)))
    return np.asarray((which @ x.astype(np.float64)) / counts[:, None]), proteins.tolist()
