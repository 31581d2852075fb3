"""The image's definition is followed to its end, and rules run in what it makes, by a stand-in for Apptainer."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.envs.conftest import Deployed, path_with
from tests.envs.spec import ENVS, ROOT
from tests.envs.stand_in_apptainer import install
from tests.workflow.conftest import TINY

pytestmark = [pytest.mark.envs, pytest.mark.slow, pytest.mark.timeout(3600)]
TARGETS = ["results/crop/clean", "results/augment/cin_gan/seed0"]
"""Of stages that read and write stores, and one that trains."""


@pytest.fixture
def able() -> None:
    """Skips where the stand-in cannot work."""
    missing = [name for name in ("debootstrap", "unshare") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root, debootstrap and unshare; {'lacks ' + ', '.join(missing) if missing else 'not root'}")


def test_rules_run_in_the_image(asked_for: None, able: None, tmp_path: Path) -> None:
    path = path_with(install(tmp_path / "bin"))
    image = tmp_path / "run" / "multiscope.sif"
    image.parent.mkdir()
    try:
        build = ["apptainer", "build", str(image), str(ENVS / "multiscope.def")]
        subprocess.run(build, cwd=ROOT, env={**os.environ, "PATH": path}, check=True, timeout=3000)
        run = Deployed(path, ("--sdm", "apptainer"), tmp_path).run(image.parent, TINY, *TARGETS)
        assert run.returncode == 0, run.stdout + run.stderr
        assert f"Activating singularity image {image.name}" in run.stdout + run.stderr
        assert all((image.parent / target / "manifest.json").is_file() for target in TARGETS)
    finally:
        shutil.rmtree(image, ignore_errors=True)
