"""Methods of careamics have an environment of their own, which nobody else is asked for."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import ROOT, with_conda


def planned_environments(folder: Path, config: Path) -> set[str]:
    """Names of the environments that a run would make."""
    command = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder / "run"), "-n"]
    run = subprocess.run(
        [*command, "--sdm", "conda", "--configfile", str(config)],
        env=with_conda(folder),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return set(re.findall(r"envs/(\w+)\.yaml will be created", run.stdout + run.stderr))


@pytest.mark.parametrize("model", ["careamics_care", "careamics_n2v", "gaussian"])
def test_only_methods_of_careamics_ask_for_its_environment(
    model: str, tmp_path: Path, changed_config: Callable[[str, object], Path]
) -> None:
    config = changed_config("restore.methods.other", {"model": model})
    expected = {"multiscope"} if model == "gaussian" else {"multiscope", "careamics"}
    assert planned_environments(tmp_path, config) == expected


def packages(name: str) -> set[str]:
    listed = yaml.safe_load((ROOT / "envs" / f"{name}.yaml").read_text(encoding="utf-8"))["dependencies"]
    from_pip = [entry for part in listed if isinstance(part, dict) for entry in part["pip"]]
    return {re.split(r"[ >=<,!]", entry)[0] for entry in [*listed, *from_pip] if isinstance(entry, str)}


def test_its_environment_has_all_that_a_stage_needs_and_careamics() -> None:
    assert packages("multiscope") | {"careamics", "lightning"} <= packages("careamics")
    script = ROOT / "envs" / "careamics.post-deploy.sh"
    assert script.read_text("utf-8") == (ROOT / "envs" / "multiscope.post-deploy.sh").read_text("utf-8")
