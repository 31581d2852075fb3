"""What cannot fit: jobs larger than this machine or any partition, results larger than the disk."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from multiscope.plan.forecast import Estimate, Forecast

_DAY = 24 * 60


@dataclass(frozen=True)
class Place:
    """Where one job can run: this machine, or a partition of Slurm."""

    name: str
    memory_mb: int
    cores: int
    gpus: int | None
    """None where it does not matter: on one machine the trainings take the processor where there is no GPU."""
    minutes: int | None
    """The longest that a job may run; None where there is no limit."""


def problems(forecast: Forecast) -> list[str]:
    """One line for everything that cannot fit: what, how much, what there is, what to do."""
    found = places(forecast.run.executor)
    jobs = dict.fromkeys(line for estimate in forecast.estimates for line in _too_large(estimate, found))
    return [*jobs, *_too_full(forecast)]


def places(executor: str) -> list[Place]:
    """Of the cluster, where Slurm says what it has; this machine for local runs; empty where nothing is known."""
    if executor == "local":
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return [Place("this machine", memory // 10**6, os.cpu_count() or 1, None, None)]
    return partitions() if executor == "slurm" else []


def partitions() -> list[Place]:
    """The partitions of Slurm; empty where `sinfo` is not there or does not answer."""
    if shutil.which("sinfo") is None:
        return []
    command = ["sinfo", "--noheader", "--format=%R|%m|%c|%G|%l"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [place for line in said.splitlines() if (place := _partition(line))]


def _partition(line: str) -> Place | None:
    """A line of `sinfo`: name, MiB and cores of a node, GPUs, longest time; None where it is not one."""
    fields = line.strip().split("|")
    if len(fields) != 5 or not (memory := re.match(r"\d+", fields[1])) or not (cores := re.match(r"\d+", fields[2])):
        return None
    gpus = sum(int(number) for number in re.findall(r"gpu(?::[^:,()]+)?:(\d+)", fields[3]))
    # what Snakemake calls MB is handed to Slurm, whose MB are MiB
    return Place(fields[0], int(memory[0]), int(cores[0]), gpus, _minutes(fields[4]))


def _minutes(limit: str) -> int | None:
    """Slurm's `days-hours:minutes:seconds`, `hours:minutes:seconds`, `minutes:seconds`; None for `infinite`."""
    if not (found := re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)):
        return None
    days, hours, minutes, _ = (int(part or 0) for part in found.groups())
    return days * _DAY + hours * 60 + minutes


def _too_large(estimate: Estimate, found: Sequence[Place]) -> Iterator[str]:
    """Of a job that no place can take."""
    job = estimate.job
    if not found or any(_fits(estimate, place) for place in found):
        return
    place = max(found, key=lambda place: (_has_gpus(estimate, place), place.memory_mb))
    if job.memory_mb is not None and job.memory_mb > place.memory_mb:
        yield (
            f"rule {job.rule}: asks for {job.memory_mb / 1e3:.1f} GB of memory, {place.name} has "
            f"{place.memory_mb / 1e3:.1f}; make the stage smaller, or set --set-resources {job.rule}:mem_mb=MB"
        )
    if not _has_gpus(estimate, place):
        yield (
            f"rule {job.rule}: asks for {job.gpus} GPU, no partition has as many on a node; set --set-resources "
            f"{job.rule}:gpu=0 to train on processors"
        )
    if place.minutes is not None and (job.minutes or 0) > place.minutes:
        yield (
            f"rule {job.rule}: asks for {job.minutes:.0f} minutes, {place.name} allows {place.minutes}; name a "
            f"partition with more, or set --set-resources {job.rule}:runtime={place.minutes}"
        )


def _fits(estimate: Estimate, place: Place) -> bool:
    job = estimate.job
    short = place.minutes is None or (job.minutes or 0) <= place.minutes
    return (job.memory_mb or 0) <= place.memory_mb and short and _has_gpus(estimate, place)


def _has_gpus(estimate: Estimate, place: Place) -> bool:
    return place.gpus is None or math.ceil(estimate.job.gpus / estimate.job.nodes) <= place.gpus


def _too_full(forecast: Forecast) -> Iterator[str]:
    """Of what jobs will write, as far as that is known, beside what is free."""
    folder = forecast.run.folder.absolute()
    there = next(path for path in [folder, *folder.parents] if path.exists())
    needed = sum(estimate.disk_bytes or 0 for estimate in forecast.estimates)
    if needed > (free := shutil.disk_usage(there).free):
        yield (
            f"{Path(there)}: the run writes about {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; free space, or "
            "work in another folder (--directory)"
        )
