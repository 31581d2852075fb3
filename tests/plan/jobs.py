"""Jobs made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from multiscope.plan.forecast import Estimate, Forecast
from multiscope.plan.jobs import Job, Run


def job(name: str, *above: str, **changes: Any) -> Job:
    """A job of the rule `name` that makes the folder of that name from those of `above`."""
    values: dict[str, Any] = {
        "rule": name.rstrip("0123456789"),
        "inputs": frozenset(above),
        "outputs": frozenset([name]),
        "benchmark": f"run_benchmarks/{name.rstrip('0123456789')}/{name}.tsv",
        "threads": 1,
        "memory_mb": 1000,
        "minutes": 10,
        "gpus": 0,
        "nodes": 1,
        "reason": "",
    }
    return Job(**values | changes)


def run(*jobs: Job, **changes: Any) -> Run:
    """A run of them on this machine."""
    values: dict[str, Any] = {"folder": Path(), "executor": "local", "jobs_at_once": None, "cores": 2, "gpus": 1}
    return Run(jobs=jobs, **values | changes)


def forecast(seconds: dict[Job, float], **changes: Any) -> Forecast:
    """What is known when jobs took so many seconds."""
    estimates = [Estimate(job, time, job.memory_mb, None, measured=True) for job, time in seconds.items()]
    return Forecast(run(*seconds, **changes), estimates)
