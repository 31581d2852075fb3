"""`multiscope plan` beside a run that was made."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pytest

from tests.workflow.conftest import TINY, environment, snakemake

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def plan(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["multiscope", "plan", "--configfile", str(TINY), *map(str, arguments)]
    return subprocess.run(
        command, cwd=TINY.parent.parent.parent, env=environment(), capture_output=True, text=True, check=False
    )


def measured(folder: Path) -> dict[str, dict[str, str]]:
    """The last row of each benchmark file."""
    found = sorted((folder / "run_benchmarks").rglob("*.tsv"))
    return {
        str(path.relative_to(folder)): list(csv.DictReader(path.read_text().splitlines(), delimiter="\t"))[-1]
        for path in found
    }


def test_a_new_run_is_planned_by_an_earlier_one(chain: Path, tmp_path: Path) -> None:
    said = plan("--directory", tmp_path / "new", "--earlier", chain, "--json", tmp_path / "plan.json")
    assert said.returncode == 0, said.stderr
    found, took = json.loads((tmp_path / "plan.json").read_text()), measured(chain)
    assert len(found["jobs"]) == len(took)
    for job in found["jobs"]:
        of_job = took[job["benchmark"]]
        assert job["measured"] and job["seconds"] == float(of_job["s"])
    total = sum(float(row["s"]) for row in took.values())
    assert found["longest_chain_seconds"] <= found["wall_seconds"] <= total
    assert found["disk_bytes"] > 0 and not (tmp_path / "new" / "results").exists()
    assert "at most" not in said.stdout and "24 jobs: about" in said.stdout


def test_rules_ask_for_the_memory_that_they_took_and_not_for_a_multiple(chain: Path, tmp_path: Path) -> None:
    said = plan("--directory", tmp_path / "new", "--json", tmp_path / "plan.json")
    assert said.returncode == 0, said.stderr
    took = measured(chain)
    for job in json.loads((tmp_path / "plan.json").read_text())["jobs"]:
        assert not job["measured"]
        peak = float(took[job["benchmark"]]["max_rss"])
        assert peak < job["memory_mb"] <= max(5 * peak, 2000), (job["rule"], peak, job["memory_mb"])


def test_a_run_that_is_finished_has_nothing_to_plan(chain: Path) -> None:
    said = plan("--directory", chain, "--set-resources", "localize:mem_mb=900", "--set-threads", "embed=1")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("nothing to be done")


def test_what_cannot_fit_is_refused(tmp_path: Path) -> None:
    said = plan("--directory", tmp_path, "--set-resources", "localize:mem_mb=900000000")
    assert said.returncode == 2
    assert "rule localize: asks for 900000.0 GB of memory, this machine has" in said.stdout
    assert said.stderr.splitlines()[-1] == "multiscope: 1 thing(s) of this run cannot fit, see above"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workflow-profile", "profiles/slrm"], "--workflow-profile profiles/slrm: holds no profile.yaml"),
        (["--earlier", "tests"], "--earlier tests: holds no benchmark file of these rules"),
        (["--set-resources", "lokalize:mem_mb=9"], "set-resources, set-threads: no rule has the name 'lokalize'; the"),
        (["--json", "nowhere/plan.json"], "--json nowhere/plan.json: there is no folder"),
    ],
)
def test_what_snakemake_would_pass_over_is_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    run = plan("--directory", tmp_path, *arguments)
    assert run.returncode == 2 and f"multiscope: {said}" in run.stderr.splitlines()[-1], run.stderr
    assert "Warning" not in run.stderr


def test_a_configuration_with_a_fault_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("data: {a: {reader: nonsense}}\n")
    command = ["multiscope", "plan", "--configfile", str(config), "--directory", str(tmp_path)]
    run = subprocess.run(
        command, cwd=TINY.parent.parent.parent, env=environment(), capture_output=True, text=True, check=False
    )
    assert run.returncode == 2 and "data.a" in run.stderr.splitlines()[-1]


def test_a_folder_that_another_run_has_locked_can_be_planned(tmp_path: Path) -> None:
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("results/data/tiny\n")
    assert plan("--directory", tmp_path).returncode == 0
    assert "cannot be locked" in snakemake(tmp_path).stderr
