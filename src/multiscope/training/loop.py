"""The training loop used by every stage that trains: steps, epochs, history, checkpoints, resume, signals.

A run that was killed and started again ends with the weights of one that was not (CPU, same seed): everything random
is a function of (seed, step), and the saved state holds models, optimizers, averages and the open history row. Several
processes take the same steps, and the first of them writes.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from multiscope.errors import Interrupted
from multiscope.progress import Progress
from multiscope.training.order import seed_torch
from multiscope.training.ranks import ALONE, Ranks
from multiscope.training.state import StateFolder


class Stateful(Protocol):
    """Anything with a state: modules, optimizers, schedulers, averages."""

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102

    def load_state_dict(self, state: dict[str, Any], /) -> Any: ...  # noqa: D102


class Recipe(Protocol):
    """What one training does; the loop does the rest."""

    @property
    def stateful(self) -> Mapping[str, Stateful]:
        """Everything that must survive a kill, by name."""
        ...

    def step(self, step: int) -> dict[str, float]:
        """One update from the samples of `step`; returns the losses by name."""
        ...

    def end_epoch(self, epoch: int, checkpoints: Path) -> dict[str, float]:
        """After an epoch (1, 2, ...): write a checkpoint into `checkpoints`, return validation losses (or none)."""
        ...


@dataclass(frozen=True)
class Plan:
    """How long to train and what to call it."""

    what: str
    steps: int
    seed: int
    steps_per_epoch: int | None = None
    """Where epochs apply, each ends with validation, a checkpoint and a saved state."""
    log_every: int = 10
    """Steps averaged into one row of the history, where there are no epochs."""
    save_seconds: float = 20.0
    ranks: Ranks = ALONE
    """The processes that train together."""
    over: Callable[[], bool] = lambda: False
    """Whether training ends before its steps, asked before each of them."""


def train(recipe: Recipe, plan: Plan, folder: StateFolder) -> None:
    """Run `recipe` for the steps of `plan`, going on where `folder` left off; the history lands in `folder`."""
    start, window = _resume(recipe, plan, folder)
    saved_at = time.monotonic()
    progress = Progress(plan.what, total=plan.steps, start=start, shown=plan.ranks.is_first)
    with _stop_signals() as stop, progress:
        for step in range(start, plan.steps):
            if plan.over():
                break
            seed_torch(seed=plan.seed, step=step, rank=plan.ranks.number)
            window.add(recipe.step(step))
            progress.advance(window.last)
            last = step + 1 == plan.steps
            row_ends = last or (step + 1) % (plan.steps_per_epoch or plan.log_every) == 0
            if row_ends:
                _end_row(recipe, plan, folder, window, step + 1)
            stopped = plan.ranks.any(bool(stop))  # not all get the signal before the same step
            due = time.monotonic() - saved_at > plan.save_seconds or (row_ends and plan.steps_per_epoch)
            if due or stopped or last:
                _save(recipe, folder, window, step + 1)
                saved_at = time.monotonic()
            if stopped:
                plan.ranks.wait()  # srun and torchrun end the others when one has ended: not before it is saved
                name = signal.Signals(stop[0]).name if stop else "a signal to another process"
                raise Interrupted(
                    f"{plan.what}: stopped by {name} after step {step + 1}; run again to go on from there"
                )


class _Window:
    """Losses since the last row of the history."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.n = 0
        self.last: dict[str, float] = {}

    def add(self, losses: dict[str, float]) -> None:
        self.n += 1
        self.last = losses
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def clear(self) -> None:
        self.sums, self.n = {}, 0

    def means(self) -> dict[str, float]:
        return {name: total / self.n for name, total in self.sums.items()}


def _end_row(recipe: Recipe, plan: Plan, folder: StateFolder, window: _Window, step: int) -> None:
    row: dict[str, Any] = {"step": step, "split": "train", **window.means()}
    rows = [row]
    if plan.steps_per_epoch:
        row["epoch"] = epoch = step // plan.steps_per_epoch
        if validation := recipe.end_epoch(epoch, folder.epochs):
            rows.append({"step": step, "epoch": epoch, "split": "val", **validation})
    folder.append("".join(json.dumps(row) + "\n" for row in rows))
    window.clear()


def _save(recipe: Recipe, folder: StateFolder, window: _Window, step: int) -> None:
    if not folder.writes:
        return
    folder.save(
        {
            "step": step,
            "history_bytes": folder.history.stat().st_size if folder.history.exists() else 0,
            "window": {"sums": window.sums, "n": window.n},
            "torch_rng": torch.get_rng_state(),
            "parts": {name: part.state_dict() for name, part in recipe.stateful.items()},
        }
    )


def _resume(recipe: Recipe, plan: Plan, folder: StateFolder) -> tuple[int, _Window]:
    window, state = _Window(), plan.ranks.from_first(folder.resumable)
    if state is None:
        return 0, window
    for name, part in recipe.stateful.items():
        part.load_state_dict(state["parts"][name])
    torch.set_rng_state(state["torch_rng"])
    window.sums, window.n = dict(state["window"]["sums"]), int(state["window"]["n"])
    folder.cut(state["history_bytes"])  # rows written after the state was saved will be written again
    if plan.ranks.is_first:
        said = f"{plan.what}: resumed at step {state['step']} of {plan.steps} from {folder.path}"
        print(said, file=sys.stderr, flush=True)
    return int(state["step"]), window


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """A list that is filled when the job is told to stop (scancel, preemption, time limit)."""
    received: list[int] = []
    caught = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
    former = {number: signal.signal(number, lambda number, _: received.append(number)) for number in caught}
    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if received:  # too late to stop at a step: it is for what comes after the training
        signal.raise_signal(received[0])
