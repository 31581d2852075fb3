"""Training state beside a declared output: saved by rename, loaded only into the very run it came from."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from multiscope.errors import InputError
from multiscope.folders.disk import full_disk, is_silly, remove_folder, sync, sync_files

_FILE = "state.pt"
_OURS = {_FILE, f"{_FILE}.partial", "history.jsonl", "epochs"}


class StateFolder:
    """The folder `<out>.state` of one training: latest state, history so far, one checkpoint an epoch."""

    def __init__(self, path: Path, *, fingerprint: str, writes: bool = True) -> None:
        """Open or create `path`; what another run left there (other fingerprint) is removed.

        One process `writes`; others of the same training leave it alone, and are told what there is.
        """
        self.path = path
        self.fingerprint = fingerprint
        self.writes = writes
        self.resumable: dict[str, Any] | None = None
        self._durable: set[Path] = set()
        if not writes:
            return
        if path.is_dir() and (foreign := sorted({p.name for p in path.iterdir() if not is_silly(p)} - _OURS)):
            raise InputError(
                f"{path}: holds '{foreign[0]}', which no training left; choose another folder for the state"
            )
        self.resumable = self._load()
        if self.resumable is None:
            self.remove()
        self.epochs.mkdir(parents=True, exist_ok=True)

    @property
    def history(self) -> Path:
        """The history so far, JSON lines."""
        return self.path / "history.jsonl"

    @property
    def epochs(self) -> Path:
        """Folder of the checkpoints, one an epoch."""
        return self.path / "epochs"

    def append(self, rows: str) -> None:
        """Add lines to the history."""
        if self.writes:
            with self.history.open("a", encoding="utf-8") as file:
                file.write(rows)

    def cut(self, n_bytes: int) -> None:
        """Take from the history what is beyond its first bytes."""
        if self.writes and self.history.exists():
            with self.history.open("r+b") as file:
                file.truncate(n_bytes)

    def checkpoints(self) -> list[Path]:
        """The checkpoints there are, in the order of their names."""
        return sorted(path for path in self.epochs.iterdir() if not is_silly(path))

    def save(self, state: dict[str, Any]) -> None:
        """Replace the saved state in one step; a kill, or a full disk, at any moment leaves the old or the new one.

        What it goes on from, history and checkpoints, is on disk before it.
        """
        beside = [self.history] if self.history.exists() else []
        beside += self.checkpoints()
        sync_files((path for path in beside if path == self.history or path not in self._durable), self.path)
        self._durable.update(beside)
        sizes = {path.relative_to(self.path).as_posix(): path.stat().st_size for path in beside}
        saved = {"fingerprint": self.fingerprint, "beside": sizes, "state": state}
        target, partial = self.path / _FILE, self.path / f"{_FILE}.partial"
        try:
            with partial.open("wb") as file:
                torch.save(saved, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except Exception as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            if full_disk(error) and target.exists():
                error.add_note(f"the state of the training that was saved before is kept in {self.path}")
            raise
        sync(self.path)

    def remove(self) -> None:
        """Forget everything: the finished output holds what matters. What goes on from the rest goes first."""
        (self.path / _FILE).unlink(missing_ok=True)
        remove_folder(self.path)

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
        for name, size in saved.get("beside", {}).items():
            path = self.path / name
            # what was appended to the history after the state is written again
            if not path.is_file() or path.stat().st_size < size:
                raise InputError(f"{path}: is missing or cut off, and the training goes on from it; delete {target}")
        state: dict[str, Any] = saved["state"]
        return state
