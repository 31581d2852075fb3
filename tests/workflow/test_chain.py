"""What only a run can show: the whole chain on a tiny configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from multiscope.folders.manifest import verify

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_results_have_the_promised_paths_and_columns(chain: Path) -> None:
    results = chain / "results"
    restore = pd.read_parquet(results / "restore" / "scores.parquet")
    assert list(restore.columns) == [
        *("dataset", "defect", "method", "setting", "n_pairs", "augmentation", "n_synthetic", "trained_on", "seed"),
        *("image_id", "metric", "rule", "value"),
    ]
    assert set(restore["rule"]) == {"fixed", "affine", "published"}
    assert set(restore["method"]) == {"input", "cgan", "gaussian"}
    evaluate = pd.read_parquet(results / "evaluate" / "scores.parquet")
    assert list(evaluate.columns) == [
        *("source", "encoder", "layer", "epoch", "seed", "standard", "scale", "metric", "value"),
        *("ci_low", "ci_high", "chance", "over_chance", "n_proteins", "n_terms", "n_positive_pairs", "chosen"),
    ]
    assert set(evaluate["source"]) == {"clean", "degraded", "restored:cgan"}
    encoders = {"deeploc", "autoencoder", "degraded", "classic"}
    assert set(evaluate["encoder"]) == encoders | {"shuffled", "places"}
    swept = evaluate[(evaluate["encoder"] == "deeploc") & (evaluate["source"] == "clean")]
    assert set(zip(swept["layer"], swept["epoch"], strict=True)) == {("d1", 1), ("d1", 2), ("d2", 1), ("d2", 2)}
    for encoder in encoders:
        folder = results / "embed" / encoder / "seed0"
        assert {"cells.zarr", "proteins.zarr", "proteins.parquet"} <= {path.name for path in folder.iterdir()}
    assert "<html" in (results / "report" / "index.html").read_text(encoding="utf-8")


def test_every_stage_folder_is_what_its_manifest_says(chain: Path) -> None:
    manifests = sorted((chain / "results").rglob("manifest.json"))
    assert len(manifests) == 23
    for path in manifests:
        manifest = verify(path.parent, full=True)
        assert {"stage", "stage_version", "config", "inputs", "counts", "packages", "device", "wall_seconds"} <= set(
            manifest
        )
    assert not list((chain / "results").rglob("*.state"))
    assert not list((chain / "results").rglob(".*partial*"))


def test_inputs_are_chained_by_digest(chain: Path) -> None:
    results = chain / "results"
    data = json.loads((results / "data" / "tiny" / "manifest.json").read_text())
    crop = json.loads((results / "crop" / "clean" / "manifest.json").read_text())
    assert crop["inputs"]["data"] == data["digest"]


def test_a_sweep_has_every_mix_of_pairs_on_the_same_images(chain: Path) -> None:
    scores = pd.read_parquet(chain / "results" / "restore" / "scores.parquet")
    swept = pd.concat(pd.read_parquet(path) for path in (chain / "results" / "sweep").rglob("scores.parquet"))
    keys = ["method", "setting", "n_pairs", "augmentation", "n_synthetic"]
    of_cgan = swept[swept["method"] == "cgan"].groupby(keys)["image_id"].nunique()
    # 1 and 2 real pairs with flips, 1 and 2 with as many synthetic ones, 2 synthetic ones alone
    assert [(*key[1:], n) for key, n in of_cgan.items()] == [
        ("paired", 1, "cin_gan", 1, 4),
        ("paired", 1, "flips", 0, 4),
        ("paired", 2, "cin_gan", 2, 4),
        ("paired", 2, "flips", 0, 4),
        ("unpaired", 0, "cin_gan", 2, 4),
    ]
    assert not scores.duplicated([*keys, "trained_on", "seed", "defect", "image_id", "metric", "rule"]).any()
    assert swept[keys].drop_duplicates().merge(scores, on=keys)[keys].drop_duplicates().shape[0] == len(
        swept[keys].drop_duplicates()
    )
