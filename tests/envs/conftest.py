"""Snakemake with `--sdm`, where the command `multiscope` is found in what is deployed alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.envs import stand_in_conda
from tests.envs.spec import ENVS, ROOT
from tests.workflow.conftest import Run

NOWHERE = "http://127.0.0.1:9"
"""A proxy that is not there: whatever asks for an address fails at once."""


@dataclass(frozen=True)
class Deployed:
    """How Snakemake is called so that it deploys what its jobs need."""

    path: str
    options: tuple[str, ...]
    prefix: Path
    """Where environments are made, each at its first use."""

    def run(self, folder: Path, config: Path, *arguments: str, offline: bool = False) -> Run:
        """Run Snakemake in `folder`; `offline` for its jobs, not for making their environments."""
        environment = {**os.environ, "PATH": self.path, "OMP_NUM_THREADS": "1"}
        assert shutil.which("multiscope", path=self.path) is None
        common = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), "--configfile", str(config)]
        command = [sys.executable, "-m", "snakemake", *common, *self.options, "--cores", "2", *arguments]
        if offline:
            made = self._call([*command, "--conda-create-envs-only"], environment)
            assert made.returncode == 0, made.stdout + made.stderr
            environment |= {"https_proxy": NOWHERE, "http_proxy": NOWHERE, "HOME": str(folder)}
        return self._call(command, environment)

    def python(self, env: str) -> Path:
        """Python of an environment that was made."""
        text = (ENVS / f"{env}.yaml").read_text(encoding="utf-8")
        (made,) = [path for path in self.prefix.glob("*_.yaml") if path.read_text(encoding="utf-8") == text]
        return made.with_suffix("") / "bin" / "python"

    @staticmethod
    def _call(command: list[str], environment: dict[str, str]) -> Run:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def asked_for(pytestconfig: pytest.Config) -> None:
    """Skips unless asked for: what is made has several gigabytes."""
    if pytestconfig.getoption("markexpr") != "envs":
        pytest.skip("makes environments of several gigabytes: `make test-envs`")


@pytest.fixture
def deployed(asked_for: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """By conda: each environment is made anew, and removed after its test."""
    folder = tmp_path_factory.mktemp("deployed")
    prefix = folder / "envs"
    options = ("--sdm", "conda", "--conda-prefix", str(prefix))
    yield Deployed(path_with(stand_in_conda.install(folder / "conda")), options, prefix)
    shutil.rmtree(folder)


def path_with(folder: Path) -> str:
    """Where commands are looked for: in `folder`, and where there is no `multiscope`."""
    others = [entry for entry in os.environ["PATH"].split(os.pathsep) if not (Path(entry) / "multiscope").exists()]
    return os.pathsep.join([str(folder), *others])


def one_line(log: Path) -> str:
    """The line that a command ended with."""
    (line,) = re.findall(r"^multiscope: (.+)$", log.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return str(line)
