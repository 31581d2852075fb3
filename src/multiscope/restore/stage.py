"""The stage `restore`: train one method on pairs, restore the fields, score the test fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from multiscope.config import Restore
from multiscope.data.patches import Fields
from multiscope.errors import InputError
from multiscope.folders.disk import replacing
from multiscope.folders.manifest import StageRun, expect_same_input, stage_output, verify
from multiscope.nn.cards import save_network
from multiscope.nn.content import ContentFeatures
from multiscope.progress import track
from multiscope.restore import STAGE_VERSION
from multiscope.restore.familiar import as_facts, training_ranges
from multiscope.restore.methods.images import TrainingPairs
from multiscope.restore.methods.method import Task
from multiscope.restore.model_card import write_model_card
from multiscope.restore.restorer import Restorer
from multiscope.restore.scoring import (
    SCORE_COLUMNS,
    input_table,
    restore_field,
    score_image,
    score_table,
    test_images,
)
from multiscope.restore.session import Session, weights_files
from multiscope.stores.fields import read_pixel_size, write_field
from multiscope.stores.plates import describe_store
from multiscope.stores.samples import SampleStore
from multiscope.training.device import device_name, make_fabric
from multiscope.training.finish import keep_history, open_state
from multiscope.training.ranks import only_one_process
from multiscope.training.state import StateFolder


def run(
    *,
    data: Path,
    pairs: Path,
    out: Path,
    state: Path,
    method: str,
    config: Restore,
    seed: int,
    device: str = "auto",
    threads: int = 1,
) -> None:
    """Train `method` on `pairs`, restore every field of `data` with its own defect, score the test fields with each.

    `method` is a name in `config.methods`; the others are no matter of this run.
    """
    if method not in config.methods:
        raise InputError(f"--method {method}: is not in restore.methods; have {', '.join(config.methods)}")
    config = config.model_copy(update={"methods": {method: config.methods[method]}})
    only_one_process(out)
    fabric = make_fabric(device, threads=threads)
    fields, pairs_manifest = Fields(data), verify(pairs, made_by=["pairs"])
    # pairs of another split would show the restorer this one's test fields
    expect_same_input(pairs, pairs_manifest, "data", data, fields.manifest["digest"])
    described: dict[str, Any] = {
        "stage": "restore",
        "version": STAGE_VERSION,
        "config": config.model_dump(mode="json"),
        "inputs": {"data": data, "pairs": pairs} | weights_files(config),
        "seed": seed,
    }
    augmentation = pairs_manifest["notes"]["augmentation"]
    with stage_output(out, **described, device=device_name(fabric)) as made:
        store = SampleStore(pairs / "pairs.zarr")
        training = TrainingPairs(store.take("degraded"), store.take("clean"), store.table, fields.defects)
        session = Session(fields, config, size=training.size, seed=seed, fabric=fabric)
        folders: list[StateFolder] = []

        def open_folder() -> StateFolder:
            folders.append(open_state(state, **described, threads=threads))
            return folders[-1]

        task = session.task(method, training, flips=augmentation != "none", state=open_folder)
        learned, restorer = session.learn(task)
        rows = _restore_fields(made, fields, restorer, session.judge)
        scores = pd.concat(
            [
                input_table(rows["input"], fields),
                score_table(
                    rows["restored"],
                    fields,
                    training,
                    method=method,
                    learns_from=task.config.learns_from,
                    augmentation=augmentation,
                    trained_on="together",
                    seed=seed,
                ),
            ]
        )
        scores.to_parquet(made.path / "scores.parquet")
        card = restorer.card | {"familiar": as_facts(training_ranges(fields, training.size))}
        save_network(made.path, learned.network, learned.architecture, learned.arguments, card)
        write_model_card(made.path, scores=scores, training=_training(task, fields, augmentation))
        for folder in folders:
            keep_history(folder, made.path)
        made.count("training pairs", len(training.clean))
        made.count("scored images", scores["image_id"].nunique())
        made.note("content_network", session.content_note)
        made.note("method", method)
        made.note("model", task.config.model)
        made.note("threads", threads)
    for folder in folders:
        folder.remove()


def _training(task: Task, fields: Fields, augmentation: str) -> dict[str, Any]:
    """What the model card says of how it was trained."""
    notes = fields.manifest["notes"]
    return {
        "learns_from": task.config.learns_from,
        "augmentation": augmentation,
        "pairs": {name: task.images.pairs.count(name) for name in fields.defects},
        "dataset": notes["dataset"],
        "split_digest": notes["split_digest"],
        "training_fields": len(fields.rows(split="train")),
        "test_fields": len(fields.rows(split="test")),
        "steps": task.steps,
        "batch_size": task.batch_size,
        "seed": task.seed,
    }


def _restore_fields(
    made: StageRun, fields: Fields, restorer: Restorer, content: ContentFeatures
) -> dict[str, list[dict[str, Any]]]:
    """Write every restored field; score those of the test side, restored and as they were."""
    store = made.path / "restored.zarr"
    scored = set(test_images(fields, fields.defects))
    jobs = list(_jobs(fields))
    rows: dict[str, list[dict[str, Any]]] = {"input": [], "restored": []}
    for field_id, defect in track(jobs, what="restore: fields", total=len(jobs)):
        restored = restore_field(restorer, fields, field_id, defect)
        path = fields.paths[field_id]
        pixel_size = read_pixel_size(fields.path / "clean.zarr" / path)
        write_field(store / defect / path, restored, channels=fields.channels, pixel_size=pixel_size)
        if (field_id, defect) in scored:
            for what, image in (("input", fields.image(defect, field_id)), ("restored", restored)):
                for row in score_image(fields, image, field_id, content=content):
                    rows[what].append({"defect": defect, **row})
    for name in sorted({defect for _, defect in jobs}):
        describe_store(store / name, [fields.paths[field_id] for field_id, defect in jobs if defect == name])
    return rows


def _jobs(fields: Fields) -> Iterator[tuple[str, str]]:
    """Field and defect: test fields with every defect, the others with their own."""
    for row in fields.table.to_dict("records"):
        for defect in filter(None, row["degraded"].split("|")):
            yield row["field_id"], defect


def gather_scores(*, runs: Sequence[Path], out: Path, csv: Path) -> None:
    """One table of the scores of all `runs` of `restore` and `sweep`; the input's rows, alike in all, stand once."""
    tables = [pd.read_parquet(run / "scores.parquet") for run in runs if verify(run, made_by=["restore", "sweep"])]
    for path in (out, csv):
        path.parent.mkdir(parents=True, exist_ok=True)
    scores = pd.concat(tables, ignore_index=True).drop_duplicates(SCORE_COLUMNS[:-1], ignore_index=True)
    with replacing(out) as parquet, replacing(csv) as text:
        scores[SCORE_COLUMNS].to_parquet(parquet)
        scores[SCORE_COLUMNS].to_csv(text, index=False)
