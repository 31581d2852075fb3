"""A writer killed at any moment: nothing half under the final name, and the same result in the end."""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from multiscope.folders.manifest import stage_output, verify
from multiscope.stores import shards
from multiscope.stores.fields import write_field
from multiscope.stores.samples import SampleStore, SampleWriter

PIECES = 14
SHAPES = {"image": (2, 12, 12), "mask": (1, 12, 12), "stack": (1, 3, 6, 6)}


def piece(number: int) -> tuple[dict[str, npt.NDArray[Any]], pd.DataFrame]:
    """Some 20 samples."""
    rng = np.random.default_rng(number)
    n = int(rng.integers(0, 40)) if number % 5 else 0
    arrays = {name: rng.integers(0, 200, (n, *shape), dtype=np.uint8) for name, shape in SHAPES.items()}
    arrays["wide"] = np.full((n, 300), number, dtype=np.float32)
    kind = pd.Categorical([["er", "golgi", f"p{number}"][i % 3] for i in range(n)])
    remark = pd.Series([None if number < 9 else "late"] * n, dtype=object)
    return arrays, pd.DataFrame({"cell_id": [f"{number}_{i}" for i in range(n)], "kind": kind, "remark": remark})


def make(out: Path) -> None:
    """A stage with fields in units and a sample store; the shards of `wide` have 27 samples, those of others 32."""
    shards._SHARD_ROWS, shards._SHARD_BYTES = (16, 32), 27 * 300 * 4  # in this process alone
    with stage_output(out, stage="crop", version=1, config={"a": 1}, inputs={}, seed=3) as made:
        for number in range(2):
            with made.unit(f"field {number}") as unit:
                if not unit.finished:
                    image = np.random.default_rng(number).integers(0, 4000, (2, 130, 130), dtype=np.uint16)
                    write_field(unit.path(f"clean.zarr/{number}"), image, channels=["a", "b"])
                    unit.facts = {"mean": float(image.mean())}
            made.note(f"mean {number}", unit.facts["mean"])
        with SampleWriter(made.path / "crops.zarr", attributes={"channels": ["a"]}, journal=made.journal) as writer:
            for number in range(writer.position or 0, PIECES):
                writer.append(*piece(number), position=number + 1)
        made.count("cells", writer.rows)


def content(out: Path) -> dict[str, str]:
    """The sha256 of every file but the manifest, which knows the time."""
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "manifest.json")
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def start() -> Any:
    """Starts a job in a process that begins at once: its imports are done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "multiscope.stores.fields", "multiscope.stores.samples"])

    def begin(out: Path) -> BaseProcess:
        process = context.Process(target=make, args=(out,))
        process.start()
        return process

    return begin


@pytest.mark.slow
def test_fifty_kills_at_random_moments_change_nothing(tmp_path: Path, start: Any) -> None:
    whole = tmp_path / "whole"
    for folder in (tmp_path / "warm", whole):
        began = time.monotonic()
        first = start(folder)
        first.join()
        seconds = time.monotonic() - began
    expected = content(whole)
    notes = verify(whole, full=True)["notes"]
    rng, kills, runs, kept = random.Random(0), 0, 0, 0
    out = tmp_path / "out0"
    while kills < 50:
        process = start(out)
        process.join(rng.uniform(0, seconds / 2))
        if process.is_alive():
            process.kill()
            process.join()
            kills += 1
        if out.exists():
            manifest = verify(out)
            assert (content(out), manifest["notes"]) == (expected, notes)
            runs, kept = runs + 1, kept + manifest["kept_parts"]
            out = tmp_path / f"out{runs}"
    last = start(out)
    last.join()
    assert content(out) == expected
    assert verify(out, full=True)["counts"]["cells"]["kept"] == len(SampleStore(out / "crops.zarr"))
    assert kept or verify(out)["kept_parts"], "nothing was ever kept"
    hidden = {path.name for path in tmp_path.iterdir() if path.name.startswith(".")}
    assert hidden == set()
