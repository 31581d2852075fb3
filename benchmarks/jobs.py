"""Commands of `multiscope` that a benchmark runs side by side, some minutes at a time, going on where it stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """A stage folder, and the command that makes it when those before it are there."""

    out: Path
    command: list[str]
    needs: tuple[Path, ...] = ()

    @property
    def done(self) -> bool:
        """Whether it is there already."""
        said = self.out.with_name(f"{self.out.name}.command")
        return (
            (self.out / "manifest.json").is_file()
            and said.is_file()
            and json.loads(said.read_text(encoding="utf-8")) == self.command
        )


def work(planned: list[Job], *, at_once: int, until: float) -> None:
    """Run jobs side by side until all are done or the time is up; what runs then is told to save its state."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    running: dict[subprocess.Popen[bytes], Job] = {}
    waiting = [job for job in planned if not job.done]
    try:
        while (waiting or running) and time.monotonic() < until:
            for process in [process for process in running if process.poll() is not None]:
                _expect_success(process, running.pop(process))
            # what is to be made, or made anew, is not there yet
            missing = {job.out for job in [*waiting, *running.values()]}
            ready = [job for job in waiting if missing.isdisjoint(job.needs)]
            for job in ready[: at_once - len(running)]:
                waiting.remove(job)
                running[_start(job, environment)] = job
            time.sleep(0.3)
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait()


def _start(job: Job, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    job.out.parent.mkdir(parents=True, exist_ok=True)
    # what it was made with: other settings make it again
    job.out.with_name(f"{job.out.name}.command").write_text(json.dumps(job.command), encoding="utf-8")
    command = [sys.executable, "-m", "multiscope", *job.command, "--out", str(job.out)]
    with job.out.with_name(f"{job.out.name}.log").open("ab") as log:
        return subprocess.Popen(command, stderr=log, stdout=log, env=environment)


def _expect_success(process: subprocess.Popen[bytes], job: Job) -> None:
    if process.returncode:
        raise SystemExit(f"{job.out}: failed, see {job.out}.log")
