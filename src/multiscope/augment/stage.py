"""The stage `augment`: train the generator of defects, then mix the training pairs of `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from multiscope.augment import STAGE_VERSION
from multiscope.augment.cin_gan import CinGanRecipe
from multiscope.augment.extend import extended_generator
from multiscope.augment.fidelity import fidelity
from multiscope.augment.pairs import Degrade, PairSet, Stack, build_pairs
from multiscope.config import Augment
from multiscope.data.patches import Fields, UnpairedPatches
from multiscope.data.seeding import stable_seed
from multiscope.errors import InputError
from multiscope.folders.manifest import StageRun, expect_same_input, stage_output, verify
from multiscope.nn.cards import load_network, save_network
from multiscope.stores.samples import write_samples
from multiscope.training.content import content_network, vgg16_weights
from multiscope.training.device import device_name, make_fabric
from multiscope.training.finish import keep_history, open_state
from multiscope.training.loop import Plan, train
from multiscope.training.ranks import only_one_process

_BATCH = 32
_JUDGE_SEED = 2**31 - 1


def run_generator(
    *, data: Path, out: Path, state: Path, config: Augment, seed: int, device: str = "auto", threads: int = 1
) -> None:
    """Train the CIN-GAN on the training fields of `data`; `out` gets generator, card and history.

    With `cin_gan.extend`, a generator that was trained before learns the defects it does not know.
    """
    only_one_process(out)
    fabric = make_fabric(device, threads=threads)
    fields = Fields(data)
    extend = config.cin_gan.extend
    weights = vgg16_weights(config.content) if config.cin_gan.uses_content else {}
    # how pairs are mixed does not change the generator
    described: dict[str, Any] = {
        "stage": "augment",
        "version": STAGE_VERSION,
        "config": config.model_dump(mode="json", exclude={"pairs"}),
        "inputs": {"data": data} | weights | ({"extend": extend} if extend else {}),
        "seed": seed,
    }
    with stage_output(out, **described, device=device_name(fabric)) as run:
        folder = open_state(state, **described, threads=threads)
        patches = UnpairedPatches(fields, size=config.patch_size)
        generator = extended_generator(extend, fields.defects) if extend else None
        content, content_note = None, {"kind": "not used"}
        if config.cin_gan.uses_content:
            content, content_note = content_network(config.content, patches.clean, seed=seed, fabric=fabric)
        recipe = CinGanRecipe(config.cin_gan, patches, content, generator=generator, seed=seed, fabric=fabric)
        train(recipe, Plan(what="augment: cin_gan", steps=config.cin_gan.steps, seed=seed), folder)
        made = recipe.made
        save_network(run.path, recipe.finished(), made.architecture, made.arguments, {"conditions": made.conditions})
        keep_history(folder, run.path)
        run.count("training fields", len(fields.rows(split="train")))
        run.note("content_network", content_note)
        run.note("defects", made.conditions)
        run.note("learned", made.learned)
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
    """Mix real pairs of `data` with synthetic ones, of the `generator` (a folder made by `augment`) or forward models.

    `out` gets the pairs and, where any are synthetic, `synthetic.parquet`: how much they look like real ones, and
    whether they are copies of them.
    """
    only_one_process(out)
    fabric = make_fabric(device, threads=threads)
    fields = Fields(data)
    mix = config.pairs
    if mix.needs_generator and generator is None:
        raise InputError(
            f"--generator is missing: augmentation '{mix.augmentation}' asks for pairs made by CIN-GAN; name the "
            "folder that `augment` made"
        )
    used = generator if mix.needs_generator else None
    degrade = cin_gan_degrader(used, fields, seed=seed, fabric=fabric) if used else None
    judged = vgg16_weights(config.content) if mix.makers else {}
    with stage_output(
        out,
        stage="pairs",
        version=STAGE_VERSION,
        config=mix.model_dump(mode="json")
        | {"patch_size": config.patch_size, "content": config.content.model_dump(mode="json")},
        inputs={"data": data} | ({"generator": used} if used else {}) | judged,
        seed=seed,
        device=device_name(fabric),
    ) as run:
        made = build_pairs(fields, mix, size=config.patch_size, seed=seed, degrade=degrade)
        scales = {name: {"low": s.low, "high": s.high} for name, s in zip(fields.channels, fields.scales, strict=True)}
        arrays = {"degraded": made.degraded, "clean": made.clean}
        write_samples(run.path / "pairs.zarr", arrays, made.table, {"scale": scales, "axes": ["n", "c", "y", "x"]})
        real = int((made.table["origin"] == "real").sum())
        synthetic = len(made.table) - real
        if synthetic:
            _judge(run, fields, made, config, seed=seed, fabric=fabric)
        run.count("real pairs", real)
        run.count("synthetic pairs", synthetic)
        run.note("setting", mix.setting)
        run.note("n_pairs", _counts(made, fields, real=True))
        run.note("n_synthetic", _counts(made, fields, real=False))
        # pairs that nothing was added to are flipped like those that something was added to
        plain = "none" if mix.augmentation == "none" else "flips"
        run.note("augmentation", mix.augmentation if synthetic else plain)
        run.note("defects", fields.defects)


def cin_gan_degrader(folder: Path, fields: Fields, *, seed: int, fabric: Fabric) -> Degrade:
    """What makes defects of clean patches: the generator in `folder`, which was trained on these `fields`.

    Its noise follows from `seed` and the defect, whatever was made before.
    """
    manifest = verify(folder, made_by=["augment"])
    expect_same_input(folder, manifest, "data", fields.path, fields.manifest["digest"])
    network, card = load_network(folder)
    conditions: list[str] = card["conditions"]
    network = network.to(fabric.device).train()  # dropout is the only noise that the paper's generator has

    def degrade(clean: Stack, defect: str) -> Stack:
        if defect not in conditions:
            raise InputError(
                f"{folder}: the generator does not know the defect '{defect}' (knows {', '.join(conditions)}); train "
                "it on a data set with that defect, or extend it by augment.cin_gan.extend"
            )
        made = []
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(stable_seed(seed, "cin_gan", defect))
            for batch in torch.from_numpy(clean)[:, None].split(_BATCH):
                index = torch.full((len(batch),), conditions.index(defect), device=fabric.device)
                made.append(network(batch.to(fabric.device), index).cpu())
        return torch.cat(made)[:, 0].numpy()

    return degrade


def _judge(run: StageRun, fields: Fields, made: PairSet, config: Augment, *, seed: int, fabric: Fabric) -> None:
    """Write `synthetic.parquet`."""
    size = config.patch_size
    # no generator was trained by this network, but where weights of VGG16 are given, there is that one only
    clean = UnpairedPatches(fields, size=size).clean
    network, note = content_network(config.content, clean, seed=_JUDGE_SEED, fabric=fabric)
    table = fidelity(fields, made, network, size=size, seed=seed, fabric=fabric)
    table.to_parquet(run.path / "synthetic.parquet", compression="zstd", index=False)
    run.note("content_network", note)


def _counts(made: PairSet, fields: Fields, *, real: bool) -> dict[str, int]:
    """Pairs of each defect."""
    of_origin = made.table[(made.table["origin"] == "real") == real]
    return {defect: int((of_origin["defect"] == defect).sum()) for defect in fields.defects}
