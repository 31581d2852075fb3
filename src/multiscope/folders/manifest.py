"""Stage folders: built beside their place, described by `manifest.json`, renamed into it, checked when opened.

Zarr answers a missing or truncated shard with zeros, and Snakemake sees only the folder, so the manifest is what makes
a stage's output trustworthy: it lists every file with its size and sha256, and is written last. A job that is killed
leaves the folder where it was built, with a journal of what is finished; the same job started again goes on from there.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import itertools
import json
import platform
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from multiscope.errors import InputError, Interrupted
from multiscope.folders.disk import (
    FileRow,
    describe,
    foreign_files,
    full_disk,
    remove_folder,
    sha256,
    sync,
    visible_files,
    where_full,
    write_synced,
)
from multiscope.folders.journal import Journal, Unit
from multiscope.folders.lock import Lock

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
_SAID = 8
_PACKAGES = ("multiscope", "numpy", "torch", "torchvision", "zarr", "tensorstore", "scikit-image", "scikit-learn")
# the job was stopped or the machine had not enough of something: what is finished is right, and is kept
_STOPS = (KeyboardInterrupt, SystemExit, Interrupted, MemoryError, OSError)


@dataclass
class StageRun:
    """A stage folder being made: write into `path`, say what was counted and noted.

    Work in units and through `journal` is kept when the job is killed; what else was written is made again.
    """

    path: Path
    journal: Journal
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def unit(self, name: str) -> AbstractContextManager[Unit]:
        """A piece of work that is not done again after a restart, if its context was left without an error.

        ```
        with made.unit("field 1") as unit:
            if not unit.finished:
                write_field(unit.path("clean.zarr/1"), image)
                unit.facts = {"n_cells": 5}
        ```
        All that is written below `unit.path(...)` belongs to it. Facts are JSON values and come back as they were set.
        """
        return self.journal.unit(name)

    def count(self, what: str, kept: int, dropped: Mapping[str, int] | None = None) -> None:
        """Record how many of `what` were kept, and how many dropped for which reason."""
        self.counts[what] = {"kept": int(kept), "dropped": {k: int(v) for k, v in (dropped or {}).items()}}

    def note(self, key: str, value: Any) -> None:
        """Record a fact about this run, any JSON value."""
        self.notes[key] = value


@contextmanager
def stage_output(
    out: Path,
    *,
    stage: str,
    version: int,
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    seed: int | None = None,
    device: str = "cpu",
) -> Iterator[StageRun]:
    """Build the folder `out` beside its place and rename it there with its manifest.

    Enter it before the work begins: the manifest's wall time is that of the body. `inputs` are stage folders (known by
    the digest in their manifest) or foreign files and folders (hashed). Bad input and any other error leave nothing
    behind. A job that is killed or stopped, or that lacks disk or memory, leaves its finished units in `.NAME.partial`;
    they are kept if stage, version, config, inputs, seed, device and packages are the same the next time, else removed.
    """
    started = time.monotonic()
    out = place_of(out, stage)
    run = describe_run(stage=stage, version=version, config=config, inputs=inputs, seed=seed, device=device)
    with complete_output(out, run, started=started) as made:
        yield made


def describe_run(
    *,
    stage: str,
    version: int,
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    seed: int | None = None,
    device: str = "cpu",
) -> dict[str, Any]:
    """What the manifest says of a run before it begins: with anything of it changed, it is another one."""
    described = {
        "stage": stage,
        "stage_version": version,
        "config": dict(config),
        "seed": seed,
        "inputs": {name: digest_of(path) for name, path in sorted(inputs.items())},
        "packages": _versions(),
        "device": device,
    }
    for name, path in itertools.islice(inputs.items(), _SAID):
        say(f"{stage}: reads {name} from {path}")
    if len(inputs) > _SAID:
        say(f"{stage}: reads {len(inputs) - _SAID} more inputs; the manifest lists them")
    return described


@contextmanager
def complete_output(out: Path, described: dict[str, Any], *, started: float | None = None) -> Iterator[StageRun]:
    """Build the folder `out`, whose place was looked at, for a run that is `described`; see `stage_output`."""
    with Lock(out) as lock, locked_output(out, lock, described, started=started) as made:
        yield made


@contextmanager
def locked_output(
    out: Path, lock: Lock, described: dict[str, Any], *, started: float | None = None
) -> Iterator[StageRun]:
    """The same for the job that has the `lock` already."""
    started, stage = time.monotonic() if started is None else started, described["stage"]
    with building(out, fingerprint(**described)) as journal:
        if journal.kept:
            say(f"{stage}: goes on with {journal.kept} finished parts of a job that was stopped")
        run = StageRun(journal.folder, journal)
        yield run
        files = journal.describe_all()
        seconds = time.monotonic() - started
        manifest = {
            "schema_version": SCHEMA_VERSION,
            **described,
            "counts": run.counts,
            "notes": run.notes,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "wall_seconds": round(seconds, 3),
            "kept_parts": journal.kept,
            "digest": _content_digest(files),
            "files": files,
        }
        write_synced(journal.folder / MANIFEST, json.dumps(manifest, indent=1))
        journal.close()
        lock.confirm()
        _move_into_place(journal.folder, out)
        size = sum(row["bytes"] for row in files) / 1e6
        say(f"{stage}: wrote {out}: {len(files)} files, {size:.1f} MB, {seconds:.0f} s")


@contextmanager
def building(out: Path, fingerprint: str) -> Iterator[Journal]:
    """The folder beside `out` with what a killed job finished in it; kept when stopped, removed when in error."""
    folder = out.parent / f".{out.name}.partial"
    _bring_back(out)
    journal = None
    try:
        journal = Journal(folder, fingerprint=fingerprint)
        yield journal
    except BaseException as error:
        fault = full_disk(error)
        # stopped while the journal was opened (the disk may still be full), what was finished before is there
        finished = folder.exists() if journal is None else bool(journal.facts(""))
        kept = finished and (isinstance(error, _STOPS) or fault is not None)
        where = where_full(out.parent) if fault is not None else ""
        if not kept:
            remove_folder(folder)
        if fault is None:
            raise
        what = [f"what is finished is kept in {folder}"] if kept else []
        advice = "; ".join([*what, *getattr(error, "__notes__", []), "free space or choose another place, then run"])
        raise InputError(f"{where} ({fault}); {advice} again") from None


def _bring_back(out: Path) -> None:
    """Put a former result in its place, if a job was killed between the two renames that replace it."""
    former = _former(out)
    if not former.exists() or out.exists():
        return
    try:
        verify(former)
    except InputError:  # killed while it was removed
        remove_folder(former)
    else:
        former.rename(out)


def is_made(out: Path, described: Mapping[str, Any]) -> bool:
    """Whether `out` is what a run that is so `described` makes."""
    try:
        manifest = read_manifest(out)
    except InputError:
        return False
    return fingerprint(**{key: manifest.get(key) for key in described}) == fingerprint(**described)


def place_of(out: Path, stage: str) -> Path:
    """Where `out` is to be made: where a link leads to, so that what is built beside it is on the same disk.

    A place that holds what this stage did not make is an `InputError`.
    """
    place = out.resolve() if out.is_symlink() else out
    if place.is_mount():
        raise InputError(f"{out}: is where a disk is mounted, and cannot be replaced; name a folder below it")
    _refuse_to_replace(place, stage)
    return place


def _former(out: Path) -> Path:
    return out.parent / f".{out.name}.former"


def say(line: str) -> None:
    """Print a line on stderr."""
    with suppress(OSError):  # a log that cannot be written costs no result
        print(line, file=sys.stderr, flush=True)


def _refuse_to_replace(out: Path, stage: str) -> None:
    """Only what the same stage made is replaced: an option mistyped must not cost somebody's images or trainings."""
    if (out / MANIFEST).is_file() and (made_by := read_manifest(out)["stage"]) != stage:
        raise InputError(f"{out}: was made by '{made_by}', not by '{stage}'; choose another place, or remove it first")
    if out.is_dir() and not (out / MANIFEST).is_file() and any(not p.name.startswith(".") for p in out.iterdir()):
        raise InputError(f"{out}: holds files that no stage made; choose another place, or empty it first")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; choose another place for the stage's folder")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a stage folder; a folder without one is not a finished stage."""
    path = folder / MANIFEST
    if not path.is_file():
        what = "has no manifest.json: it is not a finished stage" if folder.is_dir() else "does not exist"
        raise InputError(f"{folder}: {what}; run the stage that makes it (again)")
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        is_ours = {"digest", "stage", "notes"} <= manifest.keys() and all(map(_is_file_row, manifest["files"]))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        is_ours = False
    if not is_ours:
        raise InputError(f"{path}: is not a multiscope manifest; run the stage that makes it again")
    return manifest


