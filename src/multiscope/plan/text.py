"""A forecast as text for people, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from multiscope.plan.forecast import Estimate, Forecast
from multiscope.plan.schedule import wall_seconds

_HEAD = ("rule", "jobs", "threads", "GPUs", "time of a job", "memory", "disk in all")


def as_text(forecast: Forecast) -> str:
    """A row a rule, then the sums."""
    if not forecast.estimates:
        return "nothing to be done: all results are there and up to date"
    by_rule: dict[str, list[Estimate]] = {}
    for estimate in forecast.ordered:
        by_rule.setdefault(estimate.job.rule, []).append(estimate)
    rows = [_HEAD, *(_row(rule, found) for rule, found in by_rule.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *_sums(forecast)])


def as_json(forecast: Forecast) -> str:
    """Every job with what is known of it, and the sums."""
    jobs = [_job(estimate) for estimate in forecast.ordered]
    sums = {
        "processor_hours": _processor_hours(forecast),
        "gpu_hours": _gpu_hours(forecast),
        "longest_chain": [min(estimate.job.outputs, default="") for estimate in forecast.longest_chain],
        "longest_chain_seconds": sum(estimate.seconds for estimate in forecast.longest_chain),
        "wall_seconds": wall_seconds(forecast),
        "disk_bytes": sum(estimate.disk_bytes or 0 for estimate in forecast.estimates),
    }
    return json.dumps({"jobs": jobs, **sums}, indent=1)


def _job(estimate: Estimate) -> dict[str, Any]:
    job = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in vars(estimate.job).items()}
    asked = {"asked": {"memory_mb": job.pop("memory_mb"), "minutes": job.pop("minutes")}}
    return job | asked | {name: value for name, value in vars(estimate).items() if name != "job"}


def _row(rule: str, found: Sequence[Estimate]) -> tuple[str, ...]:
    times = sorted(estimate.seconds for estimate in found if estimate.timed)
    known = [estimate.memory_mb for estimate in found if estimate.memory_mb is not None]
    disk = [estimate.disk_bytes for estimate in found if estimate.disk_bytes is not None]
    return (
        rule,
        str(len(found)),
        str(max(estimate.job.threads for estimate in found)),
        str(max(estimate.job.gpus for estimate in found) or "-"),
        _bounded(found, [duration(seconds) for seconds in times]) if times else "?",
        _bounded(found, [f"{max(known) / 1e3:.1f} GB"]) if known else "?",
        _size(sum(disk)) if disk else "?",
    )


def _bounded(found: Sequence[Estimate], values: Sequence[str]) -> str:
    """Least to most, `at most` where a value is what a rule asks for and not what was measured."""
    shown = values[0] if values[0] == values[-1] else f"{values[0]} to {values[-1]}"
    return shown if all(estimate.measured for estimate in found) else f"at most {values[-1]}"


def _sums(forecast: Forecast) -> Iterator[str]:
    chain = forecast.longest_chain
    guessed = _rules(estimate for estimate in forecast.estimates if estimate.timed and not estimate.measured)
    unknown = _rules(estimate for estimate in forecast.estimates if not estimate.timed)
    most = "at most " if guessed else "about "
    yield (
        f"{len(forecast.estimates)} jobs: {most}{_processor_hours(forecast):.1f} hours of processors, "
        f"{_gpu_hours(forecast):.1f} hours of GPUs"
    )
    yield f"{most}{duration(wall_seconds(forecast))} with {_at_once(forecast)}, if no job waits in a queue"
    seconds = sum(estimate.seconds for estimate in chain)
    yield f"{most}{duration(seconds)} in any case: {' > '.join(estimate.job.rule for estimate in chain)}"
    if guessed:
        yield f"no earlier run of {guessed}: 'at most' is what the rule asks for"
    if unknown:
        yield f"the time of {unknown} is not known, and in none of these sums"
    changed = _rules(one for one in forecast.estimates if one.measured and "hanged" in one.job.reason)
    if changed:
        yield f"{changed}: measured with other settings or other code than now"


def _rules(estimates: Iterable[Estimate]) -> str:
    return ", ".join(sorted({estimate.job.rule for estimate in estimates}))


def _at_once(forecast: Forecast) -> str:
    run = forecast.run
    cores = f"{run.cores} cores" if run.executor == "local" and run.cores else None
    jobs = f"{run.jobs_at_once} jobs" if run.jobs_at_once else None
    gpus = f"{run.gpus} GPUs" if run.gpus is not None else None
    return (" and ".join(part for part in (jobs, cores, gpus) if part) or "as many jobs as can run") + " at once"


def _processor_hours(forecast: Forecast) -> float:
    return sum(estimate.job.threads * estimate.seconds for estimate in forecast.estimates) / 3600


def _gpu_hours(forecast: Forecast) -> float:
    return sum(estimate.gpu_seconds for estimate in forecast.estimates) / 3600


def duration(seconds: float) -> str:
    """`48 s`, `12 min`, `3 h 20 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"
