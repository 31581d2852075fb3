"""What each job of a run will take, and the longest chain of jobs that wait for each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from statistics import median

from multiscope.plan.earlier import Earlier
from multiscope.plan.jobs import Job, Run


@dataclass(frozen=True)
class Estimate:
    """What one job will take."""

    job: Job
    seconds: float
    """Measured earlier, else the wall time that its rule asks for, which is a bound."""
    memory_mb: float | None
    """Likewise; None where neither is known."""
    disk_bytes: int | None
    """Of its output; None where there is no earlier one."""
    measured: bool
    """Whether time is measured."""

    @property
    def timed(self) -> bool:
        """Whether `seconds` says anything."""
        return self.measured or self.job.minutes is not None

    @property
    def gpu_seconds(self) -> float:
        """GPUs times wall time."""
        return self.job.gpus * self.seconds


@dataclass(frozen=True)
class Forecast:
    """Estimates of all jobs of `run`."""

    run: Run
    estimates: Sequence[Estimate]

    @cached_property
    def ordered(self) -> list[Estimate]:
        """Each job after those it waits for."""
        of = {estimate.job: estimate for estimate in self.estimates}
        return [of[job] for job in TopologicalSorter(self.above).static_order()]

    @cached_property
    def above(self) -> Mapping[Job, frozenset[Job]]:
        """The jobs that each one waits for."""
        maker = {path: job for job in self.run.jobs for path in job.outputs}
        return {job: frozenset(maker[path] for path in job.inputs if path in maker) for job in self.run.jobs}

    @cached_property
    def longest_chain(self) -> list[Estimate]:
        """The jobs that wait for each other longest, first to last: no number of nodes makes a run shorter."""
        before: dict[Job, Job | None] = {}
        ends: dict[Job, float] = {}
        for estimate in self.ordered:
            before[estimate.job] = last = max(self.above[estimate.job], key=lambda job: ends[job], default=None)
            ends[estimate.job] = estimate.seconds + (ends[last] if last else 0.0)
        chain, job = list[Job](), max(ends, key=lambda job: ends[job], default=None)
        while job is not None:
            chain, job = [job, *chain], before[job]
        of = {estimate.job: estimate for estimate in self.estimates}
        return [of[job] for job in chain]


def forecast(run: Run, earlier: Earlier) -> Forecast:
    """What is known of each job of a run."""
    return Forecast(run, [_estimate(job, earlier) for job in run.jobs])


def _estimate(job: Job, earlier: Earlier) -> Estimate:
    found = earlier.of(job)
    peaks = [measured.memory_mb for measured in found if measured.memory_mb is not None]
    return Estimate(
        job=job,
        seconds=median(measured.seconds for measured in found) if found else 60.0 * (job.minutes or 0),
        memory_mb=median(peaks) if peaks else job.memory_mb,
        disk_bytes=earlier.disk_bytes(job),
        measured=bool(found),
    )