def _is_file_row(row: Any) -> bool:
    kinds = {"path": str, "bytes": int, "sha256": str}
    return isinstance(row, dict) and all(isinstance(row.get(key), kind) for key, kind in kinds.items())


def verify(folder: Path, *, made_by: Collection[str] = (), full: bool = False) -> dict[str, Any]:
    """Check a stage folder against its manifest and return it.

    Always: every listed file is there with its size, and no other; and the sha256 of each `zarr.json`, which says how
    the files beside it are to be read. With `full`, every sha256. With `made_by`, that one of these stages made it.
    """
    manifest = read_manifest(folder)
    if made_by and manifest["stage"] not in made_by:
        raise InputError(
            f"{folder}: was made by '{manifest['stage']}'; expected a folder made by {' or '.join(made_by)}"
        )
    listed: dict[str, FileRow] = {row["path"]: row for row in manifest["files"]}
    present = {path.relative_to(folder).as_posix(): path for path in _files_below(folder)}
    for name in sorted(listed.keys() | present.keys()):
        fault = _fault(listed.get(name), present.get(name), hashed=full or name.endswith("zarr.json"))
        if fault:
            raise InputError(f"{folder}: damaged: {name} {fault}; delete the folder and run the stage again")
    return manifest


def _fault(row: FileRow | None, path: Path | None, *, hashed: bool) -> str | None:
    if path is None:
        return "is missing"
    if row is None:
        return "is not in the manifest"
    if path.stat().st_size != row["bytes"]:
        return f"has {path.stat().st_size} bytes, expected {row['bytes']}"
    if hashed and sha256(path) != row["sha256"]:
        return "has another sha256 than the manifest"
    return None


