"""A stage killed or stopped at each moment at which it touches a file, one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_at_no_moment_is_a_result_half_there_and_a_second_run_ends_the_same(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-m", "tests.workflow.every_moment", str(tmp_path), name]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert int(found.stdout) > 35
