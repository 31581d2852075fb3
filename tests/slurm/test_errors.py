"""What a user sees when something is wrong on a cluster; docs/hpc.md explains these messages."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest

from tests.slurm.head import Head, srun
from tests.workflow.conftest import ROOT, environment

pytestmark = pytest.mark.timeout(900)  # others may have the node
DOCS = (ROOT / "docs" / "hpc.md").read_text(encoding="utf-8")


@pytest.mark.slurm
def test_an_unknown_partition_is_named_in_the_first_line(head: Head) -> None:
    options = ["--set-resources", "data:slurm_partition=nope", "--retries", "0"]
    assert head.run("results/data/tiny", *options) == 1
    message = "SLURM sbatch failed. The error message was 'sbatch: error: invalid partition specified: nope"
    assert message in head.said
    assert _explained("invalid partition specified")


@pytest.mark.slurm
def test_more_than_a_node_has_is_said_by_slurm(head: Head) -> None:
    options = ["--set-resources", "data:mem_mb=9000000", "--retries", "0"]
    assert head.run("results/data/tiny", *options) == 1
    message = "Requested node configuration is not available"
    assert message in head.said
    assert _explained(message)


@pytest.mark.slurm
def test_a_job_that_fails_shows_its_log_and_keeps_that_of_slurm(head: Head, uninterrupted: Path) -> None:
    shutil.copytree(uninterrupted, head.folder, dirs_exist_ok=True)
    crops = head.folder / "results" / "crop" / "clean"
    damaged = crops / "crops.zarr" / "image" / "c.0.0.0.0"
    times = damaged.stat()
    damaged.write_bytes(damaged.read_bytes()[:-1])
    os.utime(damaged, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert head.run("results/split/fold0", "--forcerun", "split", "--retries", "0") == 1
    assert "results/crop/clean: damaged: crops.zarr" in head.said
    kept = list((head.folder / "logs" / "slurm" / "rule_split").rglob("*.log"))
    assert len(kept) == 1
    assert str(kept[0]) in head.said


@pytest.mark.slurm
def test_cuda_where_no_gpu_is_visible_is_one_line(head: Head, uninterrupted: Path) -> None:
    results = uninterrupted / "results"
    inputs = ["--crops", str(results / "crop" / "clean"), "--split", str(results / "split" / "fold0")]
    section = ["--config", "{model: deeploc, width: 0.0625, dense: 16, epochs: 1}"]
    command = ["multiscope", "localize", *inputs, *section, "--encoder", "deeploc", "--out", "x", "--device", "cuda"]
    run = srun("--gpus=1", *command, folder=head.folder)
    assert run.returncode == 2
    message = "--device cuda: no CUDA device is visible"
    assert run.stderr.splitlines()[-1].startswith(f"multiscope: {message}") or message in run.stderr
    assert _explained(message)


@pytest.mark.slow
def test_without_the_plugin_slurm_is_an_invalid_choice(tmp_path: Path) -> None:
    """An environment that has everything but the plugins: its packages, by name, without the installed ones' folder."""
    for package in Path(site.getsitepackages()[0]).iterdir():
        if not package.name.startswith("snakemake_executor_plugin_slurm") and package.suffix != ".pth":
            (tmp_path / package.name).symlink_to(package)
    run = subprocess.run(
        [sys.executable, "-S", "-m", "snakemake", "-n", "--workflow-profile", str(ROOT / "profiles" / "slurm")],
        env={**environment(), "PYTHONPATH": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "invalid choice: 'slurm'" in run.stderr.splitlines()[-1]
    assert _explained("invalid choice: 'slurm'")


def _explained(message: str) -> bool:
    """Whether the page for users has the message."""
    return message in DOCS
