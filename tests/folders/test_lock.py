"""One job at a time makes an output."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from multiscope.errors import InputError
from multiscope.folders import lock
from multiscope.folders.lock import Lock

HOLD = """
import sys, time
from pathlib import Path
from multiscope.folders.lock import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(out: Path) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    return child


def test_the_second_is_told_who_holds_it_until_that_one_is_killed(tmp_path: Path) -> None:
    child = hold(tmp_path / "out")
    expected = (
        rf"out: another job is making it \(process {child.pid} on {socket.gethostname()}, since .*\); wait for it"
    )
    for _ in range(2):
        with pytest.raises(InputError, match=expected) as caught, Lock(tmp_path / "out"):
            pass
        assert "\n" not in str(caught.value)
    child.kill()
    child.communicate()
    with Lock(tmp_path / "out"):
        assert [path.name for path in tmp_path.iterdir()] == [".out.lock"]
    assert not list(tmp_path.iterdir())


def test_it_holds_within_a_process_too_and_for_its_own_output_alone(tmp_path: Path) -> None:
    with (
        Lock(tmp_path / "a"),
        Lock(tmp_path / "b"),
        pytest.raises(InputError, match="another job"),
        Lock(tmp_path / "a"),
    ):
        pass


@pytest.fixture
def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(lock, "_SETTLE_SECONDS", 0.01)


def remark(tmp_path: Path, **values: Any) -> Path:
    path = tmp_path / ".out.lock"
    path.write_text(json.dumps({"pid": os.getppid(), "host": socket.gethostname(), "since": "today"} | values))
    return path


@pytest.mark.usefixtures("without_flock")
def test_without_flock_a_job_that_runs_here_or_may_run_elsewhere_blocks(tmp_path: Path) -> None:
    for host in (socket.gethostname(), "elsewhere"):
        path = remark(tmp_path, host=host)
        with pytest.raises(InputError, match=rf"on {host}, since today\); wait for it, or delete {path} if"):
            Lock(tmp_path / "out").__enter__()
        assert path.exists()


@pytest.mark.usefixtures("without_flock")
@pytest.mark.parametrize("text", [None, "", "no json", "[]"])
def test_without_flock_what_a_killed_job_left_does_not_block(tmp_path: Path, text: str | None) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path = remark(tmp_path, pid=gone.pid)
    if text is not None:
        path.write_text(text)
    with Lock(tmp_path / "out"):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not path.exists()


@pytest.mark.usefixtures("without_flock")
def test_without_flock_the_last_of_two_who_come_at_once_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock.time, "sleep", lambda _: remark(tmp_path, host="elsewhere"))
    with pytest.raises(InputError, match="another job began to make it at the same time"):
        Lock(tmp_path / "out").__enter__()
    assert json.loads((tmp_path / ".out.lock").read_text())["host"] == "elsewhere"
