"""How long a run takes with so many jobs, cores and GPUs at once."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from itertools import count

from multiscope.plan.forecast import Estimate, Forecast
from multiscope.plan.jobs import Job

Amounts = Mapping[str, int]


def wall_seconds(forecast: Forecast) -> float:
    """From the first job to the end of the last, if none waits in a queue.

    A job starts as soon as what it needs is there and free, in the order of the dry run; Snakemake's own scheduler may
    choose another order.
    """
    waits = {job: len(above) for job, above in forecast.above.items()}
    ready = [estimate for estimate in forecast.ordered if not waits[estimate.job]]
    free, now, numbers = _offered(forecast), 0.0, count()
    running: list[tuple[float, int, Estimate]] = []
    below = _below(forecast)
    while ready or running:
        for estimate in list(ready):
            need = _needed(estimate.job)
            # what is larger than all there is runs alone: Snakemake cuts it down
            if not running or all(need[name] <= left for name, left in free.items()):
                ready.remove(estimate)
                free = {name: left - need[name] for name, left in free.items()}
                heapq.heappush(running, (now + estimate.seconds, next(numbers), estimate))
        now, _, ended = heapq.heappop(running)
        free = {name: left + _needed(ended.job)[name] for name, left in free.items()}
        for estimate in below[ended.job]:
            waits[estimate.job] -= 1
            if not waits[estimate.job]:
                ready.append(estimate)
    return now


def _offered(forecast: Forecast) -> Amounts:
    """What the profile and the command give; on a cluster cores are its own matter."""
    run = forecast.run
    limits = {"jobs": run.jobs_at_once, "cores": run.cores if run.executor == "local" else None, "gpus": run.gpus}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _needed(job: Job) -> Amounts:
    return {"jobs": 1, "cores": job.threads, "gpus": job.gpus}


def _below(forecast: Forecast) -> Mapping[Job, list[Estimate]]:
    """The jobs that wait for each one."""
    found: dict[Job, list[Estimate]] = {job: [] for job in forecast.above}
    for estimate in forecast.ordered:
        for job in forecast.above[estimate.job]:
            found[job].append(estimate)
    return found
