"""The stage `augment`: train the generator of defects, then mix the training pairs of `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from multiscope.augment import STAGE_VERSION
from multiscope.augment.cin_gan import CinGanRecipe, UnpairedPatches, generator_settings
from multiscope.augment.pairs import Degrade, Stack, build_pairs, n_synthetic
from multiscope.config import Augment
from multiscope.data.patches import Fields
from multiscope.errors import InputError
from multiscope.folders.manifest import expect_same_input, stage_output, verify
from multiscope.nn.cards import load_network, save_network
from multiscope.stores.samples import write_samples
from multiscope.training.content import content_network, vgg16_weights
from multiscope.training.device import device_name, make_fabric
from multiscope.training.finish import keep_history, open_state
from multiscope.training.loop import Plan, train

_BATCH = 32


def run_generator(
    *, data: Path, out: Path, state: Path, config: Augment, seed: int, device: str = "auto", threads: int = 1
) -> None:
    """Train the CIN-GAN on the training fields of `data`; `out` gets generator, card and history."""
    fabric = make_fabric(device, threads=threads)
    fields = Fields(data)
    # how pairs are mixed does not change the generator
    described: dict[str, Any] = {
        "stage": "augment",
        "version": STAGE_VERSION,
        "config": config.model_dump(mode="json", exclude={"pairs"}),
        "inputs": {"data": data} | vgg16_weights(config.content),
        "seed": seed,
    }
    with stage_output(out, **described, device=device_name(fabric)) as run:
        folder = open_state(state, **described, threads=threads)
        patches = UnpairedPatches(fields, size=config.patch_size)
        content, content_note = content_network(config.content, patches.clean, seed=seed, fabric=fabric)
        recipe = CinGanRecipe(config.cin_gan, patches, content, seed=seed, fabric=fabric)
        train(recipe, Plan(what="augment: cin_gan", steps=config.cin_gan.steps, seed=seed), folder)
        arguments = generator_settings(config.cin_gan, n_defects=len(recipe.defects))
        save_network(run.path, recipe.network, "resnet_generator", arguments, {"conditions": recipe.defects})
        keep_history(folder, run.path)
        run.count("training fields", len(fields.rows(split="train")))
        run.note("content_network", content_note)
        run.note("defects", recipe.defects)
        run.note("threads", threads)
    folder.remove()


def run_pairs(
    *,
    data: Path,
    generator: Path | None,
    out: Path,
    config: Augment,
    seed: int,
    device: str = "auto",
    threads: int = 1,
) -> None:
    """Mix real pairs of `data` with synthetic ones of the `generator` (a folder made by `augment`)."""
    fabric = make_fabric(device, threads=threads)
    fields = Fields(data)
    extra = n_synthetic(config.pairs)
    if extra and generator is None:
        raise InputError(
            f"--generator is missing: alpha {config.pairs.alpha} asks for {extra} synthetic pairs a defect"
        )
    used = generator if extra else None
    degrade = _degrader(used, fields, seed=seed, fabric=fabric) if used else None
    with stage_output(
        out,
        stage="pairs",
        version=STAGE_VERSION,
        config=config.pairs.model_dump(mode="json") | {"patch_size": config.patch_size},
        inputs={"data": data} | ({"generator": used} if used else {}),
        seed=seed,
        device=device_name(fabric),
    ) as run:
        made = build_pairs(fields, config.pairs, size=config.patch_size, seed=seed, degrade=degrade)
        scales = {name: {"low": s.low, "high": s.high} for name, s in zip(fields.channels, fields.scales, strict=True)}
        arrays = {"degraded": made.degraded, "clean": made.clean}
        write_samples(run.path / "pairs.zarr", arrays, made.table, {"scale": scales, "axes": ["n", "c", "y", "x"]})
        for origin in ("real", "synthetic"):
            run.count(f"{origin} pairs", int((made.table["origin"] == origin).sum()))
        run.note("setting", config.pairs.setting)
        run.note("n_pairs", config.pairs.n_pairs if config.pairs.setting == "paired" else 0)
        run.note("augmentation", "cin_gan" if extra else "none")
        run.note("defects", fields.defects)


def _degrader(folder: Path, fields: Fields, *, seed: int, fabric: Fabric) -> Degrade:
    manifest = verify(folder, made_by=["augment"])
    expect_same_input(folder, manifest, "data", fields.path, fields.manifest["digest"])
    network, card = load_network(folder)
    conditions: list[str] = card["conditions"]
    network = network.to(fabric.device).train()  # dropout, where there is any, is the generator's only noise
    torch.manual_seed(seed)

    def degrade(clean: Stack, defect: str) -> Stack:
        made = []
        with torch.no_grad():
            for batch in torch.from_numpy(clean)[:, None].split(_BATCH):
                index = torch.full((len(batch),), conditions.index(defect), device=fabric.device)
                made.append(network(batch.to(fabric.device), index).cpu())
        return torch.cat(made)[:, 0].numpy()

    return degrade
