"""The stage `sweep`: runs of one method and seed in one job; nothing but their scores is kept."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from multiscope.augment.pairs import build_pairs, plan_mixes
from multiscope.augment.stage import cin_gan_degrader
from multiscope.config import LearnsFrom, SweepPlan
from multiscope.data.patches import Fields
from multiscope.errors import InputError
from multiscope.folders.journal import Unit
from multiscope.folders.manifest import stage_output
from multiscope.progress import track
from multiscope.restore.methods.images import TrainingPairs
from multiscope.restore.scoring import input_table, restore_field, score_image, score_table, test_images
from multiscope.restore.session import Session, weights_files
from multiscope.sweep import STAGE_VERSION
from multiscope.sweep.grid import Run, runs
from multiscope.training.device import device_name, make_fabric
from multiscope.training.finish import open_state
from multiscope.training.ranks import only_one_process
from multiscope.training.state import StateFolder


def run(
    *,
    data: Path,
    generator: Path | None,
    out: Path,
    state: Path,
    method: str,
    plan: SweepPlan,
    seed: int,
    part: int = 1,
    parts: int = 1,
    device: str = "auto",
    threads: int = 1,
) -> None:
    """Train `method` on every mix of pairs of the plan, and score the same test fields with each.

    Of n `parts` each has every n-th run, so that all are about as long. A job that is killed goes on
    within the run it was at.
    """
    if part > parts:
        raise InputError(f"--part {part}: there are {parts} parts (--parts); name one from 1 to {parts}")
    if method not in plan.restore.methods:
        raise InputError(f"--method {method}: is not in restore.methods; have {', '.join(plan.restore.methods)}")
    chosen = plan.restore.methods[method]
    plan = plan.model_copy(update={"restore": plan.restore.model_copy(update={"methods": {method: chosen}})})
    if plan.sweep.needs_generator and generator is None:
        raise InputError("--generator is missing: sweep.augmentation asks for pairs made by CIN-GAN")
    only_one_process(out)
    fabric = make_fabric(device, threads=threads)
    fields = Fields(data)
    described: dict[str, Any] = {
        "stage": "sweep",
        "version": STAGE_VERSION,
        "config": plan.model_dump(mode="json") | {"part": part, "parts": parts},
        "inputs": {"data": data} | ({"generator": generator} if generator else {}) | weights_files(plan.restore),
        "seed": seed,
    }
    size = plan.augment.patch_size
    with stage_output(out, **described, device=device_name(fabric)) as made:
        session = Session(fields, plan.restore, size=size, seed=seed, fabric=fabric)
        degrade = cin_gan_degrader(generator, fields, seed=seed, fabric=fabric) if generator else None
        images = test_images(fields, fields.defects, limit=plan.sweep.test_fields)
        every = runs(plan.sweep, plan.augment.pairs, defects=fields.defects, learns_from=chosen.learns_from)
        grid = list(islice(every, part - 1, None, parts))
        # what cannot be mixed is said before hours of training, not after
        for each in grid:
            plan_mixes(fields, each.pairs, size=size)
        with made.unit("input") as unit:
            _score_input(unit, fields, images)
        seconds = {}
        for each in track(grid, what=f"sweep: {method}, seed {seed}", total=len(grid)):
            with made.unit(each.name) as unit:
                if not unit.finished:
                    pairs = build_pairs(fields, each.pairs, size=size, seed=seed, degrade=degrade)
                    training = TrainingPairs.of(pairs, defects=fields.defects, only=each.defects)
                    folder = open_state(state / each.name, **described, threads=threads, run=each.name)
                    unit.facts = _train_and_score(unit, each, session, training, images, method, folder)
                seconds[each.name] = unit.facts["seconds"]
            # not before its scores are kept
            shutil.rmtree(state / each.name, ignore_errors=True)
        tables = [made.path / "runs" / f"{name}.parquet" for name in ("input", *seconds)]
        pd.concat([pd.read_parquet(table) for table in tables], ignore_index=True).to_parquet(
            made.path / "scores.parquet", compression="zstd"
        )
        made.count("trainings", len(grid))
        made.count("scored images", len(images) * len(fields.channels))
        made.note("method", method)
        made.note("content_network", session.content_note)
        made.note("seconds", seconds)
        made.note("threads", threads)
    shutil.rmtree(state, ignore_errors=True)


def _score_input(unit: Unit, fields: Fields, images: Sequence[tuple[str, str]]) -> None:
    if unit.finished:
        return
    rows = [
        {"defect": defect, **row}
        for field_id, defect in images
        for row in score_image(fields, fields.image(defect, field_id), field_id)
    ]
    input_table(rows, fields).to_parquet(unit.path("runs/input.parquet"))


def _train_and_score(
    unit: Unit,
    each: Run,
    session: Session,
    training: TrainingPairs,
    images: Sequence[tuple[str, str]],
    method: str,
    folder: StateFolder,
) -> dict[str, Any]:
    """One run: its scores into the unit; returns how long the training took."""
    started = time.monotonic()
    flips = each.pairs.augmentation != "none"
    task = session.task(method, training, flips=flips, state=lambda: folder)
    _, restorer = session.learn(task)
    seconds = time.monotonic() - started
    fields = session.fields
    rows = [
        {"defect": defect, **row}
        for field_id, defect in images
        if defect in each.defects
        for row in score_image(fields, restore_field(restorer, fields, field_id, defect), field_id)
    ]
    learns_from: LearnsFrom = task.config.learns_from
    score_table(
        rows,
        fields,
        training,
        method=method,
        learns_from=learns_from,
        augmentation=each.pairs.augmentation,
        trained_on=each.trained_on,
        seed=session.seed,
    ).to_parquet(unit.path(f"runs/{each.name}.parquet"))
    return {"seconds": round(seconds, 1)}
