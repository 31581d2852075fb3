"""The head of a workflow on a cluster: Snakemake on the login node, and its jobs as Slurm and the system see them."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from tests.workflow.conftest import ROOT, Run, environment

Found = TypeVar("Found")
CONFIG = Path(__file__).parent / "trainings.yaml"
TRAININGS = {"localize": "results/localize/deeploc/seed0", "restore": "results/restore/cgan/seed0"}
# jobs that take seconds are looked at after seconds
_SHORT_JOBS = ["--slurm-init-seconds-before-status-checks", "10", "--latency-wait", "5"]


class Head:
    """Snakemake with the Slurm profile, its results in `folder`."""

    def __init__(self, folder: Path) -> None:
        """Nothing runs yet."""
        self.folder = folder
        self._process: subprocess.Popen[str] | None = None

    @property
    def said(self) -> str:
        """What Snakemake printed, all runs one after the other."""
        return (self.folder / "head.log").read_text(encoding="utf-8")

    def begin(self, *arguments: str, config: Path = CONFIG) -> None:
        """Start Snakemake: targets first, then options."""
        options = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(self.folder), "--configfile", str(config)]
        profile = ["--workflow-profile", str(ROOT / "profiles" / "slurm")]
        with (self.folder / "head.log").open("a", encoding="utf-8") as said:
            self._process = subprocess.Popen(
                ["snakemake", *arguments, *profile, *_SHORT_JOBS, *options],
                env=environment(),
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
                preexec_fn=_hear_signals,
            )

    def end(self, *, seconds: float = 1400.0) -> int:
        """Wait for Snakemake's end; returns its exit code."""
        assert self._process is not None
        return self._process.wait(timeout=seconds)

    def run(self, *arguments: str, config: Path = CONFIG) -> int:
        """Start Snakemake and wait for its end."""
        self.begin(*arguments, config=config)
        return self.end()

    def send(self, number: int) -> None:
        """Send Snakemake a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def jobs(self) -> dict[str, str]:
        """Number of the Slurm job of each rule that has one in the queue."""
        rows = slurm("squeue", "--noheader", "--format=%i|%k|%Z").splitlines()
        fields = [row.split("|") for row in rows]
        return {
            comment.split("_wildcards")[0].removeprefix("rule_"): number
            for number, comment, folder in fields
            if folder == str(self.folder)
        }

    def gpus(self) -> dict[str, int]:
        """How many GPUs each job asked for, also those that have ended; by rule and wildcards."""
        columns = "--Format=Comment:100,tres-per-job:100,WorkDir:200"
        rows = slurm("squeue", "--states=all", "--noheader", columns).splitlines()
        fields = [(row[:100].strip(), row[100:200], row[200:].strip()) for row in rows]
        return {
            comment.removeprefix("rule_"): int("".join(re.findall(r"gpu:(\d+)", tres)) or 0)
            for comment, tres, folder in fields
            if folder == str(self.folder)
        }

    def training(self, rule: str) -> psutil.Process | None:
        """The process that trains for `rule`, once it has done steps; never one that has ended."""
        if not (self.folder / f"{TRAININGS[rule]}.state" / "history.jsonl").is_file():
            return None
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # it ended, or is none of ours
                words = process.cmdline()
                if rule in words and "multiscope" in words[1] and process.cwd() == str(self.folder):
                    return process
        return None

    def hold_trainings(self) -> list[psutil.Process]:
        """Stop each training in its steps until all are there, so that what happens next hits all of them."""
        held: dict[str, psutil.Process] = {}

        def all_held() -> bool:
            for rule in TRAININGS.keys() - held.keys():
                if process := self.training(rule):
                    process.suspend()
                    held[rule] = process
            return held.keys() == TRAININGS.keys()

        wait_for("both trainings", all_held)
        return list(held.values())

    def close(self) -> None:
        """Leave nothing running."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for number in self.jobs().values():
            slurm("scancel", number)


def slurm(*command: str) -> str:
    """What a Slurm command answers."""
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def srun(*command: str, folder: Path) -> Run:
    """A command on a node, as somebody types it who tries something out."""
    return subprocess.run(
        ["srun", "--quiet", *command], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def wait_for(what: str, look: Callable[[], Found | None], *, seconds: float = 200.0) -> Found:
    """The first answer of `look` that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")


def copy_without_trainings(source: Path, to: Path) -> None:
    """A folder in which all is done but the trainings."""
    shutil.copytree(source, to, dirs_exist_ok=True)
    for out in TRAININGS.values():
        shutil.rmtree(to / out)


def _hear_signals() -> None:
    """What a script starts in the background ignores Ctrl-C, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
