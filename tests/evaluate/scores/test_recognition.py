from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

from multiscope.evaluate.scores import recognition as module
from multiscope.evaluate.scores.recognition import NEIGHBOURS, nearest, recognition

RNG = np.random.default_rng(0)


def screen(n: int = 240, n_fields: int = 12) -> pd.DataFrame:
    protein = np.arange(n) % 6
    field = np.arange(n) * n_fields // n
    return pd.DataFrame(
        {
            "protein": [f"P{p}" for p in protein],
            "localization": [f"L{p // 2}" for p in protein],
            "field_id": [f"F{f}" for f in field],
            "split": np.where(field < n_fields // 2, "train", "test"),
        }
    )


def scores(x: np.ndarray, cells: pd.DataFrame) -> dict[tuple[str, str], object]:
    return {(r.target, r.metric): r for r in recognition(x, cells, confidence=0.95, n_bootstrap=200)}


def test_an_embedding_that_tells_all_and_one_that_tells_nothing() -> None:
    cells = screen()
    told = np.eye(6, dtype=np.float32)[np.arange(240) % 6] + RNG.normal(size=(240, 6)).astype(np.float32) / 20
    for found in scores(told, cells).values():
        assert found.value == 1 and found.n_test_cells == 120 and found.n_fields == 6
    for found in scores(RNG.normal(size=(240, 6)).astype(np.float32), cells).values():
        assert found.ci_low < 0.6 and found.value < 0.6
    both = scores(told, cells)
    assert set(both) == {(t, m) for t in ("localization", "protein") for m in ("probe", "knn")}
    assert both["protein", "knn"].chance == pytest.approx(1 / 6)


def test_cells_without_label_or_of_classes_without_training_cells_do_not_count() -> None:
    cells = screen()
    cells.loc[:9, "localization"] = ""
    cells.loc[cells["split"].eq("test") & cells["protein"].eq("P0"), "protein"] = "new"
    found = scores(RNG.normal(size=(240, 4)).astype(np.float32), cells)
    assert found["localization", "probe"].n_train_cells == 110
    assert found["protein", "probe"].n_test_cells == 100


def test_one_class_has_no_score() -> None:
    cells = screen().assign(localization="nucleus")
    assert {target for target, _ in scores(RNG.normal(size=(240, 4)).astype(np.float32), cells)} == {"protein"}


def test_neighbours_are_those_of_scikit_learn() -> None:
    x, new = (RNG.normal(size=(n, 5)).astype(np.float32) for n in (200, 80))
    kinds = RNG.integers(0, 3, 200)
    expected = KNeighborsClassifier(NEIGHBOURS, metric="cosine", algorithm="brute").fit(x, kinds).predict(new)
    assert np.array_equal(nearest(x, kinds, new), expected)


def test_a_cell_of_only_zeros_ends_nothing() -> None:
    x = RNG.normal(size=(240, 4)).astype(np.float32)
    x[[0, 200]] = 0
    assert len(scores(x, screen())) == 4


def test_a_proteome_has_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CLASSES", 3)
    found = scores(RNG.normal(size=(240, 4)).astype(np.float32), screen())
    assert set(found) == {("localization", "probe"), ("localization", "knn"), ("protein", "knn")}
