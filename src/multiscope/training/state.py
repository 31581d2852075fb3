"""Training state beside a declared output: saved by rename, loaded only into the very run it came from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from multiscope.errors import InputError

_FILE = "state.pt"
_OURS = {_FILE, f"{_FILE}.partial", "history.jsonl", "epochs"}


class StateFolder:
    """The folder `<out>.state` of one training: latest state, history so far, one checkpoint an epoch."""

    def __init__(self, path: Path, *, fingerprint: str) -> None:
        """Open or create `path`; what another run left there (other fingerprint) is removed."""
        self.path = path
        self.fingerprint = fingerprint
        if path.is_dir() and (foreign := sorted({p.name for p in path.iterdir()} - _OURS)):
            raise InputError(
                f"{path}: holds '{foreign[0]}', which no training left; choose another folder for the state"
            )
        self.resumable = self._load()
        if self.resumable is None:
            shutil.rmtree(path, ignore_errors=True)
        (path / "epochs").mkdir(parents=True, exist_ok=True)

    @property
    def history(self) -> Path:
        """The history so far, JSON lines."""
        return self.path / "history.jsonl"

    @property
    def epochs(self) -> Path:
        """Folder of the checkpoints, one an epoch."""
        return self.path / "epochs"

    def save(self, state: dict[str, Any]) -> None:
        """Replace the saved state in one step; a kill at any moment leaves the old or the new one."""
        target, partial = self.path / _FILE, self.path / f"{_FILE}.partial"
        with partial.open("wb") as file:
            torch.save({"fingerprint": self.fingerprint, "state": state}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)

    def remove(self) -> None:
        """Forget everything: the finished output holds what matters."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _load(self) -> dict[str, Any] | None:
        target = self.path / _FILE
        if not target.is_file():
            return None
        try:
            saved = torch.load(target, map_location="cpu", weights_only=True)
        except Exception as error:  # torch.load raises many kinds on a damaged file
            raise InputError(f"{target}: cannot be read ({type(error).__name__}); delete it to start over") from None
        if saved.get("fingerprint") != self.fingerprint:
            return None
        state: dict[str, Any] = saved["state"]
        return state
