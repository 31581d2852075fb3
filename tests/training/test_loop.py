from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from multiscope.errors import InputError
from multiscope.training.loop import Interrupted, Plan, Stateful, train
from multiscope.training.state import StateFolder


class Line:
    """Fits a line to noisy points: one parameter, dropout-like noise, momentum."""

    def __init__(self, *, die_at: int | None = None, stop_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.net = torch.nn.Linear(1, 1)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.1)
        self.die_at, self.stop_at = die_at, stop_at

    @property
    def stateful(self) -> Mapping[str, Stateful]:
        return {"net": self.net, "optimizer": self.optimizer}

    def step(self, step: int) -> dict[str, float]:
        if step == self.die_at:
            raise RuntimeError("killed")
        if step == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        x = torch.rand(8, 1)
        loss = ((self.net(x) - 3 * x + torch.randn(8, 1)) ** 2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": float(loss.detach())}

    def end_epoch(self, epoch: int, checkpoints: Path) -> dict[str, float]:
        torch.save(self.net.state_dict(), checkpoints / f"{epoch}.pt")
        return {"weight": float(self.net.weight.detach())}


EPOCHS = Plan(what="line", steps=40, seed=3, steps_per_epoch=5)
EVERY_STEP = Plan(what="line", steps=40, seed=3, save_seconds=0.0)


def finished(folder: StateFolder, plan: Plan) -> tuple[torch.Tensor, str]:
    recipe = Line()
    train(recipe, plan, folder)
    return recipe.net.weight.detach(), folder.history.read_text()


@pytest.mark.parametrize("plan", [EPOCHS, EVERY_STEP])
@pytest.mark.parametrize("at", [1, 13, 39])
def test_killed_and_run_again_ends_as_one_that_was_not(tmp_path: Path, plan: Plan, at: int) -> None:
    expected = finished(StateFolder(tmp_path / "whole", fingerprint="x"), plan)
    with pytest.raises(RuntimeError, match="killed"):
        train(Line(die_at=at), plan, StateFolder(tmp_path / "cut", fingerprint="x"))
    found = finished(StateFolder(tmp_path / "cut", fingerprint="x"), plan)
    assert torch.equal(found[0], expected[0])
    assert found[1] == expected[1]


def test_a_stop_signal_saves_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = finished(StateFolder(tmp_path / "whole", fingerprint="x"), EPOCHS)
    with pytest.raises(Interrupted, match="stopped by SIGTERM after step 8; run again"):
        train(Line(stop_at=7), EPOCHS, StateFolder(tmp_path / "cut", fingerprint="x"))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    capsys.readouterr()
    found = finished(StateFolder(tmp_path / "cut", fingerprint="x"), EPOCHS)
    assert "resumed at step 8 of 40" in capsys.readouterr().err
    assert torch.equal(found[0], expected[0])


@pytest.mark.parametrize("plan", [EPOCHS, EVERY_STEP])
def test_a_signal_in_the_last_step_is_not_lost(tmp_path: Path, plan: Plan) -> None:
    expected = finished(StateFolder(tmp_path / "whole", fingerprint="x"), plan)
    with pytest.raises(Interrupted, match="stopped by SIGTERM after step 40; run again"):
        train(Line(stop_at=39), plan, StateFolder(tmp_path / "cut", fingerprint="x"))
    found = finished(StateFolder(tmp_path / "cut", fingerprint="x"), plan)
    assert torch.equal(found[0], expected[0]) and found[1] == expected[1]


def test_a_signal_after_the_last_step_is_for_what_comes_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[int] = []
    former = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    save = StateFolder.save

    def stopped(self: StateFolder, state: dict[str, Any]) -> None:
        save(self, state)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(StateFolder, "save", stopped)
    try:
        train(Line(), Plan(what="line", steps=3, seed=0), StateFolder(tmp_path, fingerprint="x"))
    finally:
        signal.signal(signal.SIGTERM, former)
    assert received == [signal.SIGTERM]


def test_another_fingerprint_starts_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished(StateFolder(tmp_path, fingerprint="x"), EPOCHS)
    assert StateFolder(tmp_path, fingerprint="x").resumable is not None
    assert StateFolder(tmp_path, fingerprint="y").resumable is None
    assert not (tmp_path / "state.pt").exists()


def test_history_has_a_row_an_epoch_and_a_checkpoint_each(tmp_path: Path) -> None:
    _, history = finished(StateFolder(tmp_path, fingerprint="x"), EPOCHS)
    rows = [json.loads(line) for line in history.splitlines()]
    assert [(row["epoch"], row["split"]) for row in rows] == [(e, s) for e in range(1, 9) for s in ("train", "val")]
    assert len(list((tmp_path / "epochs").iterdir())) == 8


@pytest.mark.parametrize("steps", [3, 10, 23])
def test_the_last_steps_have_a_row_too(tmp_path: Path, steps: int) -> None:
    _, history = finished(StateFolder(tmp_path, fingerprint="x"), Plan(what="line", steps=steps, seed=0))
    assert [json.loads(line)["step"] for line in history.splitlines()][-1] == steps


def test_a_damaged_state_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"not a state")
    with pytest.raises(InputError, match=r"state\.pt: cannot be read .* delete it to start over"):
        StateFolder(tmp_path, fingerprint="x")


def test_a_state_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, (f"touch {tmp_path / 'owned'}",)

    torch.save(Evil(), tmp_path / "state.pt")
    with pytest.raises(InputError):
        StateFolder(tmp_path, fingerprint="x")
    assert not (tmp_path / "owned").exists()
