"""Snakemake with `--sdm conda`, where the command `multiscope` is found in the environments alone."""

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

from tests.envs.spec import ENVS, ROOT
from tests.envs.stand_in_conda import install
from tests.workflow.conftest import Run

NOWHERE = "http://127.0.0.1:9"
"""A proxy that is not there: whatever asks for an address fails at once."""


@dataclass(frozen=True)
class Deployed:
    """Where environments are made, each at its first use, and how Snakemake is called with them."""

    conda: Path
    prefix: Path
    path: str

    def run(self, folder: Path, config: Path, *arguments: str, offline: bool = False) -> Run:
        """Run Snakemake in `folder`; `offline` for its jobs, not for making their environments."""
        environment = {**os.environ, "PATH": self.path, "OMP_NUM_THREADS": "1"}
        assert shutil.which("multiscope", path=self.path) is None
        common = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), "--configfile", str(config)]
        deployed = ["--sdm", "conda", "--conda-prefix", str(self.prefix), "--cores", "2", *arguments]
        command = [sys.executable, "-m", "snakemake", *common, *deployed]
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
def deployed(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Skips unless asked for: each environment is made anew, of several gigabytes, and removed after its test."""
    if pytestconfig.getoption("markexpr") != "envs":
        pytest.skip("makes environments of several gigabytes: `make test-envs`")
    folder = tmp_path_factory.mktemp("deployed")
    conda = install(folder / "conda")
    system = [entry for entry in os.environ["PATH"].split(os.pathsep) if not (Path(entry) / "multiscope").exists()]
    yield Deployed(conda, folder / "envs", os.pathsep.join([str(conda), *system]))
    shutil.rmtree(folder)


def one_line(log: Path) -> str:
    """The line that a command ended with."""
    (line,) = re.findall(r"^multiscope: (.+)$", log.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return str(line)
