"""Stage folders and tables as the report reads them; what does not fit is an `InputError`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from multiscope.errors import InputError
from multiscope.folders import manifest

_MOST_BYTES = 64 * 2**20
_NAMED_BY = {
    "data": "dataset",
    "restore": "method",
    "trust": "method",
    "segment": "dataset",
    "crop": "source",
    "localize": "encoder",
    "embed": "encoder",
}


@dataclass(frozen=True)
class Folder:
    """A finished stage folder and its manifest."""

    path: Path
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        """What was made, e.g. `cgan` for `restore/cgan/seed0`, `screen` for `data/screen`."""
        noted = self.notes.get(_NAMED_BY.get(self.stage, ""))
        return str(noted or (self.path.parent.name if self.path.name.startswith("seed") else self.path.name))

    @property
    def stage(self) -> str:
        """The stage that made it."""
        return str(self.manifest["stage"])

    @property
    def seed(self) -> int | None:
        """Seed of the run, where it has one."""
        return self.manifest.get("seed")

    @property
    def notes(self) -> dict[str, Any]:
        """Facts the stage recorded."""
        return dict(self.manifest.get("notes", {}))


def open_folders(paths: Sequence[Path]) -> list[Folder]:
    """Open stage folders in the order of their seeds, each checked against its manifest."""
    folders = [Folder(Path(path).absolute(), manifest.verify(Path(path))) for path in paths]
    return sorted(folders, key=lambda folder: -1 if folder.seed is None else folder.seed)


def table_in(path: Path, name: str) -> Path:
    """The table `name` in a folder, or `path` itself where it is the file."""
    return path / name if path.is_dir() else path


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A Parquet table that has at least `columns`."""
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as Parquet ({' '.join(str(error).split())[:200]}); run its stage again"
        ) from None
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"{path}: has no column {', '.join(missing)}; run the stage that makes it again")
    return table


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is no such file."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(_read_text(path))
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{path}: is not a JSON object; run the stage that makes it again")
    return found


def read_history(path: Path) -> pd.DataFrame:
    """Rows of a `history.jsonl`, one JSON object a line; no rows where there is no such file."""
    if not path.is_file():
        return pd.DataFrame()
    rows = []
    for line_number, line in enumerate(_read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            row = None
        if not isinstance(row, dict):
            raise InputError(f"{path}: line {line_number} is not a JSON object; run the stage that makes it again")
        rows.append(row)
    return pd.DataFrame(rows)


def child(folder: Path, name: str) -> Path:
    """`folder / name` for a name or path that came from a table; one that leads elsewhere is an `InputError`."""
    if name.startswith("/") or any(part in ("", ".", "..") for part in name.split("/")) or "\0" in name:
        raise InputError(f"{folder}: '{name}' cannot be a name in it; run the stage that makes it again")
    return folder / name


def _read_text(path: Path) -> str:
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{path}: is larger than {_MOST_BYTES // 2**20} MiB, which no stage writes; make it again")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text; run the stage that makes it again") from None
