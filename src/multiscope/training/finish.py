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
    writes: bool = True,
    **machine: Any,
) -> StateFolder:
    """The state folder of this very run; with anything else changed, it starts anew.

    What of the `machine` decides over numbers is part of it: threads (sums of floats depend on how they are split),
    loading (the order of the samples).
    """
    digests = {name: digest_of(folder) for name, folder in inputs.items()}
    parts = {"stage": stage, "version": version, "config": config, "inputs": digests, "seed": seed, **machine}
    return StateFolder(path, fingerprint=fingerprint(**parts), writes=writes)


def keep_history(folder: StateFolder, out: Path) -> None:
    """Copy history and checkpoints, where there are any, into a stage's output."""
    files = [folder.history] if folder.history.is_file() else []
    for path in files + folder.checkpoints():
        target = out / path.relative_to(folder.path)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)
