"""The stage `restore`: train a restorer on pairs, restore the fields, score the test fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from multiscope.config import Restore
from multiscope.data.patches import Fields
from multiscope.errors import InputError
from multiscope.folders.manifest import expect_same_input, stage_output, verify
from multiscope.nn.cards import save_network
from multiscope.progress import track
from multiscope.restore import STAGE_VERSION
from multiscope.restore.cgan import CGanRecipe, TrainingPairs, restorer_settings
from multiscope.restore.scores import score
from multiscope.restore.tiles import restore_plane
from multiscope.stores.fields import read_pixel_size, write_field
from multiscope.stores.plates import describe_store
from multiscope.stores.samples import SampleStore
from multiscope.training.content import content_network, vgg16_weights
from multiscope.training.device import device_name, make_fabric
from multiscope.training.finish import keep_history, open_state
from multiscope.training.loop import Plan, train

SCORE_COLUMNS = [
    "dataset",
    "defect",
    "method",
    "setting",
    "n_pairs",
    "augmentation",
    "seed",
    "image_id",
    "metric",
    "rule",
    "value",
]


def run(
    *,
    data: Path,
    pairs: Path,
    out: Path,
    state: Path,
    config: Restore,
    seed: int,
    device: str = "auto",
    threads: int = 1,
) -> None:
    """Train the cGAN on `pairs`, restore every field of `data` with its own defect, score the test fields with each."""
    fabric = make_fabric(device, threads=threads)
    fields, pairs_manifest = Fields(data), verify(pairs, made_by=["pairs"])
    # pairs of another split would show the restorer this one's test fields
    expect_same_input(pairs, pairs_manifest, "data", data, fields.manifest["digest"])
    described: dict[str, Any] = {
        "stage": "restore",
        "version": STAGE_VERSION,
        "config": config.model_dump(mode="json"),
        "inputs": {"data": data, "pairs": pairs} | vgg16_weights(config.content),
        "seed": seed,
    }
    with stage_output(out, **described, device=device_name(fabric)) as made:
        folder = open_state(state, **described, threads=threads)
        training = TrainingPairs(SampleStore(pairs / "pairs.zarr"))
        content, content_note = content_network(config.content, training.draw_clean, seed=seed, fabric=fabric)
        recipe = CGanRecipe(config.cgan, training, content, seed=seed, fabric=fabric)
        train(recipe, Plan(what="restore: cgan", steps=config.cgan.steps, seed=seed), folder)
        network = recipe.restorer()
        tile = training.clean.shape[-1]
        facts = {"channels": fields.channels, "scale": fields.manifest["notes"]["range"], "defects": fields.defects}
        save_network(made.path, network, "resnet_generator", restorer_settings(config.cgan), {**facts, "tile": tile})
        keep_history(folder, made.path)
        rows = _restore_fields(fields, network, made.path / "restored.zarr", tile=tile, device=fabric.device)
        origin = {key: pairs_manifest["notes"][key] for key in ("setting", "n_pairs", "augmentation")}
        scores = pd.DataFrame(rows).assign(dataset=fields.manifest["notes"]["dataset"], seed=seed, **origin)
        scores[SCORE_COLUMNS].to_parquet(made.path / "scores.parquet")
        made.count("training pairs", len(training.clean))
        made.count("scored images", scores["image_id"].nunique())
        made.note("content_network", content_note)
        made.note("method", "cgan")
        made.note("threads", threads)
    folder.remove()


def gather_scores(*, runs: Sequence[Path], out: Path, csv: Path) -> None:
    """One table of the scores of all `runs`; the input's rows, the same in runs on the same pairs, stand once."""
    tables = [pd.read_parquet(run / "scores.parquet") for run in runs if verify(run, made_by=["restore"])]
    for path in (out, csv):
        path.parent.mkdir(parents=True, exist_ok=True)
    scores = pd.concat(tables, ignore_index=True).drop_duplicates(ignore_index=True)
    scores[SCORE_COLUMNS].to_parquet(out)
    scores[SCORE_COLUMNS].to_csv(csv, index=False)


def _restore_fields(
    fields: Fields, network: nn.Module, store: Path, *, tile: int, device: torch.device
) -> list[dict[str, Any]]:
    """Write every restored field; score those of the test side."""
    jobs = list(_jobs(fields))
    rows: list[dict[str, Any]] = []
    for field_id, defect, scored in track(jobs, what="restore: fields", total=len(jobs)):
        degraded = fields.image(defect, field_id)
        planes = [
            restore_plane(network, scale.to_unit(plane), tile=tile, device=device)
            for scale, plane in zip(fields.scales, degraded, strict=True)
        ]
        # nothing is darker than the background of the training images (the paper's tanh forbids it too)
        bounded = [scale.to_camera(plane.clip(min=-1)) for scale, plane in zip(fields.scales, planes, strict=True)]
        restored = np.stack(bounded)
        path = fields.paths[field_id]
        pixel_size = read_pixel_size(fields.path / "clean.zarr" / path)
        write_field(store / defect / path, restored, channels=fields.channels, pixel_size=pixel_size)
        if scored:
            for method, image in (("input", degraded), ("cgan", restored)):
                for row in _score_field(fields, image, fields.image("clean", field_id), field_id):
                    rows.append({"defect": defect, "method": method, **row})
    if not rows:
        raise InputError(f"{fields.path}: has no test fields; give the split a share for testing")
    for name in sorted({defect for _, defect, _ in jobs}):
        describe_store(store / name, [fields.paths[field_id] for field_id, defect, _ in jobs if defect == name])
    return rows


def _jobs(fields: Fields) -> Iterator[tuple[str, str, bool]]:
    """Field, defect, and whether it is scored: test fields with every defect, the others with their own."""
    for row in fields.table.to_dict("records"):
        for defect in filter(None, row["degraded"].split("|")):
            yield row["field_id"], defect, row["split"] == "test"


def _score_field(
    fields: Fields, image: npt.NDArray[Any], clean: npt.NDArray[Any], field_id: str
) -> Iterator[dict[str, Any]]:
    for index, (channel, scale) in enumerate(zip(fields.channels, fields.scales, strict=True)):
        for metric, rule, value in score(image[index], clean[index], data_range=scale.high - scale.low):
            yield {"image_id": f"{field_id}/{channel}", "metric": metric, "rule": rule, "value": value}
