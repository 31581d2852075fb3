"""One job at a time makes an output.

The lock is the kernel's (`flock`), so that it goes with the job that holds it, however that ends. A remark in the file
says who holds it. Where the file system knows no `flock`, the remark is the lock: it is stale when its job on this host
is gone; of a job on another host nobody can tell, so a person has to.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from multiscope.errors import InputError

_WITHOUT_FLOCK = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
_SETTLE_SECONDS = 0.5


class Lock:
    """Held from entering to leaving; the one who comes second gets an `InputError` that says who holds it."""

    def __init__(self, out: Path) -> None:
        """A lock on making `out`, in a file beside it that is gone afterwards."""
        self._out = out
        self._path = out.parent / f".{out.name}.lock"
        self._descriptor = -1
        self._by_kernel = True

    def __enter__(self) -> Lock:
        """Take the lock, or say who has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while not self._try():
            pass
        remark = {"pid": os.getpid(), "host": socket.gethostname(), "since": _now()}
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(remark).encode(), 0)
        if not self._by_kernel:
            time.sleep(_SETTLE_SECONDS)  # who came at the same moment has written by now: the last one has it
            if self._remark() != remark:
                os.close(self._descriptor)
                raise InputError(f"{self._out}: another job began to make it at the same time; wait for it")
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """Let it go; the file is removed while it is still held."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _try(self) -> bool:
        """Whether the lock is ours now; false if the file was removed meanwhile, and another try is due."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._flock()
            return os.fstat(self._descriptor).st_ino == self._path.stat().st_ino
        except FileNotFoundError:
            os.close(self._descriptor)
            return False
        except BaseException:
            os.close(self._descriptor)
            raise

    def _flock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{self._out}: {_held_by(self._remark())}; wait for it, or stop it") from None
        except OSError as error:
            if error.errno not in _WITHOUT_FLOCK:
                raise
            self._by_kernel = False
            remark = self._remark()
            if remark and not _is_gone(remark):
                raise InputError(
                    f"{self._out}: {_held_by(remark)}; wait for it, or delete {self._path} if that job is gone"
                ) from None

    def _remark(self) -> dict[str, Any]:
        with suppress(ValueError):
            found = json.loads(os.pread(self._descriptor, 4096, 0))
            if isinstance(found, dict):
                return found
        return {}


def _now() -> str:
    return datetime.now(UTC).isoformat(" ", "seconds")


def _held_by(remark: dict[str, Any]) -> str:
    who = "process {pid} on {host}, since {since}".format_map({"pid": "?", "host": "?", "since": "?"} | remark)
    return f"another job is making it ({who if remark else 'which one is not known yet'})"


def _is_gone(remark: dict[str, Any]) -> bool:
    """Whether the job of the remark ran on this host and ended."""
    if remark.get("host") != socket.gethostname() or not isinstance(remark.get("pid"), int):
        return False
    try:
        os.kill(remark["pid"], 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return bool(remark["pid"] == os.getpid())
