"""Planning stays quick and small: every job of a cluster parses the Snakefile again."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from benchmarks import inodes
from multiscope.config import load
from multiscope.sweep.grid import runs
from tests.workflow.conftest import ROOT, TINY, environment, planned


@dataclass(frozen=True)
class Cost:
    """Of one process and those that it waited for: other work on the machine does not count."""

    said: str
    processor_seconds: float
    peak_mb: float


# a process of its own, for the peak of a child begins at that of the process that started it
MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stderr=subprocess.STDOUT)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("\\nCOST", used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
sys.exit(code)
"""


def cost(command: list[str], folder: Path) -> Cost:
    """Run a command in `folder` and measure it."""
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, *command],
        cwd=folder, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout
    said, numbers = run.stdout.rsplit("\nCOST", 1)
    return Cost(said, *map(float, numbers.split()))


def plan(config: Path, run: Path, folder: Path) -> tuple[dict[str, int], Cost]:
    """Jobs that are planned in the folder `run`, and what planning took."""
    command = ["snakemake", "-n", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(run)]
    found = cost([*command, "--configfile", str(config)], folder)
    return planned(subprocess.CompletedProcess(command, 0, found.said, "")), found


def large_sweep(path: Path) -> Path:
    """2,000 trainings: two methods, five seeds, 200 mixes of pairs."""
    values = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    values["restore"]["methods"]["care"] = {"model": "care"}
    values["sweep"] = {
        **{"methods": ["cgan", "care"], "seeds": [0, 1, 2, 3, 4], "n_pairs": list(range(1, 41))},
        **{"augmentation": ["flips", "cin_gan"], "alpha": [], "n_synthetic": [5, 10, 20, 40], "runs_per_job": 10},
    }
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_a_sweep_of_2000_trainings_is_planned_as_a_few_hundred_jobs(tmp_path: Path) -> None:
    config = large_sweep(tmp_path / "sweep.yaml")
    run = load(config)
    assert run.augment and run.restore and run.sweep
    defects = run.data["tiny"].defect_names
    trainings = [
        len(list(runs(run.sweep, run.augment.pairs, defects=defects, learns_from=method.learns_from)))
        for name, method in run.restore.methods.items()
        if name in run.sweep.methods
    ]
    assert sum(trainings) * 5 == 2000
    jobs, found = plan(config, tmp_path / "run", tmp_path)
    assert jobs["sweep"] == 200 and sum(jobs.values()) < 300
    assert found.processor_seconds < 10 and found.peak_mb < 300, found


def test_multiscope_adds_less_than_a_second_to_each_start_of_snakemake(tmp_path: Path) -> None:
    program = tmp_path / "parse.py"
    program.write_text(
        "from pathlib import Path\n"
        "from multiscope import config, data\n"
        "from multiscope.data.preflight import check_inputs\n"
        f"check_inputs(config.load(Path({str(TINY)!r})), 'config')\n"
    )
    seconds = [cost(["python", str(program)], tmp_path).processor_seconds for _ in range(3)]
    assert min(seconds) < 1, seconds


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_that_has_nothing_to_do_takes_little_more_than_snakemake_itself(chain: Path, tmp_path: Path) -> None:
    """In turns with a workflow of one empty rule, since processors that others use too are slower."""
    (tmp_path / "Snakefile").write_text("rule all:\n    shell: 'true'\n")
    empty, nothing = [], []
    for _ in range(2):
        empty.append(cost(["snakemake", "-n", "--cores", "1"], tmp_path).processor_seconds)
        jobs, found = plan(TINY, chain, tmp_path)
        assert jobs == {}
        nothing.append(found.processor_seconds)
    assert min(nothing) < 2 * min(empty), (nothing, empty)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_field_has_as_many_files_as_its_budget(chain: Path) -> None:
    size = load(TINY).data["tiny"].model_dump()["field_size"]
    data, restored = chain / "results" / "data" / "tiny", chain / "results" / "restore" / "cgan" / "seed0"
    for store, expected in (
        (data / "clean.zarr", inodes.of_image(size) + inodes.of_labels(size)),
        (data / "degraded.zarr" / "blur", inodes.of_image(size)),
        (restored / "restored.zarr" / "blur", inodes.of_image(size)),
    ):
        fields = list(store.glob("*/*/*/0"))  # row, column, field
        assert fields and {inodes.used(field.parent).inodes for field in fields} == {expected}, store
