"""What jobs took in an earlier run: Snakemake's benchmark files, and the folders that it left."""

from __future__ import annotations

import csv
import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

from multiscope.plan.jobs import Job, Run


@dataclass(frozen=True)
class Measured:
    """What one job took."""

    seconds: float
    memory_mb: float | None
    """Peak; None where the job was too short to be looked at."""


@dataclass(frozen=True)
class Earlier:
    """An earlier run of the same workflow in `folder`, which may be that of `run` itself."""

    run: Run
    folder: Path

    def of(self, job: Job) -> list[Measured]:
        """Of the same job, else of all jobs of its rule; empty where there was none."""
        if job.benchmark is None:
            return []
        same = self._files.get(job.benchmark)
        kin = _folder_of_rule(job.rule, Path(job.benchmark))
        return [same] if same else [found for name, found in self._files.items() if kin in Path(name).parents]

    def disk_bytes(self, job: Job) -> int | None:
        """Of what the same job left, else the median of its other seeds, else that of planned jobs of its rule.

        None where none of them left anything.
        """
        for known in (_bytes_of(job.outputs, self.folder), self._of_other_seeds(job)):
            if known is not None:
                return known
        return self._by_rule.get(job.rule)

    def _of_other_seeds(self, job: Job) -> int | None:
        """Median of what stands beside the one output of a job, and has its name but for the number at the end."""
        if len(job.outputs) != 1:
            return None
        place = Path(next(iter(job.outputs)))
        name = place.name.rstrip("0123456789")
        if name == place.name:
            return None
        if (place.parent, name) not in self._by_name:  # once, however many seeds are planned
            beside = (self.folder / place.parent).glob(f"{glob.escape(name)}[0-9]*")
            seeds = [str(path) for path in beside if path.name.removeprefix(name).isdecimal()]
            found = [size for seed in seeds if (size := _bytes_of([seed], Path())) is not None]
            self._by_name[place.parent, name] = int(median(found)) if found else None
        return self._by_name[place.parent, name]

    @cached_property
    def _by_name(self) -> dict[tuple[Path, str], int | None]:
        return {}

    @cached_property
    def _files(self) -> dict[str, Measured]:
        """Benchmark files by their path as rules have it."""
        top = {Path(job.benchmark).parts[0] for job in self.run.jobs if job.benchmark}
        paths = [path for name in sorted(top) for path in sorted((self.folder / name).rglob("*.tsv"))]
        found = {str(path.relative_to(self.folder)): _read(path) for path in paths}
        return {name: measured for name, measured in found.items() if measured}

    @cached_property
    def _by_rule(self) -> dict[str, int]:
        left: dict[str, list[int]] = {}
        for job in self.run.jobs:
            if (found := _bytes_of(job.outputs, self.folder)) is not None:
                left.setdefault(job.rule, []).append(found)
        return {rule: int(median(sizes)) for rule, sizes in left.items()}


def _folder_of_rule(rule: str, benchmark: Path) -> Path:
    """The folder of all benchmark files of a rule, some of which lie deeper; a module may put words before its name."""
    named = (folder for folder in benchmark.parents if f"_{rule}".endswith(f"_{folder.name}") and folder.name)
    return next(named, benchmark.parent)


def _read(path: Path) -> Measured | None:
    """A benchmark file: of several repeats the medians; None where it is none, or of a run that broke off."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        seconds = median(float(row["s"]) for row in rows)
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error):
        return None
    peaks = [peak for row in rows if (peak := _peak(row)) is not None]
    return Measured(seconds, median(peaks) if peaks else None)


def _peak(row: dict[str, str]) -> float | None:
    try:
        return float(row["max_rss"])
    except (KeyError, TypeError, ValueError):
        return None


def _bytes_of(paths: Iterable[str], folder: Path) -> int | None:
    """Bytes on disk of what lies below `folder`; None where not all of it is there."""
    found = [folder / path for path in paths]
    if not all(path.exists() for path in found):
        return None
    return sum(_size(file) for path in found for file in _files_of(path))


def _files_of(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for folder, _, names in os.walk(path):
        yield from (Path(folder, name) for name in names)


def _size(file: Path) -> int:
    try:
        return file.lstat().st_blocks * 512
    except OSError:  # it was removed since the folder was read
        return 0
