"""One job at a time makes an output."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from multiscope.errors import InputError
from multiscope.folders import lock
from multiscope.folders.lock import Lock
from multiscope.folders.remark import read_remark

HOLD = """
import sys, time
from pathlib import Path
from multiscope.folders import lock
from multiscope.folders.lock import Lock
lock._BEAT_SECONDS = 0.1
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


@pytest.fixture(params=[errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def without_flock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that knows no `flock`, and little patience."""

    def refuse(*_: Any) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)
    impatient(monkeypatch)


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_SETTLE_SECONDS", 0.01)
    monkeypatch.setattr(lock, "_DEAD_SECONDS", 0.3)
    monkeypatch.setattr(lock, "_BEAT_SECONDS", 0.02)


def remark(tmp_path: Path, **values: Any) -> Path:
    """A lock's file as another job left it."""
    path = tmp_path / ".out.lock"
    known = {"pid": os.getppid(), "host": "elsewhere", "since": "today", "token": "other", "beats": 3}
    path.write_text(json.dumps(known | values))
    return path


@contextmanager
def living(tmp_path: Path) -> Iterator[Path]:
    """A job on another machine that says every few hundredths of a second that it lives."""
    path, ends = remark(tmp_path), threading.Event()
    descriptor = os.open(path, os.O_RDWR)

    def say() -> None:
        saying = read_remark(path)
        while saying is not None and not ends.wait(0.02):
            saying = saying.next
            saying.write(descriptor)

    job = threading.Thread(target=say)
    job.start()
    try:
        yield path
    finally:
        ends.set()
        job.join()
        os.close(descriptor)


def taken(tmp_path: Path) -> None:
    with Lock(tmp_path / "out"):
        assert json.loads((tmp_path / ".out.lock").read_text())["pid"] == os.getpid()
    assert not (tmp_path / ".out.lock").exists()


@pytest.mark.usefixtures("without_flock")
def test_without_flock_a_job_that_lives_blocks_wherever_it_runs(tmp_path: Path) -> None:
    with (
        living(tmp_path),
        pytest.raises(InputError, match=r"out: another job is making it \(process \d+ on elsewhere, since today\);"),
    ):
        Lock(tmp_path / "out").__enter__()
    (tmp_path / ".out.lock").unlink()
    child = hold(tmp_path / "out")
    with pytest.raises(InputError, match=rf"another job is making it \(process {child.pid} on {socket.gethostname()}"):
        Lock(tmp_path / "out").__enter__()
    child.kill()
    child.communicate()
    taken(tmp_path)


def test_locks_of_one_machine_only_are_not_relied_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS with local locks, Lustre with `localflock`: the kernel grants what another machine holds."""
    impatient(monkeypatch)
    with living(tmp_path), pytest.raises(InputError, match=r"another job is making it .* on elsewhere"):
        Lock(tmp_path / "out").__enter__()


def test_what_a_job_left_on_another_machine_blocks_for_a_minute_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert lock._BEAT_SECONDS * 5 < lock._DEAD_SECONDS <= 60
    impatient(monkeypatch)
    remark(tmp_path)
    taken(tmp_path)
    assert re.search(
        r"its lock is held by process \d+ on elsewhere, since today; looking whether", capfd.readouterr().err
    )


def test_what_a_job_left_on_this_machine_does_not_block(tmp_path: Path) -> None:
    remark(tmp_path, host=socket.gethostname())
    started = time.monotonic()
    taken(tmp_path)
    assert time.monotonic() - started < lock._DEAD_SECONDS / 2


@pytest.mark.usefixtures("without_flock")
@pytest.mark.parametrize("text", [None, "", "no json", "[]", "{}"])
def test_without_flock_what_a_killed_job_left_does_not_block(tmp_path: Path, text: str | None) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path = remark(tmp_path, pid=gone.pid, host=socket.gethostname())
    if text is not None:
        path.write_text(text)
    taken(tmp_path)


@pytest.mark.usefixtures("without_flock")
def test_without_flock_the_last_of_two_who_come_at_once_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remark(tmp_path)
    monkeypatch.setattr(lock, "_DEAD_SECONDS", -1.0)
    monkeypatch.setattr(lock.time, "sleep", lambda _: remark(tmp_path, token="quicker"))
    with pytest.raises(InputError, match="another job began to make it at the same time"):
        Lock(tmp_path / "out").__enter__()
    assert json.loads((tmp_path / ".out.lock").read_text())["token"] == "quicker"


def test_of_many_jobs_at_once_one_has_it(tmp_path: Path) -> None:
    """Also when the file goes and comes between their looks."""
    held, most, refused = 0, 0, 0
    counting, begin = threading.Lock(), threading.Barrier(8)

    def job() -> None:
        nonlocal held, most, refused
        begin.wait()
        for _ in range(20):
            try:
                with Lock(tmp_path / "out"):
                    with counting:
                        held += 1
                        most = max(most, held)
                    time.sleep(0.0005)
                    with counting:
                        held -= 1
            except InputError:
                refused += 1

    jobs = [threading.Thread(target=job) for _ in range(8)]
    for each in jobs:
        each.start()
    for each in jobs:
        each.join()
    assert most == 1 and refused > 0
    assert not list(tmp_path.iterdir())


TAKEN = """
import sys, time
from pathlib import Path
from multiscope.folders import lock
lock._BEAT_SECONDS = 0.05
out = Path(sys.argv[1])
with lock.Lock(out):
    path = out.with_name(".out.lock")
    path.write_text(path.read_text().replace(lock.read_remark(path).token, "other"))
    try:
        time.sleep(30)
    finally:
        out.touch()
"""


def test_a_job_whose_lock_was_taken_ends_before_it_can_write(tmp_path: Path) -> None:
    """It was suspended for so long that another had to think it dead."""
    found = subprocess.run(
        [sys.executable, "-c", TAKEN, str(tmp_path / "out")], capture_output=True, text=True, timeout=30, check=False
    )
    assert found.returncode == 1
    assert re.fullmatch(r"multiscope: .*/out: process .* has taken over; this job ends\n", found.stderr)
    assert [path.name for path in tmp_path.iterdir()] == [".out.lock"]


def test_a_full_disk_leaves_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        Lock(tmp_path / "out").__enter__()
    assert not list(tmp_path.iterdir())


def test_a_lock_that_is_gone_ends_the_job_before_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who took it over while this job was suspended has ended: its result is whole, that of this job would not be."""
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    with Lock(tmp_path / "out") as held:
        held.confirm()
        assert not ended
        (tmp_path / ".out.lock").unlink()
        held.confirm()
    assert ended == [1] and "a job that is over has taken over; this job ends" in capsys.readouterr().err


def test_another_jobs_lock_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".out.lock"
    with Lock(tmp_path / "out"):
        path.unlink()
        with Lock(tmp_path / "out"):
            theirs = path.read_bytes()
            path.rename(tmp_path / "kept")
        (tmp_path / "kept").rename(path)
    assert path.read_bytes() == theirs
