"""The stage `localize`: train one encoder on the crops of the training fields."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch

from multiscope.config import Autoencoder, DeepLoc
from multiscope.data.crops import Crops
from multiscope.data.local_copy import local_copy
from multiscope.errors import InputError
from multiscope.folders.manifest import stage_output
from multiscope.localize import STAGE_VERSION
from multiscope.localize.recipes import RECIPES
from multiscope.nn.cards import build_network, save_network
from multiscope.training.device import device_name, make_fabric
from multiscope.training.finish import keep_history, open_state
from multiscope.training.loop import Plan, train
from multiscope.training.stream import Stream


def run(
    *,
    crops: Path,
    out: Path,
    state: Path,
    encoder: str,
    config: DeepLoc | Autoencoder,
    seed: int,
    device: str = "auto",
    threads: int = 1,
    loading: Literal["random", "stream"] = "random",
    local: bool = False,
) -> None:
    """Train `encoder` as `config` says on the training cells of the folder `crops`.

    `loading` and `local` suit the disk that `crops` lies on: `stream` reads blocks of neighbours through a shuffle
    buffer, so the order of the cells is another one and the weights too; `local` reads a copy on the local disk.
    """
    fabric = make_fabric(device, threads=threads)
    cells = Crops(crops)
    classes = check_classes(cells)
    recipe_of = RECIPES[config.kind]
    shape = {"in_channels": len(cells.channel_indices(config.channels)), "crop_size": cells.size}
    arguments = shape | {"width": config.width} | recipe_of.arguments(config, n_classes=len(classes))
    described: dict[str, Any] = {
        "stage": "localize",
        "version": STAGE_VERSION,
        "config": config.model_dump(mode="json"),
        "inputs": {"crops": crops},
        "seed": seed,
    }
    with stage_output(out, **described, device=device_name(fabric)) as made, ExitStack() as reading:
        folder = open_state(state, **described, threads=threads, loading=loading)
        network = _network(config.kind, arguments, crops, seed=seed)
        stream = Stream() if loading == "stream" else None
        recipe = recipe_of(network, config, cells, classes, seed=seed, fabric=fabric, stream=stream)
        steps = recipe.steps_per_epoch * config.epochs
        plan = Plan(what=f"localize: {encoder}", steps=steps, seed=seed, steps_per_epoch=recipe.steps_per_epoch)
        if local:
            cells.store = reading.enter_context(local_copy(cells.store))
        with recipe.loader:
            train(recipe, plan, folder)
        facts = {
            "encoder": encoder,
            "classes": classes,
            "channels": [cells.channels[i] for i in recipe.channels],
            "layer": config.layer,
            "epoch": config.epochs,
            "trained_on": cells.source,
        }
        save_network(made.path, recipe.network, config.kind, arguments, facts)
        keep_history(folder, made.path)
        if (predicted := recipe.predictions()) is not None:
            predicted.to_parquet(made.path / "predictions.parquet")
        made.count("training cells", len(recipe.train_rows))
        made.count("validation cells", len(recipe.val_rows))
        for key, value in (facts | {"threads": threads, "loading": loading}).items():
            made.note(key, value)
    folder.remove()


def _network(kind: str, arguments: dict[str, Any], crops: Path, *, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    try:
        return build_network(kind, arguments)
    except ValueError as error:  # the crops are too small for the network
        raise InputError(f"{crops}: {error}; cut larger crops") from None


def check_classes(crops: Crops) -> list[str]:
    """The localization classes, sorted, each with enough cells to learn and to test."""
    unlabelled = sorted(crops.table.loc[crops.table["localization"].fillna("") == "", "protein"].unique())
    if unlabelled:
        raise InputError(
            f"{crops.path}: no localization for protein(s) {', '.join(map(repr, unlabelled[:5]))}; "
            "add them to the data set's 'localization'"
        )
    counts = pd.crosstab(crops.table["localization"], crops.table["split"])
    for split, least in (("train", 2), ("test", 1)):
        n = counts.get(split, pd.Series(0, index=counts.index))
        if len(short := n[n < least]):
            raise InputError(
                f"{crops.path}: localization '{short.index[0]}' has {short.iloc[0]} cell(s) on the {split} side, "
                f"expected at least {least}; add images of its proteins, or leave the class out"
            )
    if len(counts) < 2:
        raise InputError(f"{crops.path}: only one localization, '{counts.index[0]}'; a classifier needs two or more")
    return sorted(map(str, counts.index))
