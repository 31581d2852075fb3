"""A writer killed at any moment: nothing half under the final name, and the same result in the end."""

from __future__ import annotations

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
from tests.stores.kills import killed_again_and_again, starter

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


@pytest.mark.slow
def test_fifty_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    start = starter(make, "multiscope.stores.fields", "multiscope.stores.samples")
    last = killed_again_and_again(tmp_path, start, kills=50)
    assert verify(last, full=True)["counts"]["cells"]["kept"] == len(SampleStore(last / "crops.zarr"))
