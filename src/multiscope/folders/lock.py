"""One job at a time makes an output, on any file system and from any number of machines.

The lock is a file beside the output. Who creates it has the lock, and says in it every few seconds that it lives. Who
finds it asks the kernel (`flock`), which knows at once of jobs on the same machine, and on most network file systems of
all others. Where the kernel cannot tell (Lustre without `flock`, NFS with local locks, a job that ended on another
machine) the file is watched: it is left behind if nothing is said for a minute. A job that finds its lock taken,
because it was suspended for longer than that, ends before it can write.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from multiscope.errors import InputError
from multiscope.folders.remark import Remark, read_remark

_WITHOUT_FLOCK = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
_SETTLE_SECONDS = 0.5
_BEAT_SECONDS = 10.0
_DEAD_SECONDS = 60.0


class HeldError(InputError):
    """Another job has the lock."""


class Lock:
    """Held from entering to leaving; the one who comes second gets a `HeldError` that says who holds it."""

    def __init__(self, out: Path) -> None:
        """A lock on making `out`, in a file beside it that is gone afterwards."""
        self._out = out
        self._path = out.parent / f".{out.name}.lock"
        self._remark = Remark.of_this_job()
        self._descriptor = -1
        self._ends = threading.Event()
        self._heart = threading.Thread(target=self._beat, name=f"lock {out.name}", daemon=True)

    def __enter__(self) -> Lock:
        """Take the lock, or say who has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while not self._try():
            pass
        self._heart.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """Let it go; the file is removed while it is still held."""
        self._ends.set()
        self._heart.join()
        with suppress(OSError):  # gone, or another's by now
            if (found := read_remark(self._path)) is None or found.token == self._remark.token:
                self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def confirm(self) -> None:
        """End the process if the lock is another job's by now: it has all that this one would write.

        A job that took it over and has ended already left no lock at all.
        """
        try:
            found = read_remark(self._path)
        except FileNotFoundError:
            self._end("a job that is over")
            return
        if found is not None and found.token != self._remark.token:
            self._end(str(found))

    def _try(self) -> bool:
        """Whether the lock is ours now; false if its file went or came meanwhile, and another try is due."""
        try:
            return self._create()
        except FileExistsError:
            pass
        try:
            self._descriptor = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            taken = self._take_over()
        except BaseException:
            os.close(self._descriptor)
            raise
        if not taken:
            os.close(self._descriptor)
        return taken

    def _create(self) -> bool:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            self._flock()
            self._remark.write(self._descriptor)
        except BaseException:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            raise
        return True

    def _take_over(self) -> bool:
        """Take a file that its job left behind; an `InputError` if that job lives."""
        try:
            by_kernel = self._flock()
            if os.fstat(self._descriptor).st_ino != self._path.stat().st_ino or self._is_held(by_kernel):
                return False
            self._remark.write(self._descriptor)
            time.sleep(_SETTLE_SECONDS)  # who came at the same moment has written by now: the last one has it
            if read_remark(self._path) != self._remark:
                raise HeldError(f"{self._out}: another job began to make it at the same time; wait for it")
        except FileNotFoundError:  # its job has just ended
            return False
        return True

    def _flock(self) -> bool:
        """Whether the kernel knows of locks here; an `InputError` if it knows that another job has this one."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._refusal(read_remark(self._path)) from None
        except OSError as error:
            if error.errno not in _WITHOUT_FLOCK:
                raise
            return False
        return True

    def _is_held(self, by_kernel: bool) -> bool:
        """False if the file was left behind, true if it is new; an `InputError` if its job lives."""
        found = read_remark(self._path)
        if found is None:
            time.sleep(_SETTLE_SECONDS)  # made a moment ago, or by a job that was killed in that moment
            return read_remark(self._path) is not None
        if found.is_gone or (by_kernel and found.is_of_this_host):
            return False
        print(f"{self._out}: its lock is held by {found}; looking whether it lives", file=sys.stderr, flush=True)
        until = time.monotonic() + _DEAD_SECONDS
        while time.monotonic() < until:
            time.sleep(_DEAD_SECONDS / 30)
            if (now := read_remark(self._path)) != found:
                raise self._refusal(now)
        return False

    def _refusal(self, holder: Remark | None) -> HeldError:
        who = holder or "which one is not known yet"
        return HeldError(f"{self._out}: another job is making it ({who}); wait for it, or stop it")

    def _beat(self) -> None:
        """Say again and again that this job lives."""
        while not self._ends.wait(_BEAT_SECONDS):
            with suppress(OSError):  # a network that fails for a while
                self.confirm()
                self._remark = self._remark.next
                self._remark.write(self._descriptor)

    def _end(self, other: str) -> None:
        """Leave everything as it is to the other job: also what would be cleaned up belongs to it."""
        print(f"multiscope: {self._out}: {other} has taken over; this job ends", file=sys.stderr, flush=True)
        os._exit(1)
