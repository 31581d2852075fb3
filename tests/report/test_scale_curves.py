"""Scores that were swept over layers and epochs: what is drawn as the encoder's own, what as its course."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from multiscope.folders.manifest import stage_output
from multiscope.report import scale_curves, scores, tables
from multiscope.report.album import Album
from multiscope.report.inputs import Folder, open_folders

KEPT = {0: 3, 1: 2}
"""The best epoch of each seed."""
SCALES = ("compartment", "complex")


def score(layer: str, epoch: int, seed: int, scale: str) -> float:
    return 0.1 * epoch + (0.05 if layer == "d1" else 0) + 0.01 * seed + (0.2 if scale == "compartment" else 0)


def rows() -> Iterator[dict[str, Any]]:
    facts = {"metric": "ap", "ci_low": 0.0, "ci_high": 1.0, "chance": 0.05, "n_proteins": 24}
    for source in ("clean", "degraded"):
        for scale in SCALES:
            of = {"source": source, "scale": scale, "standard": f"screen_{scale}", "n_terms": 6, "n_positive_pairs": 40}
            for seed in (0, 1):
                for layer in ("d1", "d2"):
                    for epoch in (1, 2, 3):
                        value = score(layer, epoch, seed, scale) * (1 if source == "clean" else 0.5)
                        yield {
                            **of,
                            **facts,
                            "encoder": "cnn",
                            "layer": layer,
                            "epoch": epoch,
                            "seed": seed,
                            "value": value,
                        }
            yield {**of, **facts, "encoder": "label", "layer": "label", "epoch": 0, "seed": 0, "value": 0.9}


@pytest.fixture
def evaluated(tmp_path: Path) -> Folder:
    own = [{"encoder": "cnn", "layer": "d2", "epoch": epoch, "seed": seed} for seed, epoch in KEPT.items()]
    own.append({"encoder": "label", "layer": "label", "epoch": 0, "seed": 0})
    with stage_output(tmp_path / "evaluate", stage="evaluate", version=1, config={}, inputs={}) as made:
        pd.DataFrame(rows()).to_parquet(made.path / "scores.parquet")
        made.note("own_layers", own)
    return open_folders([tmp_path / "evaluate"])[0]


def test_bars_are_of_the_layer_and_epoch_that_are_kept(evaluated: Folder) -> None:
    found = scores.read_scores(evaluated)
    assert set(found["label"]) == {"cnn", "label"}
    row = found.query("label == 'cnn' and source == 'clean' and scale == 'complex'").iloc[0]
    assert row["value"] == pytest.approx((score("d2", 3, 0, "complex") + score("d2", 2, 1, "complex")) / 2)
    assert row["n_seeds"] == 2


def test_the_course_is_that_of_the_own_layer_on_clean_images(evaluated: Folder, tmp_path: Path) -> None:
    plot = scale_curves.by_epoch(Album(tmp_path / "figures"), evaluated)
    assert plot is not None and "2 seeds" in plot.caption and "clean images" in plot.caption
    data = pd.read_csv(tmp_path / "figures" / "epochs_ap.csv")
    assert set(data["encoder"]) == {"cnn"} and set(data["layer"]) == {"d2"} and len(data) == 6
    first = data.query("scale == 'compartment' and epoch == 1").iloc[0]
    both = [score("d2", 1, seed, "compartment") for seed in (0, 1)]
    assert [first["mean"], first["min"], first["max"]] == pytest.approx([sum(both) / 2, *both])


def test_layers_are_compared_in_the_epoch_that_is_kept(evaluated: Folder) -> None:
    table = scale_curves.by_layer(evaluated)
    assert table is not None
    assert list(table.headers) == ["encoder", "layer", "compartment: screen_compartment", "complex: screen_complex"]
    expected = {
        layer: [
            f"{(score(layer, 3, 0, scale) + score(layer, 2, 1, scale)) / 2:.3f}" for scale in ("compartment", "complex")
        ]
        for layer in ("d1", "d2")
    }
    assert {row[1].text: [cell.text for cell in row[2:]] for row in table.rows} == expected


def test_one_epoch_has_no_course_and_one_layer_no_table(tmp_path: Path) -> None:
    with stage_output(tmp_path / "evaluate", stage="evaluate", version=1, config={}, inputs={}) as made:
        table = pd.DataFrame(rows())
        table[(table["epoch"] == 3) & (table["layer"] == "d2")].to_parquet(made.path / "scores.parquet")
    folder = open_folders([tmp_path / "evaluate"])[0]
    assert scale_curves.by_epoch(Album(tmp_path / "figures"), folder) is None
    assert scale_curves.by_layer(folder) is None


def test_what_is_read_from_cells_is_a_table(tmp_path: Path) -> None:
    of = {"source": "clean", "encoder": "cnn", "layer": "d2", "epoch": 3, "target": "protein", "metric": "knn"}
    numbers = {"ci_low": 0.3, "ci_high": 0.6, "chance": 0.2, "n_classes": 5, "n_train_cells": 80, "n_test_cells": 40}
    table = pd.DataFrame([{**of, **numbers, "seed": s, "value": 0.4 + 0.1 * s, "n_fields": 6} for s in (0, 1)])
    table.to_parquet(tmp_path / "recognition.parquet")
    shown = tables.read_from_cells(scores.read_recognition(tmp_path / "recognition.parquet"))
    assert [cell.text for cell in shown.rows[0]] == [
        *("protein", "knn", "cnn", "clean", "0.450", "0.300 to 0.600", "0.200", "5", "40")
    ]
    assert shown.rows[0][4].strong
