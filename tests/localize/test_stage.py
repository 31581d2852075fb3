from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from multiscope.config import Autoencoder, DeepLoc, Embed
from multiscope.data.crops import Crops
from multiscope.embed.stage import run as embed
from multiscope.errors import InputError
from multiscope.localize.stage import run
from multiscope.nn.cards import load_network
from multiscope.nn.standardize import standardize
from multiscope.stores.tables import read_anndata

NET = DeepLoc(model="deeploc", width=0.0625, dense=16, epochs=2, batch_size=16)
AE = Autoencoder(model="autoencoder", width=0.0625, latent=8, epochs=2, batch_size=16)


@pytest.fixture(scope="module")
def deeploc(tiny_crops: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("localize") / "deeploc"
    run(crops=tiny_crops, out=out, state=out.with_suffix(".state"), encoder="deeploc", config=NET, seed=0, device="cpu")
    return out


def test_the_same_seed_gives_the_same_weights_another_does_not(deeploc: Path, tiny_crops: Path, tmp_path: Path) -> None:
    weights = load_file(deeploc / "model.safetensors")
    for seed, same in ((0, True), (1, False)):
        out = tmp_path / f"seed{seed}"
        run(crops=tiny_crops, out=out, state=tmp_path / "state", encoder="x", config=NET, seed=seed, device="cpu")
        found = load_file(out / "model.safetensors")
        assert all(np.array_equal(found[name], weights[name]) for name in weights) == same


def test_one_checkpoint_and_two_rows_of_history_an_epoch(deeploc: Path) -> None:
    assert sorted(path.name for path in (deeploc / "epochs").iterdir()) == ["001.safetensors", "002.safetensors"]
    last, final = load_file(deeploc / "epochs" / "002.safetensors"), load_file(deeploc / "model.safetensors")
    assert all(np.array_equal(last[name], final[name]) for name in final)
    rows = [json.loads(line) for line in (deeploc / "history.jsonl").read_text().splitlines()]
    assert [(row["epoch"], row["split"]) for row in rows] == [(1, "train"), (1, "val"), (2, "train"), (2, "val")]


def test_predictions_of_every_cell(deeploc: Path, tiny_crops: Path) -> None:
    predictions, cells = pd.read_parquet(deeploc / "predictions.parquet"), Crops(tiny_crops)
    assert list(predictions["cell_id"]) == list(cells.table["cell_id"])
    assert set(predictions["predicted"]) <= set(cells.table["localization"])
    assert predictions["probability"].between(0, 1).all()


def test_embedding_is_the_named_layer_of_the_trained_network(deeploc: Path, tiny_crops: Path, tmp_path: Path) -> None:
    embed(crops=[tiny_crops], model=deeploc, out=tmp_path / "out", config=Embed(), device="cpu")
    cells = read_anndata(tmp_path / "out" / "cells.zarr")
    network, card = load_network(deeploc)
    crops = Crops(tiny_crops)
    images = crops.read(np.array([3, 7]), crops.channel_indices(card["channels"]))
    expected = network.features(standardize(torch.from_numpy(images)))["d2"]
    assert np.allclose(cells.X[[3, 7]], expected.detach(), atol=1e-5)
    profiles = pd.read_parquet(tmp_path / "out" / "proteins.parquet")
    assert sorted(profiles["Metadata_Protein"]) == sorted(crops.table["protein"].unique())
    test = (crops.table["split"] == "test") & (crops.table["protein"] == profiles["Metadata_Protein"][0])
    features = [name for name in profiles if name.startswith("emb_")]
    assert np.allclose(profiles.loc[0, features].to_numpy(float), cells.X[test.to_numpy()].mean(axis=0), atol=1e-5)


def test_the_autoencoder_learns_and_embeds(tiny_crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "ae"
    config = AE.model_copy(update={"epochs": 6})
    run(crops=tiny_crops, out=out, state=tmp_path / "state", encoder="ae", config=config, seed=0, device="cpu")
    rows = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if row["split"] == "train"]
    assert losses[-1] < losses[0]
    embed(crops=[tiny_crops], model=out, out=tmp_path / "embed", config=Embed(), device="cpu")
    assert read_anndata(tmp_path / "embed" / "cells.zarr").n_vars == 8


def test_one_source_twice_is_an_error(deeploc: Path, tiny_crops: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two folders of one source"):
        embed(crops=[tiny_crops, tiny_crops], model=deeploc, out=tmp_path / "out", config=Embed())


def test_an_unknown_channel_is_an_error(tiny_crops: Path, tmp_path: Path) -> None:
    config = NET.model_copy(update={"channels": ["gfp"]})
    with pytest.raises(InputError, match="has no channel 'gfp', which the model takes; it has protein, cytosol"):
        run(crops=tiny_crops, out=tmp_path / "x", state=tmp_path / "s", encoder="x", config=config, seed=0)


def test_a_store_that_does_not_match_its_manifest_is_an_error(tiny_crops: Path, tmp_path: Path) -> None:
    copy = tmp_path / "crops"
    shutil.copytree(tiny_crops, copy)
    shard = max((copy / "crops.zarr" / "image").iterdir(), key=lambda path: path.stat().st_size)
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"damaged: crops.zarr/image/.* bytes, expected .*run the stage again"):
        run(crops=copy, out=tmp_path / "x", state=tmp_path / "s", encoder="x", config=NET, seed=0)
