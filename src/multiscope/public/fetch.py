"""`multiscope data fetch`: a data set by name, whole and with its licence, into a folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from multiscope.errors import InputError
from multiscope.public.download import Cache, today
from multiscope.public.registry import SHA256, Dataset, RemoteFile, dataset, datasets
from multiscope.public.unpack import unpack

RECORD = "fetched.yaml"


def listing() -> str:
    """What can be fetched, one data set a paragraph."""
    return "\n\n".join(
        f"{name}  ({found.size}; {found.license}{'' if found.is_known else '; sha256 not known'})\n  {found.what}"
        for name, found in sorted(datasets().items())
    )


def fetch(
    name: str, *, to: Path, mirror: str | None = None, sha256: str | None = None, trust_on_first_use: bool = False
) -> None:
    """Put the data set `name` into the folder `to`, archives unpacked, with a record of what it is in `fetched.yaml`.

    A folder that is complete is left as it is. `mirror` is a base address, or a folder, that has the files by their
    names.
    """
    wanted = dataset(name)
    print(f"{name}: {wanted.what}\nlicence: {wanted.license}\nplease cite: {wanted.citation}", flush=True)
    if wanted.remark:
        print(f"remark: {wanted.remark}", flush=True)
    unknown = [file for file in wanted.files if file.sha256 is None]
    if sha256 is not None and len(unknown or wanted.files) != 1:
        raise InputError(f"{name}: consists of several files; expected one, to be compared with --sha256: leave it out")
    if _is_complete(to, name, wanted, sha256):
        print(f"{to}: is complete")
        return
    if sha256 is not None and not SHA256.fullmatch(sha256):
        raise InputError(f"--sha256 {ascii(sha256)[:80]}: expected 64 hexadecimal digits in small letters")
    cache = Cache()
    checked = unknown or wanted.files
    fetched = [
        cache.fetch(file, mirror=mirror, sha256=sha256 if file in checked else None, trust=trust_on_first_use)
        for file in wanted.files
    ]
    record = _record(name, wanted, fetched)
    _build(to, wanted, [path for path, _ in fetched], record)
    for file in unknown:
        print(f"{file.name}: sha256 {record['files'][file.name]['sha256']}")
    print(f"{to}: {record['content']['files']} files, {record['content']['nbytes'] / 1e6:.1f} MB")


def _record(name: str, wanted: Dataset, fetched: list[tuple[Path, str]]) -> dict[str, Any]:
    files = {
        file.name: {"url": file.source, "sha256": sha256, "nbytes": path.stat().st_size}
        for file, (path, sha256) in zip(wanted.files, fetched, strict=True)
    }
    facts = {"what": wanted.what, "license": wanted.license, "citation": wanted.citation}
    return {"dataset": name, "date": today(), **facts, "files": files}


def _build(to: Path, wanted: Dataset, paths: list[Path], record: dict[str, Any]) -> None:
    """Make the folder beside its place, with the record written last, and rename it."""
    if to.is_symlink() or (to.exists() and (not to.is_dir() or any(to.iterdir())) and not (to / RECORD).is_file()):
        raise InputError(f"{to}: is there already and was not fetched; name another folder with --to, or empty it")
    building = to.parent / f".{to.name}.{uuid4().hex[:8]}.partial"  # of its own: several jobs may fetch at once
    try:
        building.mkdir(parents=True)
        for file, path in zip(wanted.files, paths, strict=True):
            _place(file, path, building)
        record["content"] = _content(building)
        (building / RECORD).write_text(yaml.safe_dump(record, sort_keys=False, allow_unicode=True), encoding="utf-8")
        _replace(to, building)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _replace(to: Path, building: Path) -> None:
    """Put a folder in the place of what was fetched before; a file of anybody else's there is an `InputError`."""
    before = building.with_suffix(".before")
    try:
        if to.exists():
            if _is_same(to, building):  # another job was quicker
                return
            others = sorted(set(_files(to)) - set(_files(building)))
            if others:
                raise InputError(
                    f"{to}: has files that were not fetched ({len(others)}, e.g. {others[0]!a}); move them away, then "
                    "run again"
                )
            to.rename(before)
        building.rename(to)
    except OSError as error:
        if before.exists() and not to.exists():
            before.rename(to)
        raise InputError(f"{to}: cannot be put in place ({error.strerror}); run again, one at a time") from None
    finally:
        shutil.rmtree(before, ignore_errors=True)


def _is_same(to: Path, building: Path) -> bool:
    there = to / RECORD
    same = there.is_file() and there.read_bytes() == (building / RECORD).read_bytes()
    return same and _content(to) == _content(building)


def _files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or path.is_file()]


def _place(file: RemoteFile, path: Path, folder: Path) -> None:
    if file.unpack is not None:
        unpack(path, folder, file.unpack)
        return
    target = folder / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _content(folder: Path) -> dict[str, int]:
    sizes = [(folder / name).lstat().st_size for name in _files(folder) if name != RECORD]
    return {"files": len(sizes), "nbytes": sum(sizes)}


def _is_complete(to: Path, name: str, wanted: Dataset, sha256: str | None) -> bool:
    """Whether `to` is this data set with the hashes that are expected, and as many files and bytes as it had."""
    try:
        record = yaml.safe_load((to / RECORD).read_text(encoding="utf-8"))
        hashes = {path: file["sha256"] for path, file in record["files"].items()}
        same = record["dataset"] == name and record["content"] == _content(to)
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return False
    if sha256 is not None and sha256 not in hashes.values():
        return False
    return same and all(hashes.get(f.name) == (f.sha256 or hashes.get(f.name, "")) for f in wanted.files)
