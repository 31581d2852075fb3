"""What is finished in a folder that is being made: a job that was killed goes on from there.

A line is added only when its files are on disk, with their sizes and sha256. Who opens the journal again with the same
fingerprint finds the folder as the lines say: files that do not fit are redone, and so is all that no line names.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from multiscope.folders.disk import (
    FileRow,
    describe,
    is_silly,
    remove_folder,
    sha256,
    sync,
    sync_files,
    visible_files,
)

_FILE = ".journal"
_SCRATCH = ".scratch"


class Record(TypedDict):
    """A finished unit of work: its files, and what its maker wants to know when it is not made again."""

    name: str
    files: list[FileRow]
    facts: dict[str, Any]


class Unit:
    """A piece of a stage's work that is done once: ask `finished`, write below `path(...)`, set `facts`."""

    def __init__(self, folder: Path, facts: dict[str, Any] | None) -> None:
        """A unit in `folder`; finished if it has `facts`."""
        self._folder = folder
        self._paths: list[Path] = []
        self.finished = facts is not None
        self.facts: dict[str, Any] = facts or {}

    def path(self, name: str) -> Path:
        """The place of a file or folder that belongs to this unit, its parent made."""
        path = self._folder / name
        if path == self._folder or ".." in path.parts or not path.is_relative_to(self._folder):
            raise ValueError(f"'{name}' is not below {self._folder}")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._paths.append(path)
        return path

    def files(self) -> Iterator[Path]:
        """All files that were written for it."""
        for path in self._paths:
            yield from (p for p in ([path] if path.is_file() else sorted(path.rglob("*"))) if p.is_file())


class Journal:
    """The journal of `folder`; may be used from several threads."""

    def __init__(self, folder: Path, *, fingerprint: str) -> None:
        """Open `folder`, made if needed: with what a job of the same fingerprint finished in it, and nothing else."""
        self.folder = folder
        self._lock = threading.Lock()
        self._entered: set[str] = set()
        # as they were when they were hashed
        self._hashed: dict[Path, tuple[os.stat_result, FileRow]] = {}
        self._records: dict[str, Record] = {}
        self._fingerprint = fingerprint
        for record in read_records(folder, fingerprint=fingerprint):
            if not all(self._is_as_described(folder, row) for row in record["files"]):
                break
            self._remember(record)
            self._records[record["name"]] = record
        self.kept = len(self._records)
        self._tidy()

    @property
    def scratch(self) -> Path:
        """A folder for files that are needed until the stage is complete, and are not part of its result."""
        return self.folder / _SCRATCH

    def facts(self, start: str) -> list[dict[str, Any]]:
        """Facts of the finished units whose names begin with `start`, in the order in which they were finished."""
        return [record["facts"] for name, record in self._records.items() if name.startswith(start)]

    @contextmanager
    def unit(self, name: str) -> Iterator[Unit]:
        """A unit of work, finished when the context is left without an error, or found so when it is entered."""
        with self._lock:
            if name in self._entered:
                raise ValueError(f"the unit '{name}' was already made")
            self._entered.add(name)
            record = self._records.get(name)
        unit = Unit(self.folder, record["facts"] if record else None)
        yield unit
        if not unit.finished:
            unit.facts = self.finish(name, unit.files(), unit.facts)

    def finish(self, name: str, files: Iterable[Path], facts: dict[str, Any]) -> dict[str, Any]:
        """Write down that `files` are complete; the facts, as they will be read again."""
        files = list(files)
        sync_files(files, self.folder)
        record: Record = {"name": name, "files": [self.describe(path) for path in files], "facts": facts}
        line = json.dumps(record)
        with self._lock:
            self._records[name] = record
            self._append(line)
        facts = json.loads(line)["facts"]
        return facts

    def adopt(self, folder: Path, *, but: str) -> None:
        """Take over what another job of this fingerprint finished in `folder`, `but` one unit: its files come here.

        Damaged files, and those of a job that was killed in this, are not there any more then, for nobody.
        """
        for record in list(read_records(folder, fingerprint=self._fingerprint)):
            name, rows = record["name"], record["files"]
            if name == but or name in self._records or not all(self._is_as_described(folder, row) for row in rows):
                continue
            for row in rows:
                path = self.folder / row["path"]
                path.parent.mkdir(parents=True, exist_ok=True)
                (folder / row["path"]).replace(path)
            self._remember(record)
            self.finish(name, [self.folder / row["path"] for row in rows], record["facts"])

    def describe(self, path: Path) -> FileRow:
        """Size and sha256 of a file of the folder; hashed once unless it was changed."""
        row = self._known(path)
        if row is None:
            row = describe(path, self.folder)
            self._hashed[path] = (path.stat(), row)
        return row

    def describe_all(self) -> list[FileRow]:
        """All files of the folder that are part of the result, made durable."""
        files = list(visible_files(self.folder))
        sync_files((path for path in files if self._known(path) is None), self.folder)
        return [self.describe(path) for path in files]

    def _known(self, path: Path) -> FileRow | None:
        if path not in self._hashed:
            return None
        (then, row), now = self._hashed[path], path.stat()
        return row if _version(then) == _version(now) else None

    def close(self) -> None:
        """The folder is complete: remove the journal and what was needed till now."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        (self.folder / _FILE).unlink()

    def _is_as_described(self, folder: Path, row: FileRow) -> bool:
        path = folder / row["path"]
        return path.is_file() and path.stat().st_size == row["bytes"] and sha256(path) == row["sha256"]

    def _remember(self, record: Record) -> None:
        """That the files of a record are as it says."""
        for row in record["files"]:
            path = self.folder / row["path"]
            self._hashed[path] = (path.stat(), row)

    def _tidy(self) -> None:
        """Remove what no record names, and write the journal anew with those that are left."""
        if not self._records:
            remove_folder(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        named = {self.folder / row["path"] for record in self._records.values() for row in record["files"]}
        named |= {parent for path in named for parent in path.parents} | {self.folder / _FILE}
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path not in named:
                _remove(path)
        lines = [json.dumps(line) for line in (_header(self._fingerprint), *self._records.values())]
        fresh = self.folder / f"{_FILE}.new"
        fresh.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        sync(fresh)
        fresh.rename(self.folder / _FILE)
        sync(self.folder)

    def _append(self, line: str) -> None:
        # never made anew: without it the folder is no longer this job's
        with os.fdopen(os.open(self.folder / _FILE, os.O_WRONLY | os.O_APPEND), "a", encoding="utf-8") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())


def read_records(folder: Path, *, fingerprint: str) -> Iterator[Record]:
    """What a job of this fingerprint finished in `folder`, up to the first line that was not written whole."""
    try:
        lines = (folder / _FILE).read_bytes().splitlines(keepends=True)
        if not lines or json.loads(lines[0]) != _header(fingerprint):
            return
        for line in lines[1:]:
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)
    except (OSError, ValueError):
        return


def _header(fingerprint: str) -> dict[str, Any]:
    return {"journal": 1, "fingerprint": fingerprint}


def _version(found: os.stat_result) -> tuple[int, ...]:
    """What differs between two writings of a file, also where times are coarse: who writes anew makes a new inode."""
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _remove(path: Path) -> None:
    """Remove a file or an empty folder; what NFS keeps of an open file stays, and so does its folder."""
    try:
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    except OSError:
        if not is_silly(path) and not (path.is_dir() and any(map(is_silly, path.rglob("*")))):
            raise
