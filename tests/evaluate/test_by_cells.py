"""Scores by the number of cells: more cells, better profiles, and always the same proteins."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multiscope.config import Evaluate
from multiscope.evaluate.by_cells import COLUMNS, DRAWS, scores_by_cells
from multiscope.evaluate.profiles import Profiles
from multiscope.evaluate.scoring import Against, limits_of
from multiscope.standards.standard import Standard

NAMES = [f"p{i:02d}" for i in range(20)]
STANDARD = Standard(
    "made", "complex", {f"t{k}": frozenset(NAMES[k : k + 4]) for k in range(0, 20, 4)}, "", "", "", "", ""
)


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    protein = np.repeat(np.arange(20), 40)
    x = np.eye(5)[protein // 4] + 1.5 * rng.normal(size=(800, 5))
    x[::17] = 0  # dead cells
    obs = pd.DataFrame({"protein": [NAMES[i] for i in protein], "source": "clean"})
    order = rng.permutation(800)
    table = Profiles(Path("x"), "clean", "cnn", "d2", 1, 0, np.zeros((20, 5)), NAMES)
    section = Evaluate(cells=[1, 5, 30, 500])
    limits = [Against(STANDARD, limits_of(STANDARD, NAMES, section), [""] * len(NAMES))]
    found = scores_by_cells(table, (x[order].astype(np.float32), obs.iloc[order]), limits, section)
    return pd.DataFrame(found)


def test_more_cells_give_better_profiles(rows: pd.DataFrame) -> None:
    assert list(rows.columns) == list(COLUMNS)
    assert len(rows) == 4 * DRAWS and (rows["n_proteins"] == 20).all()
    means = rows.groupby("n_cells")["value"].mean()
    assert means[1] < means[5] < means[30]
    assert means[1] < 3 * rows["chance"].iloc[0]


def test_all_cells_are_all_cells(rows: pd.DataFrame) -> None:
    assert rows.query("n_cells == 500")["value"].nunique() == 1
    assert rows.query("n_cells == 1")["value"].nunique() == DRAWS
