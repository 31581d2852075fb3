"""The jobs that Snakemake would run, as its own dry run says them."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multiscope.config.reading import read_yaml
from multiscope.errors import InputError

_PROFILES = ("profile*.y*ml", "config*.y*ml")
_MANY = 2**16


@dataclass(frozen=True)
class Job:
    """One job of a dry run."""

    rule: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    benchmark: str | None
    """Path of its benchmark file."""
    threads: int
    memory_mb: float | None
    """What its rule asks for at the first try; None where neither rule nor profile says."""
    minutes: float | None
    """Wall time that its rule asks for at the first try."""
    gpus: int
    """Of all its nodes."""
    nodes: int
    reason: str


@dataclass(frozen=True)
class Run:
    """What Snakemake was asked, and the jobs that it would run."""

    jobs: tuple[Job, ...]
    folder: Path
    """Where it works; paths of jobs are relative to it."""
    executor: str
    """`local`, `slurm` or another plugin."""
    jobs_at_once: int | None
    cores: int | None
    gpus: int | None
    """At once, where the profile or the command says."""


def dry_run(arguments: Sequence[str]) -> Run:
    """What `snakemake` with these arguments would do; nothing is run, locked or written.

    Snakemake's message goes to standard error where it cannot plan, and the `InputError` refers to it.
    """
    from snakemake.cli import args_to_api, parse_args

    parser, settings = parse_args(["--dry-run", "--nolock", *arguments])
    _check_files(settings)
    executor = settings.executor or "local"
    resources = {name: getattr(found, "value", found) for name, found in (settings.resources or {}).items()}
    run = Run(
        jobs=(),
        folder=Path(settings.directory or "."),
        executor=executor,
        jobs_at_once=_number(settings.jobs),
        cores=_number(settings.cores),
        gpus=_number(resources.get("gpu")),
    )
    if executor != "local" and settings.cores is None:
        settings.cores = _MANY  # else the dry run cuts the threads of all jobs down to one
    with _jobs_said() as records:
        planned = args_to_api(settings, parser)
    if not planned:
        raise InputError("snakemake cannot plan this run, see above; mend that first")
    jobs = {record.jobid: _job(record) for record in records if list(record.output)}  # no targets
    _check_rules(settings, parser, {job.rule for job in jobs.values()})
    return Run(**vars(run) | {"jobs": tuple(jobs.values())})


def _check_rules(settings: Any, parser: Any, planned: set[str]) -> None:
    """Resources and threads of a rule that is not there, which Snakemake passes over without a word."""
    from snakemake.cli import args_to_api

    named = {*(settings.set_resources or ()), *(settings.set_threads or ())} - planned
    if not named:
        return
    settings.list_rules = True
    with redirect_stdout(io.StringIO()) as said, _jobs_said():
        args_to_api(settings, parser)
    rules = {line.split(" ")[0] for line in said.getvalue().splitlines()}
    if unknown := named - rules:
        there = ", ".join(sorted(rules))
        raise InputError(f"set-resources, set-threads: no rule has the name {min(unknown)!r}; the rules are {there}")


def _check_files(settings: Any) -> None:
    """What Snakemake passes over without a word, or refuses with a traceback."""
    profile = settings.workflow_profile
    if profile not in (None, "none") and not any(any(Path(profile).glob(name)) for name in _PROFILES):
        raise InputError(f"--workflow-profile {profile}: holds no profile.yaml; name the folder of a profile")
    for file in settings.configfile or ():
        read_yaml(Path(file))


@contextmanager
def _jobs_said() -> Iterator[list[Any]]:
    """Collects what Snakemake logs of its jobs; of everything else errors alone are shown."""
    from snakemake.logging import logger

    records: list[Any] = []

    def quiet(record: logging.LogRecord) -> bool:
        if getattr(record, "event", None) == "job_info":
            records.append(record)
        return record.levelno >= logging.ERROR

    # a filter of the logger itself: Snakemake removes all handlers that it did not make
    logger.addFilter(quiet)
    try:
        with warnings.catch_warnings():
            # Snakemake's own, of sizes of inputs that are not there yet
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            yield records
    finally:
        logger.removeFilter(quiet)


def _job(record: Any) -> Job:
    resources: Mapping[str, Any] = dict(record.resources.items())
    return Job(
        rule=record.rule_name,
        inputs=frozenset(record.input),
        outputs=frozenset(record.output),
        benchmark=record.benchmark,
        threads=record.threads,
        memory_mb=_number(resources.get("mem_mb")),
        minutes=_number(resources.get("runtime")),
        gpus=_number(resources.get("gpu")) or 0,
        nodes=_number(resources.get("nodes")) or 1,
        reason=record.reason,
    )


def _number(value: Any) -> int | None:
    """A number as Snakemake has it; None for what is not one (`unlimited`, `<TBD>`)."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None
