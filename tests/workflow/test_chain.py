"""What only a run can show: the whole chain on a tiny configuration, and what a change reruns."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from multiscope.folders.manifest import verify
from tests.workflow.conftest import planned, snakemake

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BELOW_LOCALIZE = {"localize": 4, "embed": 4, "evaluate": 1, "report": 1}
BELOW_RESTORE = {
    **{"restore": 1, "sweep": 1, "restore_scores": 1, "trust": 1, "crop_restored": 1},
    **{"embed": 4, "evaluate": 1, "report": 1},
}

# every method is trained anew; the sweep has mixes of its own
BELOW_PAIRS = {
    **{"pairs": 1, "restore": 2, "restore_scores": 1, "trust": 2, "crop_restored": 1},
    **{"embed": 4, "evaluate": 1, "report": 1},
}


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
    swept = pd.concat(
        pd.read_parquet(path) for path in (chain / "results" / "sweep").glob("method~*/seed~0/scores.parquet")
    )
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


def test_a_second_run_has_nothing_to_do(chain: Path) -> None:
    assert planned(snakemake(chain, "-n")) == {}


def test_rerunning_localize_reruns_what_is_below_it_and_nothing_above(chain: Path) -> None:
    assert planned(snakemake(chain, "-n", "-R", "localize")) == BELOW_LOCALIZE


def test_a_changed_restore_key_reruns_restore_and_what_is_below_it(chain: Path, changed_config) -> None:  # type: ignore[no-untyped-def]
    config = changed_config("restore.methods.cgan.lr", 2e-3)
    assert planned(snakemake(chain, "-n", config=config)) == BELOW_RESTORE


def test_a_changed_encoder_reruns_that_encoder_alone(chain: Path, changed_config) -> None:  # type: ignore[no-untyped-def]
    config = changed_config("localize.encoders.autoencoder.latent", 9)
    assert planned(snakemake(chain, "-n", config=config)) == {"localize": 1, "embed": 1, "evaluate": 1, "report": 1}


def test_another_split_trains_every_encoder_again_and_cuts_nothing(chain: Path, changed_config) -> None:  # type: ignore[no-untyped-def]
    config = changed_config("localize.split", {"by": "cell", "train": 0.5, "val": 0.2})
    assert planned(snakemake(chain, "-n", config=config)) == {"split": 1, **BELOW_LOCALIZE}


def test_another_layer_is_embedded_without_training(chain: Path, changed_config) -> None:  # type: ignore[no-untyped-def]
    config = changed_config("localize.encoders.deeploc.layer", "d1")
    assert planned(snakemake(chain, "-n", config=config)) == {"embed": 1, "evaluate": 1, "report": 1}


def test_a_changed_share_of_real_pairs_does_not_train_the_generator_again(chain: Path, changed_config) -> None:  # type: ignore[no-untyped-def]
    config = changed_config("augment.pairs.alpha", 0.3)
    assert planned(snakemake(chain, "-n", config=config)) == BELOW_PAIRS


def test_until_restore_stops_there(tmp_path: Path) -> None:
    assert planned(snakemake(tmp_path, "-n", "--until", "restore")) == {
        "data": 1,
        "augment": 1,
        "pairs": 1,
        "restore": 2,
    }
