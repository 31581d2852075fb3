"""Every encoder learns, keeps what it learned, and can be used for embedding; what cannot be learned is one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from multiscope.config import AnyEncoder, Embed, as_json
from multiscope.config.reading import encoder_section_from
from multiscope.data.crops import Crops
from multiscope.embed.stage import run as embed
from multiscope.errors import InputError
from multiscope.localize.encoders.paired_inpainting import PairedInpaintingRecipe
from multiscope.localize.encoders.vae import VariationalRecipe
from multiscope.localize.recipe import Moment
from multiscope.localize.stage import run
from multiscope.localize.task import Task
from multiscope.nn.cards import load_network
from multiscope.stores.tables import read_anndata
from multiscope.training.device import make_fabric

TINY: dict[str, dict[str, Any]] = {
    "deeploc": {"model": "deeploc", "width": 0.0625, "dense": 16},
    "protein_identity": {"model": "deeploc", "profile": "pifia", "width": 0.0625, "batch_size": 16},
    "backbone": {"model": "backbone", "network": "mobilenet_v3_small"},
    "paired_inpainting": {"model": "paired_inpainting", "width": 0.0625},
    "autoencoder": {"model": "autoencoder", "width": 0.0625, "latent": 8},
    "vae": {"model": "vae", "width": 0.0625, "latent": 8},
    "cytoself": {"model": "cytoself", "width": 0.0625, "codes": 8, "dims": 4, "fc": 16},
    "classic": {"model": "classic"},
    "classic_pca": {"model": "classic", "pca": 0.9},
    "random": {"model": "random", "width": 0.0625, "dense": 16},
    "one_hot": {"model": "one_hot"},
}
TRAINED = [name for name, section in TINY.items() if section["model"] not in ("classic", "random", "one_hot")]


def section(name: str, **keys: Any) -> AnyEncoder:
    shorter = {"epochs": 2, "batch_size": 8} if name in TRAINED else {}
    return encoder_section_from(
        json.dumps({**shorter, **TINY[name], **({"epochs": 2} if shorter else {}), **keys}), encoder="x"
    )


def learn(crops: Path, out: Path, config: AnyEncoder, **how: Any) -> Path:
    run(crops=crops, out=out, state=out.with_suffix(".state"), encoder="x", config=config, seed=0, device="cpu", **how)
    return out


def changed(crops: Path, copy: Path, **localization: str) -> Path:
    """A copy of `crops` in which proteins have other localizations."""
    shutil.copytree(crops, copy)
    path = copy / "proteins.parquet"
    table = pd.read_parquet(path)
    for protein, place in localization.items():
        table.loc[table["protein"] == protein, "localization"] = place
    table.to_parquet(path)
    manifest = json.loads((copy / "manifest.json").read_text())
    for row in manifest["files"]:
        if row["path"] == "proteins.parquet":
            row["bytes"] = path.stat().st_size
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


@pytest.fixture(scope="module")
def models(tiny_crops: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {name: learn(tiny_crops, folder / name, section(name)) for name in TINY}


@pytest.mark.parametrize("name", TINY)
def test_every_encoder_learns_and_embeds(models: dict[str, Path], tiny_crops: Path, tmp_path: Path, name: str) -> None:
    model = models[name]
    network, card = load_network(model)
    assert card["encoder"] == "x" and card["trained_on"] == "clean" and not network.training
    embed(crops=[tiny_crops], model=model, out=tmp_path / "embed", config=Embed(), device="cpu")
    cells, table = read_anndata(tmp_path / "embed" / "cells.zarr"), Crops(tiny_crops).table
    assert list(cells.obs["cell_id"]) == list(table["cell_id"])
    assert np.isfinite(cells.X).all() and np.ptp(cells.X, axis=0).max() > 0
    epochs = sorted(path.name for path in (model / "epochs").glob("*"))
    assert epochs == (["001.safetensors", "002.safetensors"] if name in TRAINED else [])
    assert (model / "predictions.parquet").is_file() == (name in ("deeploc", "backbone"))


def test_the_shares_of_components_are_told(models: dict[str, Path]) -> None:
    table = pd.read_parquet(models["classic_pca"] / "components.parquet")
    assert (
        table["explained"].is_monotonic_decreasing
        and len(table) == load_network(models["classic_pca"])[1]["arguments"]["n_components"]
    )
    assert table["together"].iloc[-1] >= 0.9 > table["together"].iloc[-2]
    assert not (models["classic"] / "components.parquet").exists()


@pytest.mark.parametrize("name", [*TRAINED, "classic_pca"])
def test_the_same_seed_gives_the_same_weights(
    models: dict[str, Path], tiny_crops: Path, tmp_path: Path, name: str
) -> None:
    again = learn(tiny_crops, tmp_path / "again", section(name))
    first, second = (load_file(folder / "model.safetensors") for folder in (models[name], again))
    assert first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", TRAINED)
def test_the_loss_of_training_falls(tiny_crops: Path, tmp_path: Path, name: str) -> None:
    out = learn(tiny_crops, tmp_path / "out", section(name, epochs=12, lr=3e-3, schedule="constant", symmetry="none"))
    rows = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if row["split"] == "train"]
    assert len(losses) == 12 and np.mean(losses[-3:]) < np.mean(losses[:3])


def test_unlabelled_proteins_are_kept_out_of_training_and_still_embedded(tiny_crops: Path, tmp_path: Path) -> None:
    proteins = pd.read_parquet(tiny_crops / "proteins.parquet")["protein"].tolist()
    crops = changed(tiny_crops, tmp_path / "crops", **{proteins[0]: ""})
    model = learn(crops, tmp_path / "model", section("deeploc"))
    table = Crops(crops).table
    n_train, n_without = ((table["split"] == "train") & mask for mask in (True, table["protein"] == proteins[0]))
    counts = json.loads((model / "manifest.json").read_text())["counts"]["training cells"]
    assert counts == {"kept": int(n_train.sum() - n_without.sum()), "dropped": {"no label": int(n_without.sum())}}
    predicted = pd.read_parquet(model / "predictions.parquet")
    assert len(predicted) == len(table) and set(predicted.loc[predicted["protein"] == proteins[0], "truth"]) == {""}
    embed(crops=[crops], model=model, out=tmp_path / "embed", config=Embed(), device="cpu")
    assert proteins[0] in set(pd.read_parquet(tmp_path / "embed" / "proteins.parquet")["Metadata_Protein"])


def test_several_places_are_named_one_by_one(tiny_crops: Path, tmp_path: Path) -> None:
    proteins = pd.read_parquet(tiny_crops / "proteins.parquet")["protein"].tolist()
    crops = changed(tiny_crops, tmp_path / "crops", **{proteins[0]: "nucleus|cytoplasm"})
    several = learn(crops, tmp_path / "several", section("deeploc", places="several", class_weights=True))
    predicted = pd.read_parquet(several / "predictions.parquet")
    assert set(predicted.loc[predicted["protein"] == proteins[0], "truth"]) == {"nucleus|cytoplasm"}
    columns = [name for name in predicted if name.startswith("p:")]
    assert columns == ["p:cell_periphery", "p:cytoplasm", "p:nucleus"]
    over = (predicted[columns] >= 0.5).sum(axis=1).clip(lower=1)
    assert (predicted["predicted"].str.count(r"\|") + 1 == over).all()
    single = learn(crops, tmp_path / "single", section("deeploc"))
    counts = json.loads((single / "manifest.json").read_text())["counts"]["training cells"]
    assert counts["dropped"]["no label"] > 0
    combined = json.loads(
        (learn(crops, tmp_path / "c", section("deeploc", places="combined")) / "model.json").read_text()
    )
    assert "nucleus|cytoplasm" in combined["classes"]


def test_class_weights_weigh_classes_alike(tiny_crops: Path) -> None:
    from multiscope.localize.encoders.deeploc import DeepLocRecipe

    recipe = DeepLocRecipe(section("deeploc", class_weights=True), task(tiny_crops))
    counts = recipe.labels.counts(recipe.train_rows)
    weighed = recipe._weights.numpy() * counts
    assert np.allclose(weighed, weighed[0]) and np.isclose(weighed.sum(), len(recipe.train_rows))


def task(crops: Path) -> Task:
    return Task(Crops(crops), None, 0, make_fabric("cpu", threads=1))


def test_the_best_epoch_is_kept_and_training_ends_after_it(tiny_crops: Path, tmp_path: Path) -> None:
    config = section("deeploc", epochs=40, keep="best", patience=2, lr=0.05, schedule="constant")
    out = learn(tiny_crops, tmp_path / "out", config)
    rows = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if row["split"] == "val"]
    best = int(np.argmin(losses)) + 1
    assert len(losses) == best + 2 < 40
    assert json.loads((out / "model.json").read_text())["epoch"] == best
    kept, checkpoint = load_file(out / "model.safetensors"), load_file(out / "epochs" / f"{best:03d}.safetensors")
    assert all(torch.equal(kept[name], checkpoint[name]) for name in kept)


def test_a_clipped_gradient_is_no_longer_than_asked_for(tiny_crops: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from multiscope.localize.encoders.deeploc import DeepLocRecipe

    norms = []
    whole = torch.optim.Adam.step

    def watched(self: torch.optim.Adam, *arguments: Any, **how: Any) -> Any:
        gradients = [p.grad.flatten() for group in self.param_groups for p in group["params"] if p.grad is not None]
        norms.append(float(torch.cat(gradients).norm()))
        return whole(self, *arguments, **how)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    for clip in (None, 0.01):
        recipe = DeepLocRecipe(section("deeploc", clip=clip), task(tiny_crops))
        with recipe.loader:
            recipe.step(0)
    assert norms[0] > 0.02 and norms[1] == pytest.approx(0.01, rel=1e-3)


def test_partners_share_protein_field_and_side_and_are_never_the_same_cell(tiny_crops: Path) -> None:
    recipe = PairedInpaintingRecipe(section("paired_inpainting"), task(tiny_crops))  # type: ignore[arg-type]
    table = recipe.task.crops.table
    for rows in (recipe.train_rows, recipe.val_rows):
        seen: dict[int, set[int]] = {}
        for seed in range(30):
            partners = recipe.partners(rows, np.random.default_rng(seed))
            assert (partners != rows).all() and set(partners) <= set(rows)
            for column in ("protein", "field_id", "split"):
                assert (table[column].to_numpy()[partners] == table[column].to_numpy()[rows]).all()
            for row, partner in zip(rows, partners, strict=True):
                seen.setdefault(row, set()).add(partner)
        sizes = table.iloc[rows].groupby(["protein", "field_id"])["cell_id"].transform("size").to_numpy()
        assert all(len(seen[row]) == size - 1 for row, size in zip(rows, sizes, strict=True) if size < 5)


def test_the_protein_channel_of_the_target_is_never_seen(tiny_crops: Path) -> None:
    recipe = PairedInpaintingRecipe(section("paired_inpainting"), task(tiny_crops))  # type: ignore[arg-type]
    given = []
    recipe.model.register_forward_hook(lambda module, inputs, output: given.append(inputs))
    rows = recipe.train_rows[:4]
    recipe.model.eval()
    crops = recipe.reader.prepare(torch.from_numpy(recipe.reader.read(rows)), torch.device("cpu"))
    partners = recipe.partners(rows, np.random.default_rng(3))
    recipe.losses(crops, rows, Moment(np.random.default_rng(3)))
    targets = recipe.reader.prepare(torch.from_numpy(recipe.reader.read(partners)), torch.device("cpu"))
    ((source, marker),) = given
    assert source.equal(crops) and marker.equal(targets[:, [1]])


def test_one_channel_is_too_few_for_paired_inpainting(tiny_crops: Path, tmp_path: Path) -> None:
    fault = "takes a protein and a marker channel, but only 'protein' is there; deeploc, .* and classic take one"
    with pytest.raises(InputError, match=fault):
        learn(tiny_crops, tmp_path / "out", section("paired_inpainting", channels=["protein"]))


def test_the_weight_of_the_divergence_rises(tiny_crops: Path) -> None:
    recipe = VariationalRecipe(section("vae", beta=2.0, warm_up=0.5), task(tiny_crops))  # type: ignore[arg-type]
    recipe.model.eval()
    crops = recipe.reader.prepare(torch.from_numpy(recipe.reader.read(recipe.train_rows[:8])), torch.device("cpu"))
    for progress, weight in ((0.0, 0.0), (0.25, 1.0), (0.5, 2.0), (1.0, 2.0)):
        found = recipe.losses(crops, recipe.train_rows[:8], Moment(np.random.default_rng(0), progress))
        assert found["loss"].item() == pytest.approx((found["reconstruction"] + weight * found["divergence"]).item())


@pytest.fixture(scope="module")
def trained(tiny_crops: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learn(tiny_crops, tmp_path_factory.mktemp("trained") / "model", section("deeploc", epochs=20))


class TestTransfer:
    def transfer(self, model: Path, **keys: Any) -> AnyEncoder:
        section = {"model": "transfer", "trained": str(model), "epochs": 3, "batch_size": 8, **keys}
        return encoder_section_from(json.dumps(section), encoder="x")

    @pytest.mark.parametrize("learns", ["nothing", "probe", "all"])
    def test_what_is_learned_and_what_stays(self, trained: Path, tiny_crops: Path, tmp_path: Path, learns: str) -> None:
        out = learn(tiny_crops, tmp_path / "out", self.transfer(trained, learns=learns))
        before, after = load_file(trained / "model.safetensors"), load_file(out / "model.safetensors")
        assert all(torch.equal(before[name], after[name]) for name in before) == (learns != "all")
        predicted = pd.read_parquet(out / "predictions.parquet")
        theirs = pd.read_parquet(trained / "predictions.parquet")
        assert np.allclose(predicted["probability"], theirs["probability"], atol=1e-5) == (learns == "nothing")
        assert (out / "collapse.parquet").is_file() == (learns == "all")

    def test_few_labels(self, trained: Path, tiny_crops: Path, tmp_path: Path) -> None:
        out = learn(tiny_crops, tmp_path / "out", self.transfer(trained, cells_per_class=2))
        assert json.loads((out / "manifest.json").read_text())["counts"]["training cells"]["kept"] == 6

    def test_invariance_keeps_the_former_embedding(self, trained: Path, tiny_crops: Path, tmp_path: Path) -> None:
        similar = {}
        for weight in (0.0, 3.0):
            config = self.transfer(trained, learns="all", invariance=weight, epochs=25, lr=3e-3, schedule="constant")
            table = pd.read_parquet(learn(tiny_crops, tmp_path / f"out{weight}", config) / "collapse.parquet")
            similar[weight] = float(table.loc[table["metric"] == "similarity", "value"].iloc[0])
            assert set(table["metric"]) == {"effective_rank", "probe_accuracy", "similarity"}
        assert similar[3.0] > similar[0.0] + 0.1

    def test_other_classes_are_told(
        self, trained: Path, tiny_crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        proteins = pd.read_parquet(tiny_crops / "proteins.parquet")["protein"].tolist()
        crops = changed(tiny_crops, tmp_path / "crops", **{proteins[0]: "er", proteins[1]: "er"})
        out = learn(crops, tmp_path / "out", self.transfer(trained, learns="nothing"))
        assert "the network names other classes" in capsys.readouterr().err
        assert not (out / "predictions.parquet").exists()

    def test_a_network_as_it_is_needs_no_labels(self, trained: Path, tiny_crops: Path, tmp_path: Path) -> None:
        proteins = pd.read_parquet(tiny_crops / "proteins.parquet")["protein"].tolist()
        crops = changed(tiny_crops, tmp_path / "crops", **dict.fromkeys(proteins, ""))
        out = learn(crops, tmp_path / "out", self.transfer(trained, learns="nothing", layer="d1"))
        card = json.loads((out / "model.json").read_text())
        assert card["classes"] == json.loads((trained / "model.json").read_text())["classes"] and card["layer"] == "d1"
        embed(crops=[crops], model=out, out=tmp_path / "embed", config=Embed(), device="cpu")
        assert len(read_anndata(tmp_path / "embed" / "cells.zarr")) == len(Crops(crops).table)

    @pytest.mark.parametrize("learns", ["nothing", "probe", "all"])
    def test_a_layer_that_it_has_not(self, trained: Path, tiny_crops: Path, tmp_path: Path, learns: str) -> None:
        with pytest.raises(InputError, match="has no layer 'd9'; it has c1, c2, c3, d1, d2, d3: name one of them"):
            learn(tiny_crops, tmp_path / "out", self.transfer(trained, learns=learns, layer="d9"))

    @pytest.mark.parametrize("name", ["classic", "one_hot"])
    def test_what_is_no_network_of_images(
        self, models: dict[str, Path], tiny_crops: Path, tmp_path: Path, name: str
    ) -> None:
        with pytest.raises(InputError, match="is no network of images; name another"):
            learn(tiny_crops, tmp_path / "out", self.transfer(models[name]))

    def test_what_has_no_checkpoint_of_its_head_cannot_keep_the_best(self, trained: Path) -> None:
        with pytest.raises(InputError, match="keep: 'best' is not for transfer: checkpoints hold no new last layer"):
            self.transfer(trained, learns="all", keep="best")

    def test_one_hot_labels_of_another_screen_are_an_error(self, tiny_crops: Path, tmp_path: Path) -> None:
        model = learn(tiny_crops, tmp_path / "model", section("one_hot"))
        proteins = pd.read_parquet(tiny_crops / "proteins.parquet")["protein"].tolist()
        crops = changed(tiny_crops, tmp_path / "crops", **{proteins[0]: "er"})
        with pytest.raises(InputError, match=r"localization 'er' of protein .* is none of the classes of the encoder"):
            embed(crops=[crops], model=model, out=tmp_path / "out", config=Embed(), device="cpu")

    def test_a_folder_that_is_not_there(self, tiny_crops: Path, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="nowhere"):
            learn(tiny_crops, tmp_path / "out", self.transfer(Path("nowhere")))


class TestClasses:
    def test_a_class_absent_from_a_side(self, tiny_crops: Path, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"class 'bud' has 0 cell\(s\) on the train side, expected at least 2"):
            classes = ["bud", "cell_periphery", "cytoplasm", "nucleus"]
            learn(tiny_crops, tmp_path / "out", section("deeploc"), classes=classes)

    def test_a_label_that_no_class_knows(self, tiny_crops: Path, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="localization 'cell_periphery' of protein 'VP"):
            learn(tiny_crops, tmp_path / "out", section("deeploc"), classes=["cytoplasm", "nucleus"])

    def test_one_class_only_and_none(self, tiny_crops: Path, tmp_path: Path) -> None:
        proteins = pd.read_parquet(tiny_crops / "proteins.parquet")["protein"].tolist()
        one = changed(tiny_crops, tmp_path / "one", **dict.fromkeys(proteins, "nucleus"))
        with pytest.raises(InputError, match="only one class, 'nucleus'; a classifier needs two or more"):
            learn(one, tmp_path / "out", section("deeploc"))
        none = changed(tiny_crops, tmp_path / "none", **dict.fromkeys(proteins, ""))
        with pytest.raises(InputError, match="no cell has a label to learn from; add the data set's 'localization'"):
            learn(none, tmp_path / "out", section("deeploc"))
        learn(none, tmp_path / "ae", section("autoencoder"))


def test_crops_that_are_too_small_are_one_line(tiny_screen: Path, tmp_path: Path) -> None:
    from multiscope.config import Crop
    from multiscope.crop.stage import run as crop

    crop(data=tiny_screen, source="clean", restored=None, out=tmp_path / "crops", config=Crop(data="tiny", size=48))
    with pytest.raises(InputError, match=r"crops of 48 pixels are too small for DeepLoc; .*; cut larger crops"):
        learn(tmp_path / "crops", tmp_path / "out", section("deeploc"))


def test_a_split_of_other_cells_is_an_error(tiny_crops: Path, tmp_path: Path) -> None:
    from multiscope.config import CellSplit
    from multiscope.split.stage import run as split

    config = CellSplit(by="field", train=0.4, val=0.3)
    split(crops=tiny_crops, out=tmp_path / "split", config=config, fold=0)
    out = learn(tiny_crops, tmp_path / "out", section("deeploc"), split=tmp_path / "split")
    sides = pd.read_parquet(tmp_path / "split" / "split.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(out / "split.parquet"), sides)
    digest = json.loads((tmp_path / "split" / "manifest.json").read_text())["notes"]["split_digest"]
    assert json.loads((out / "model.json").read_text())["split_digest"] == digest


def test_what_a_rule_passes_is_read_back(tiny_crops: Path) -> None:
    for name in TINY:
        config = section(name)
        assert encoder_section_from(as_json(config), encoder="x") == config
