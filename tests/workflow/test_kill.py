"""A training killed with SIGKILL half way, and run again, ends as one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
CONFIG = "{model: deeploc, width: 0.125, dense: 16, epochs: 12, batch_size: 8}"


def command(crops: Path, out: Path) -> list[str]:
    program = [sys.executable, "-m", "multiscope", "localize", "--device", "cpu", "--encoder", "deeploc"]
    return [*program, "--crops", str(crops), "--out", str(out), "--config", CONFIG, "--seed", "5"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda how: how.name)
def test_a_killed_training_goes_on(tiny_crops: Path, tmp_path: Path, how: signal.Signals) -> None:
    subprocess.run(command(tiny_crops, tmp_path / "whole"), check=True, capture_output=True)

    cut = tmp_path / "cut"
    process = subprocess.Popen(command(tiny_crops, cut), stderr=subprocess.PIPE, text=True)
    epochs = tmp_path / "cut.state" / "epochs"
    deadline = time.monotonic() + 120
    while not (epochs.is_dir() and len(list(epochs.iterdir())) >= 4):
        assert process.poll() is None and time.monotonic() < deadline, process.stderr and process.stderr.read()
        time.sleep(0.01)
    os.kill(process.pid, how)
    _, said = process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if how == signal.SIGKILL else 1)
    if how == signal.SIGTERM:
        assert "stopped by SIGTERM after step" in said and "run again to go on" in said
    assert not cut.exists()

    again = subprocess.run(command(tiny_crops, cut), check=True, capture_output=True, text=True)
    assert "resumed at step" in again.stderr
    expected, found = load_file(tmp_path / "whole" / "model.safetensors"), load_file(cut / "model.safetensors")
    assert expected.keys() == found.keys()
    assert all(np.array_equal(expected[name], found[name]) for name in expected)
    assert (cut / "history.jsonl").read_text() == (tmp_path / "whole" / "history.jsonl").read_text()
    assert not (tmp_path / "cut.state").exists()
