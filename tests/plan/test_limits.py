from __future__ import annotations

import stat
from pathlib import Path

import pytest

from multiscope.plan.limits import Place, partitions, problems
from tests.plan.jobs import forecast, job

SINFO = """#!/bin/sh
echo 'short|64000|16|(null)|1:00:00'
echo 'gpu|128000+|32|gpu:a100:4(S:0-1)|2-00:00:00'
echo 'long|256000|64|(null)|infinite'
echo 'sinfo: a warning'
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `sinfo` that tells of three partitions."""
    path = tmp_path / "sinfo"
    path.write_text(SINFO)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


@pytest.mark.usefixtures("slurm")
def test_partitions_are_what_sinfo_says() -> None:
    assert partitions() == [
        Place("short", 64000, 16, 0, 60),
        Place("gpu", 128000, 32, 4, 2880),
        Place("long", 256000, 64, 0, None),
    ]


@pytest.mark.usefixtures("slurm")
def test_gpus_of_several_nodes_are_counted_a_node() -> None:
    assert not problems(forecast({job("train", gpus=8, nodes=2): 1}, executor="slurm"))
    assert problems(forecast({job("train", gpus=8, nodes=1): 1}, executor="slurm"))


@pytest.mark.usefixtures("slurm")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"memory_mb": 300_000}, "rule train: asks for 300.0 GB of memory, long has 256.0; make the stage smaller"),
        ({"memory_mb": 200_000, "gpus": 1}, "rule train: asks for 200.0 GB of memory, gpu has 128.0"),
        ({"gpus": 5}, "rule train: asks for 5 GPU, no partition has as many on a node"),
        ({"gpus": 1, "minutes": 3000}, "rule train: asks for 3000 minutes, gpu allows 2880"),
    ],
)
def test_a_job_that_no_partition_takes_is_one_line(changes: dict[str, int], said: str) -> None:
    (line,) = problems(forecast({job("train", **changes): 1, job("train2", **changes): 1}, executor="slurm"))
    assert line.startswith(said) and "set" in line


@pytest.mark.usefixtures("slurm")
def test_what_some_partition_takes_is_no_problem() -> None:
    fits = [{"gpus": 4}, {"memory_mb": 200_000, "minutes": 10_000}, {"minutes": 60}]
    jobs = {job(f"train{k}", **changes): 1.0 for k, changes in enumerate(fits)}
    assert problems(forecast(jobs, executor="slurm")) == []


def test_without_sinfo_nothing_is_claimed_of_the_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert problems(forecast({job("train", memory_mb=10**9): 1}, executor="slurm")) == []


def test_on_this_machine_memory_counts_and_a_gpu_does_not() -> None:
    assert problems(forecast({job("train", gpus=1): 1})) == []
    (line,) = problems(forecast({job("train", memory_mb=10**9): 1}))
    assert line.startswith("rule train: asks for 1000000.0 GB of memory, this machine has ")


def test_results_larger_than_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = forecast({job("data"): 1}, folder=tmp_path / "not" / "there")
    (estimate,) = found.estimates
    object.__setattr__(estimate, "disk_bytes", 10**18)
    (line,) = problems(found)
    assert line.startswith(f"{tmp_path}: the run writes about 1000000000.0 GB")
