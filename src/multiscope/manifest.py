"""Stage folders: built beside their place, described by `manifest.json`, renamed into it, checked when opened.

Zarr answers a missing or truncated shard with zeros, and Snakemake sees only the folder, so the manifest is what makes
a stage's output trustworthy: it lists every file with its size and sha256, and is written last.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from multiscope.errors import InputError

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
_PACKAGES = ("multiscope", "numpy", "torch", "torchvision", "zarr", "tensorstore", "scikit-image", "scikit-learn")


@dataclass
class StageRun:
    """A stage folder being made: write into `path`, say what was counted and noted."""

    path: Path
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

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
    """Build the folder `out` beside its place and rename it there with its manifest, or leave nothing behind.

    Enter it before the work begins: the manifest's wall time is that of the body. `inputs` are stage folders (known by
    the digest in their manifest) or foreign files and folders (hashed).
    """
    started = time.monotonic()
    _refuse_to_replace(out)
    digests = {name: digest_of(path) for name, path in sorted(inputs.items())}
    for name, path in inputs.items():
        print(f"{stage}: reads {name} from {path}", file=sys.stderr, flush=True)
    # one job owns an output, so what another one left here was killed
    building = out.parent / f".{out.name}.partial"
    try:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        run = StageRun(building)
        yield run
        files = _describe_files(building)
        seconds = time.monotonic() - started
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "stage": stage,
            "stage_version": version,
            "config": dict(config),
            "seed": seed,
            "inputs": digests,
            "counts": run.counts,
            "notes": run.notes,
            "packages": _versions(),
            "device": device,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "wall_seconds": round(seconds, 3),
            "digest": _content_digest(files),
            "files": files,
        }
        _write_synced(building / MANIFEST, json.dumps(manifest, indent=1))
        _move_into_place(building, out)
        size = sum(row["bytes"] for row in files) / 1e6
        print(f"{stage}: wrote {out}: {len(files)} files, {size:.1f} MB, {seconds:.0f} s", file=sys.stderr, flush=True)
    except Exception as error:
        fault = full_disk(error)
        if fault is None:
            raise
        raise InputError(
            f"{out.parent}: the disk is full ({fault}); free space or choose another place, then run again"
        ) from None
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _refuse_to_replace(out: Path) -> None:
    """Only what a stage made is replaced: an option mistyped must not cost somebody's images."""
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

    Always: every listed file is there with its size, and no other. With `full`, every sha256 too. With `made_by`, that
    one of these stages made it.
    """
    manifest = read_manifest(folder)
    if made_by and manifest["stage"] not in made_by:
        raise InputError(
            f"{folder}: was made by '{manifest['stage']}'; expected a folder made by {' or '.join(made_by)}"
        )
    listed = {row["path"]: row for row in manifest["files"]}
    present = {path.relative_to(folder).as_posix(): path for path in _files_below(folder)}
    for name in sorted(listed.keys() | present.keys()):
        if name not in present:
            fault = "is missing"
        elif name not in listed:
            fault = "is not in the manifest"
        elif present[name].stat().st_size != listed[name]["bytes"]:
            fault = f"has {present[name].stat().st_size} bytes, expected {listed[name]['bytes']}"
        elif full and _sha256(present[name]) != listed[name]["sha256"]:
            fault = "has another sha256 than the manifest"
        else:
            continue
        raise InputError(f"{folder}: damaged: {name} {fault}; delete the folder and run the stage again")
    return manifest


def digest_of(path: Path) -> str:
    """Digest of an input: a stage folder's own, or sha256 over a foreign file or over the files of a folder."""
    if _is_stage_folder(path):
        return str(verify(path)["digest"])
    if path.is_file():
        return _sha256(path)
    if path.is_dir():
        return _content_digest(_describe_files(path))
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


def full_disk(error: BaseException | None) -> str | None:
    """How the system says that there is no room, if that is what `error` is about."""
    while error is not None:
        for number in (errno.ENOSPC, errno.EDQUOT):
            # tensorstore, pyarrow and safetensors say it in the text of errors of other kinds
            if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
                return os.strerror(number)
        error = error.__context__  # torch stumbles over its own clean-up
    return None


def _files_below(folder: Path) -> Iterator[Path]:
    # Snakemake leaves a time stamp in the folder, file systems leave .nfs*: hidden files at the top are not ours
    for path in sorted(folder.rglob("*")):
        top = path.relative_to(folder).parts[0]
        if path.is_file() and not top.startswith(".") and path != folder / MANIFEST:
            yield path


def _describe_files(folder: Path) -> list[dict[str, Any]]:
    return [
        {"path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in _files_below(folder)
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content_digest(files: list[dict[str, Any]]) -> str:
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


def _write_synced(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _move_into_place(building: Path, out: Path) -> None:
    """Rename over a former result, which stays until the new one is complete."""
    former = out.parent / f".{out.name}.former"
    if out.exists():
        shutil.rmtree(former, ignore_errors=True)
        out.rename(former)
    building.rename(out)
    shutil.rmtree(former, ignore_errors=True)
    directory = os.open(out.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
