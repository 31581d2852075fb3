"""Trainings that something interrupts on a cluster go on from their state and end as if nothing had.

Each event hits two trainings, of `localize` and of `restore`, in the same run of Snakemake.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from multiscope.folders.manifest import verify
from tests.conftest import assert_same_run
from tests.slurm.head import TRAININGS, Head, copy_without_trainings, slurm, wait_for

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]
Event = Callable[[Head], None]
SAVED_SECONDS = 21  # the loop saves the state every 20 s, and at each epoch


def time_limit(head: Head) -> None:
    """The jobs stand still until their time is over, which is now a minute from their start."""
    held = head.hold_trainings()
    for number in head.jobs().values():
        slurm("scontrol", "update", f"JobId={number}", "TimeLimit=1")
    wait_for("the time limit", lambda: not any(process.is_running() for process in held))


def scontrol_requeue(head: Head) -> None:
    """An administrator, or a failing node, puts the jobs back into the queue."""
    head.hold_trainings()
    slurm("scontrol", "requeue", ",".join(head.jobs().values()))


def preemption(head: Head) -> None:
    """A job of a partition with a higher priority wants the whole node."""
    head.hold_trainings()
    slurm("sbatch", "--partition=high", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")


def scancel(head: Head) -> None:
    """The jobs are cancelled, but Snakemake is not."""
    head.hold_trainings()
    slurm("scancel", *head.jobs().values())


def sigkill_of_the_training(head: Head) -> None:
    """The process is gone without a word, as when a node has no memory left."""
    held = head.hold_trainings()
    time.sleep(SAVED_SECONDS)
    for process in held:
        process.resume()
    for out in TRAININGS.values():
        wait_for("a saved state", (head.folder / f"{out}.state" / "state.pt").is_file)
    for process in held:
        process.kill()


def sigint_to_snakemake(head: Head) -> None:
    """Ctrl-C on the login node cancels the jobs; the same command goes on."""
    head.hold_trainings()
    head.send(signal.SIGINT)
    assert head.end() == 1
    wait_for("the end of the jobs", lambda: not head.jobs())
    head.begin(*TRAININGS.values())


def sigkill_of_snakemake(head: Head) -> None:
    """The login node went down: the jobs go on without a head, and the folder stays locked."""
    held = head.hold_trainings()
    head.send(signal.SIGKILL)
    head.end()
    assert head.run(*TRAININGS.values()) == 1
    assert "with the --unlock argument" in " ".join(head.said.split())
    slurm("scancel", *head.jobs().values())
    wait_for("the end of the jobs", lambda: not any(process.is_running() for process in held))
    assert head.run(*TRAININGS.values(), "--unlock") == 0
    head.begin(*TRAININGS.values())


@dataclass(frozen=True)
class Case:
    """An event, and what Snakemake is told from the beginning."""

    event: Event
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.event.__name__.replace("_", " ")


def resources(value: str) -> tuple[str, ...]:
    return ("--set-resources", *(f"{rule}:{value}" for rule in TRAININGS))


CASES = [
    Case(time_limit),
    Case(scontrol_requeue),
    Case(preemption, resources("slurm_partition=low")),
    Case(scancel),
    Case(sigkill_of_the_training),
    Case(sigint_to_snakemake),
    Case(sigkill_of_snakemake),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_both_trainings_go_on_after(case: Case, head: Head, uninterrupted: Path) -> None:
    copy_without_trainings(uninterrupted, head.folder)
    head.begin(*TRAININGS.values(), *case.options)
    case.event(head)
    assert head.end() == 0, head.said
    for rule, out in TRAININGS.items():
        log = (head.folder / out.replace("results", "logs", 1)).with_suffix(".log").read_text(encoding="utf-8")
        assert f"{rule}: " in log and "resumed at step" in log
    _ended_alike(head.folder, uninterrupted)


def test_sigterm_lets_snakemake_wait_for_its_jobs(head: Head, uninterrupted: Path) -> None:
    copy_without_trainings(uninterrupted, head.folder)
    head.begin(*TRAININGS.values())
    held = head.hold_trainings()
    head.send(signal.SIGTERM)
    wait_for("Snakemake's word", lambda: "Will exit after finishing currently running jobs" in head.said)
    for process in held:
        process.resume()
    head.end()
    _ended_alike(head.folder, uninterrupted)


def _ended_alike(folder: Path, uninterrupted: Path) -> None:
    """Same weights and history, whole stores, and nothing left beside them."""
    for out in TRAININGS.values():
        assert_same_run(uninterrupted / out, folder / out)
        verify(folder / out, full=True)
        assert [path.name for path in (folder / out).parent.iterdir()] == [Path(out).name]
