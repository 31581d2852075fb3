"""One training in two processes of one Slurm job, as docs/several-gpus.md says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multiscope.folders.manifest import verify
from tests.slurm.head import TRAININGS, Head, copy_without_trainings

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]


def test_the_profile_can_ask_for_two_processes(head: Head, uninterrupted: Path) -> None:
    copy_without_trainings(uninterrupted, head.folder)
    out = TRAININGS["localize"]
    asked = [f"localize:{each}" for each in ("mpi=srun", "tasks=2", "gpu=2", "tasks_per_gpu=1")]
    assert head.run(out, "--set-resources", *asked, "--retries", "0") == 0, head.said
    verify(head.folder / out, full=True)
    notes = json.loads((head.folder / out / "manifest.json").read_text(encoding="utf-8"))["notes"]
    assert notes["ranks"] == 2
    assert [gpus for job, gpus in head.gpus().items() if job.startswith("localize")] == [2]
