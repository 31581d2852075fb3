"""Running Snakemake as a user does, in a folder of its own."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
TINY = Path(__file__).parent / "tiny.yaml"
Run = subprocess.CompletedProcess[str]


def environment() -> dict[str, str]:
    """The environment that the tests run in, with its commands first on the path."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


# what Snakemake asks of conda before it plans; nothing is made in a dry run
CONDA = """#!/bin/sh
case "$1" in
--version) echo "conda 24.7.1" ;;
info) echo '{{"conda_prefix": "{folder}", "platform": "linux-64"}}' ;;
config) echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
esac
"""


def with_conda(folder: Path) -> dict[str, str]:
    """The environment with a `conda` in `folder` that lets Snakemake plan with `--sdm conda`."""
    conda = folder / "bin" / "conda"
    conda.parent.mkdir()
    conda.write_text(CONDA.format(folder=folder))
    conda.chmod(0o755)
    given = environment()
    return {**given, "PATH": f"{conda.parent}{os.pathsep}{given['PATH']}"}


def snakemake(folder: Path, *arguments: str, config: Path = TINY) -> Run:
    """Run Snakemake on the repository's Snakefile with `folder` as the place of results."""
    command = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    return subprocess.run(
        [*command, *arguments, "--configfile", str(config)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def planned(run: Run) -> dict[str, int]:
    """Jobs of a dry run by rule, without `all`."""
    assert run.returncode == 0, run.stderr + run.stdout
    text = run.stdout + run.stderr
    if "Nothing to be done" in text:
        return {}
    table = text.split("Job stats:")[1]
    rows = re.findall(r"^(\w+)\s+(\d+)$", table, flags=re.MULTILINE)
    return {rule: int(n) for rule, n in rows if rule not in ("all", "total")}


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder in which the tiny chain has run to its report; made once for all test processes, never changed."""
    shared = tmp_path_factory.getbasetemp()
    folder = (shared if worker_id == "master" else shared.parent) / "chain"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "results" / "report").is_dir():
            run = snakemake(folder)
            assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.fixture
def changed_config(tmp_path: Path) -> Callable[[str, object], Path]:
    """The tiny configuration with one key changed."""

    def change(path: str, value: object) -> Path:
        values = yaml.safe_load(TINY.read_text(encoding="utf-8"))
        *above, last = path.split(".")
        here = values
        for key in above:
            here = here[key]
        here[last] = value
        out = tmp_path / "changed.yaml"
        out.write_text(yaml.safe_dump(values), encoding="utf-8")
        return out

    return change