def digest_of(path: Path) -> str:
    """Digest of an input: a stage folder's own, or sha256 over a foreign file or over the files of a folder."""
    if _is_stage_folder(path):
        return str(verify(path)["digest"])
    if path.is_file():
        return sha256(path)
    if path.is_dir():
        return _content_digest([describe(file, path) for file in foreign_files(path)])
    raise InputError(f"{path}: does not exist; name an existing file or folder")


def expect_same_input(folder: Path, manifest: Mapping[str, Any], name: str, other: Path, digest: str) -> None:
    """Refuse `folder` where its input `name` was not `other`, whose digest is given: two runs would be mixed."""
    if manifest.get("inputs", {}).get(name) != digest:
        raise InputError(
            f"{folder}: was not made from {other}; make it again from there, or name the folder it came from"
        )


def _is_stage_folder(path: Path) -> bool:
    """Whether the manifest in `path` is ours; people have files of that name too."""
    try:
        read_manifest(path)
    except InputError:
        return False
    return True


def fingerprint(**parts: object) -> str:
    """A short hash of JSON-able parts, to tell whether saved state belongs to this very run."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _files_below(folder: Path) -> Iterator[Path]:
    return (path for path in visible_files(folder) if path != folder / MANIFEST)


def _content_digest(files: list[FileRow]) -> str:
    rows = "".join(f"{row['sha256']} {row['path']}\n" for row in files)
    return hashlib.sha256(rows.encode()).hexdigest()


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _move_into_place(building: Path, out: Path) -> None:
    """Rename over a former result, which stays until the new one is complete, and comes back if that fails."""
    former = _former(out)
    sync(building)
    if out.exists():
        remove_folder(former)
        out.rename(former)
    try:
        building.rename(out)
    except BaseException:
        if former.exists() and not out.exists():
            former.rename(out)
        raise
    sync(out.parent)
    remove_folder(former)
