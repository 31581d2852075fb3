"""Processes that share the work of `evaluate` end with the one that began them, however that ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

WORK = """
import json, multiprocessing, time
from multiscope.evaluate.comparison import _workers

if __name__ == "__main__":
    with _workers(2, ((), (), None)) as run:
        list(run(time.sleep, [0.1, 0.1]))
        print(json.dumps([each.pid for each in multiprocessing.active_children()]), flush=True)
        list(run(time.sleep, [60, 60]))
"""


def lives(pid: int) -> bool:
    """Whether a process does anything yet; one that nobody has asked about is a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_no_worker_outlives_a_job_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "work.py"
    script.write_text(WORK)
    job = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
    assert job.stdout is not None
    workers = json.loads(job.stdout.readline())
    assert workers and all(map(lives, workers))
    os.kill(job.pid, signal.SIGKILL)
    job.communicate()
    until = time.monotonic() + 30
    while any(map(lives, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(lives, workers))
