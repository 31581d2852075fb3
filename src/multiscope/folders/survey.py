"""All stage folders below a folder: whole, damaged, or only half there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from multiscope.errors import InputError
from multiscope.folders.manifest import MANIFEST, verify

_PARTIAL = ".partial"
_DEPTH = 4
_MOST_FOLDERS = 2000


@dataclass(frozen=True)
class Finding:
    """What was found out about one stage folder."""

    folder: Path
    is_whole: bool
    line: str


def survey(top: Path, *, full: bool = False) -> Iterator[Finding]:
    """Check `top`, if it is a stage folder, else every one below it; the order is that of the names."""
    found = _folders(top, [])
    if not any(_is_stage(path) for path in found):
        found = [top]
    for folder in found:
        yield _check(folder, full=full)


def _is_stage(path: Path) -> bool:
    return path.name.endswith(_PARTIAL) or (path / MANIFEST).is_file()


def _check(folder: Path, *, full: bool) -> Finding:
    if folder.name.endswith(_PARTIAL):
        out = folder.with_name(folder.name[1:].removesuffix(_PARTIAL))
        line = f"{out}: half made by a job that was stopped, or is running; run its stage again, or delete {folder}"
        return Finding(folder, False, line)
    try:
        files = verify(folder, full=full)["files"]
    except InputError as error:
        return Finding(folder, False, str(error))
    size = sum(row["bytes"] for row in files) / 1e6
    how = "every sha256" if full else "names, sizes, zarr.json"
    return Finding(folder, True, f"{folder}: whole: {len(files)} files, {size:.1f} MB as the manifest says ({how})")


def _folders(folder: Path, visited: list[Path], depth: int = _DEPTH) -> list[Path]:
    """Stage folders, what a killed job left of one, and folders that hold results but no manifest."""
    entries = _entries(folder)
    if folder / MANIFEST in entries:
        return [folder]
    visited.append(folder)
    if len(visited) > _MOST_FOLDERS:
        raise InputError(f"{visited[0]}: has no manifest.json, and too many folders to look through; name a stage's")
    killed = [path for path in entries if path.name.startswith(".") and path.name.endswith(_PARTIAL) and path.is_dir()]
    shown = [path for path in entries if not path.name.startswith(".")]
    # `.state` folders hold the state of a training, which is no result
    below = [path for path in shown if path.is_dir() and path.suffix not in (".zarr", ".state")]
    found = [path for child in below if depth for path in _folders(child, visited, depth - 1)]
    holds_results = any(path.is_file() or path.suffix == ".zarr" for path in shown)
    if holds_results and not any(_is_stage(path) for path in found):
        found = [folder]
    return killed + found


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.is_symlink())
    except (NotADirectoryError, FileNotFoundError, PermissionError):
        return []
