"""Opening the state of a training and keeping what it leaves: shared by the stages that train."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multiscope.folders.manifest import digest_of, fingerprint
from multiscope.training.state import StateFolder


def open_state(
    path: Path,
    *,
    stage: str,
    version: int,
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    seed: int,
    **machine: Any,
) -> StateFolder:
    """The state folder of this very run; with anything else changed, it starts anew.

    What of the `machine` decides over numbers is part of it: threads (sums of floats depend on how they are split),
    loading (the order of the samples).
    """
    digests = {name: digest_of(folder) for name, folder in inputs.items()}
    parts = {"stage": stage, "version": version, "config": config, "inputs": digests, "seed": seed, **machine}
    return StateFolder(path, fingerprint=fingerprint(**parts))


def keep_history(folder: StateFolder, out: Path) -> None:
    """Copy history and checkpoints, where there are any, into a stage's output."""
    if folder.history.is_file():
        shutil.copyfile(folder.history, out / "history.jsonl")
    if any(folder.epochs.iterdir()):
        shutil.copytree(folder.epochs, out / "epochs")
