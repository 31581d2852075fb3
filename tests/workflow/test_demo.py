"""What the demo claims, checked on the results of `make demo`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.workflow.conftest import ROOT


@pytest.fixture(scope="module")
def results() -> Path:
    folder = ROOT / "results"
    if not (folder / "report" / "index.html").is_file() or not (folder / "data" / "screen").is_dir():
        pytest.skip("no results of the demo here; run `make demo` first")
    return folder


def test_restoration_beats_the_input_on_each_defect(results: Path) -> None:
    scores = pd.read_parquet(results / "restore" / "scores.parquet").query(
        "rule == 'fixed' and metric in ('psnr', 'ssim')"
    )
    mean = scores.groupby(["metric", "defect", "method"])["value"].mean().unstack()
    assert (mean["cgan"] > mean["input"]).all(), mean


def test_localization_on_held_out_fields_is_far_above_chance(results: Path) -> None:
    table = pd.read_parquet(results / "localize" / "deeploc" / "seed0" / "predictions.parquet").query("split == 'test'")
    chance = table["truth"].value_counts(normalize=True).max()
    assert (table["truth"] == table["predicted"]).mean() > 2 * chance


def test_ap_of_deeploc_is_above_chance_at_each_scale(results: Path) -> None:
    scores = pd.read_parquet(results / "evaluate" / "scores.parquet").query(
        "encoder == 'deeploc' and source == 'clean' and metric == 'ap'"
    )
    assert set(scores["scale"]) == {"compartment", "process", "pathway", "complex"}
    assert (scores["ci_low"] > scores["chance"]).all(), scores
