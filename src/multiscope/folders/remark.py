"""Who makes an output: a remark in the lock's file, made new every few seconds for as long as the job lives.

It is looked at, not dated: clocks of two machines differ, and times of files are coarse on some file systems.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

_BYTES = 512


@dataclass(frozen=True)
class Remark:
    """A job, and how often it has said that it lives."""

    pid: int
    host: str
    since: str
    token: str
    """Tells jobs apart whose process and host have the same names."""
    beats: int = 0

    @classmethod
    def of_this_job(cls) -> Remark:
        """A remark of this process."""
        now = datetime.now(UTC).isoformat(" ", "seconds")
        return cls(os.getpid(), socket.gethostname(), now, uuid4().hex)

    @property
    def next(self) -> Remark:
        """The same, one beat later."""
        return replace(self, beats=self.beats + 1)

    @property
    def is_of_this_host(self) -> bool:
        """Whether the job runs, or ran, on this machine."""
        return self.host == socket.gethostname()

    @property
    def is_gone(self) -> bool:
        """Whether it is known that the job ended: it was on this machine, and its process is not there."""
        if not self.is_of_this_host:
            return False
        try:
            with suppress(PermissionError, OverflowError):
                os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def write(self, descriptor: int) -> None:
        """Put it into a file, over the former one; of the same size, so that a full disk has room for it."""
        os.pwrite(descriptor, json.dumps(asdict(self)).ljust(_BYTES).encode(), 0)
        os.fsync(descriptor)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


def read_remark(path: Path) -> Remark | None:
    """The remark in the file `path`, if there is one; opened anew, as network file systems need it."""
    try:
        found = json.loads(path.read_bytes()[: 2 * _BYTES])
        remark = Remark(**found)
    except (ValueError, TypeError):
        return None
    return remark if isinstance(remark.pid, int) and isinstance(remark.host, str) else None
