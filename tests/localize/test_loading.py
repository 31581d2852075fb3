"""Training fed by threads, in blocks, from a local copy: the same run, or another one that says so."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from multiscope import cli
from multiscope.config import DeepLoc, as_json
from multiscope.data.crops import Crops
from multiscope.errors import InputError, Interrupted
from multiscope.localize import recipe, stage
from multiscope.localize.draw import draw_of
from multiscope.localize.encoders.deeploc import DeepLocRecipe
from multiscope.localize.stage import run
from multiscope.localize.task import Task
from multiscope.stores.samples import SampleStore
from multiscope.training.loop import Plan
from tests.conftest import assert_same_run, die_at

NET = DeepLoc(model="deeploc", width=0.0625, dense=16, epochs=3, batch_size=4, symmetry="all", draw="balanced")


def train(crops: Path, out: Path, config: DeepLoc = NET, **how: Any) -> Path:
    run(crops=crops, out=out, state=out.with_suffix(".state"), encoder="x", config=config, seed=0, device="cpu", **how)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]
    return out


def same_weights(first: Path, second: Path) -> bool:
    weights, others = (load_file(folder / "model.safetensors") for folder in (first, second))
    return all(torch.equal(weights[name], others[name]) for name in weights)


@pytest.fixture(scope="module")
def whole(tiny_crops: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("whole")
    return {mode: train(tiny_crops, folder / mode, loading=mode) for mode in ("random", "stream")}


@pytest.mark.parametrize("readers", [0, 2])
@pytest.mark.parametrize("mode", ["random", "stream"])
def test_readers_change_no_number(
    whole: dict[str, Path], tiny_crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, readers: int
) -> None:
    monkeypatch.setattr(stage, "Task", partial(Task, readers=readers))
    assert_same_run(whole[mode], train(tiny_crops, tmp_path / "out", loading=mode))


@pytest.mark.parametrize("mode", ["random", "stream"])
def test_killed_in_the_middle_of_an_epoch_and_run_again(
    whole: dict[str, Path], tiny_crops: Path, tmp_path: Path, mode: str
) -> None:
    out = tmp_path / "out"
    epoch_ends = [json.loads(line)["step"] for line in (whole[mode] / "history.jsonl").read_text().splitlines()]
    middle = min(epoch_ends) + 1
    with pytest.MonkeyPatch.context() as killing:
        killing.setattr(recipe, "Plan", partial(Plan, save_seconds=0.0))
        die_at(killing, DeepLocRecipe, step=middle)
        with pytest.raises(RuntimeError, match="killed"):
            train(tiny_crops, out, loading=mode)
    saved = torch.load(out.with_suffix(".state") / "state.pt", weights_only=True)["state"]
    assert saved["step"] == middle and middle not in epoch_ends
    assert_same_run(whole[mode], train(tiny_crops, out, loading=mode))


def test_a_stop_ends_the_threads_and_the_run_goes_on(
    whole: dict[str, Path], tiny_crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = DeepLocRecipe.step

    def stopping(self: DeepLocRecipe, number: int) -> dict[str, float]:
        if number == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, number)

    with monkeypatch.context() as patched:
        patched.setattr(DeepLocRecipe, "step", stopping)
        with pytest.raises(Interrupted, match="stopped by SIGTERM after step 5"):
            train(tiny_crops, tmp_path / "out")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]
    assert_same_run(whole["random"], train(tiny_crops, tmp_path / "out"))


def test_a_state_is_of_one_order_of_reading(
    whole: dict[str, Path], tiny_crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    with pytest.MonkeyPatch.context() as killing:
        die_at(killing, DeepLocRecipe, step=4)
        with pytest.raises(RuntimeError, match="killed"):
            train(tiny_crops, out, loading="random")
    train(tiny_crops, out, loading="stream")
    assert "resumed" not in capsys.readouterr().err
    assert_same_run(whole["stream"], out)
    assert not same_weights(whole["random"], whole["stream"])
    notes = json.loads((out / "manifest.json").read_text())["notes"]
    assert notes["loading"] == "stream"


def test_the_command_reads_a_local_copy_and_takes_the_mode_from_the_environment(
    whole: dict[str, Path], tiny_crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch, read_from = tmp_path / "scratch", set()
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    take = SampleStore.take

    def watched(self: SampleStore, *arguments: Any) -> Any:
        read_from.add(self.path.parent.parent)
        return take(self, *arguments)

    monkeypatch.setattr(SampleStore, "take", watched)
    monkeypatch.setenv("MULTISCOPE_LOADING", "stream")
    monkeypatch.setenv("MULTISCOPE_LOCAL_COPY", "1")
    out = tmp_path / "out"
    words = f"localize --crops {tiny_crops} --out {out} --encoder x --seed 0 --device cpu --config".split()
    monkeypatch.setattr("sys.argv", ["multiscope", *words, as_json(NET)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert_same_run(whole["stream"], out)
    assert read_from == {scratch}
    assert list(scratch.iterdir()) == []


def test_damage_that_a_reading_thread_finds_is_one_line(
    tiny_crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(self: SampleStore, *arguments: Any) -> None:
        raise InputError(f"{self.path}/image: damaged: c.0.0.0.0; make the store again")

    monkeypatch.setattr(SampleStore, "take", damaged)
    with pytest.raises(InputError, match=r"crops.zarr/image: damaged: c\.0\.0\.0\.0; make the store again"):
        train(tiny_crops, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"draw": "balanced", "draw_by": "clinic"}, "has no column 'clinic' for draw_by; it has cell_id, "),
        ({"draw": "balanced", "draw_by": "plate"}, r"column 'plate' is empty for \d+ training cell\(s\); fill it in"),
        (
            {"draw": "weighted", "draw_by": "protein"},
            "column 'protein' cannot weigh cells; expected a number from 0 on",
        ),
        ({"draw": "weighted", "draw_by": "weight"}, "column 'weight' cannot weigh cells"),
    ],
)
def test_a_column_that_cannot_be_drawn_by_is_an_error(tiny_crops: Path, settings: dict[str, Any], fault: str) -> None:
    crops = Crops(tiny_crops)
    crops.table = crops.table.assign(plate="", weight=-1.0)
    rows = np.arange(len(crops.table))
    with pytest.raises(InputError, match=fault):
        draw_of(NET.model_copy(update=settings), crops, rows)


def test_cells_are_drawn_by_the_column(tiny_crops: Path) -> None:
    crops = Crops(tiny_crops)
    rows = np.flatnonzero(crops.table["split"] == "train")
    crops.table["weight"] = (crops.table["localization"] == "nucleus").astype(float)
    rng = np.random.default_rng(0)
    weighted = NET.model_copy(update={"draw": "weighted", "draw_by": "weight"})
    drawn = rows[draw_of(weighted, crops, rows)(rng)]
    assert set(crops.table["localization"].iloc[drawn]) == {"nucleus"}
    by_protein = NET.model_copy(update={"draw": "balanced", "draw_by": "protein"})
    drawn = rows[draw_of(by_protein, crops, rows)(rng)]
    counts = crops.table["protein"].iloc[drawn].value_counts()
    assert len(drawn) == len(rows) and counts.max() - counts.min() <= 1
    assert len(counts) == crops.table["protein"].iloc[rows].nunique()
