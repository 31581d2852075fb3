"""What tests on a real Slurm share: the cluster that `make test-slurm` starts, and a run that nothing interrupted."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm import cluster
from tests.slurm.head import CONFIG, TRAININGS, Head
from tests.workflow.conftest import snakemake


@pytest.fixture(scope="session")
def slurm(pytestconfig: pytest.Config) -> None:
    """Skips unless asked for, and where no test cluster runs: it is the whole machine's, so no test starts one."""
    if pytestconfig.getoption("markexpr") != "slurm":
        pytest.skip(f"runs on a real Slurm: `make test-slurm`{_unless(cluster.refusal())}")
    if not cluster.running():
        pytest.skip("no test cluster runs; `make test-slurm` starts one, or `python -m tests.slurm.cluster start`")


@pytest.fixture
def head(slurm: None, tmp_path: Path) -> Iterator[Head]:
    """Where a user types `snakemake` on the login node."""
    head = Head(tmp_path)
    yield head
    head.close()


@pytest.fixture(scope="session")
def uninterrupted(slurm: None, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder in which the two trainings of `trainings.yaml` ran to their ends, without Slurm; made once."""
    shared = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    folder = shared / "uninterrupted"
    with (shared / "uninterrupted.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            partial = shared / "uninterrupted.partial"
            run = snakemake(partial, *TRAININGS.values(), "--cores", "2", config=CONFIG)
            assert run.returncode == 0, run.stdout + run.stderr
            partial.rename(folder)
    return folder


def _unless(reason: str | None) -> str:
    return f" (not on this machine: {reason})" if reason else ""
