"""Commands run in forks of one process that has everything imported, and hit at a chosen moment.

A moment is the nth time that the command touches a file whose event (`open PATH`, `rename FROM TO`, `mkdir PATH`,
`remove PATH`, ...) fits a pattern: Python's audit events, so that no test waits for a moment and hopes.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

_STAGES = ("data", "augment", "restore", "sweep", "trust", "segment", "crop", "split", "localize", "embed", "evaluate")
_IMPORTED = ["multiscope.cli", "multiscope.report.stage", *(f"multiscope.{stage}.stage" for stage in _STAGES)]
_WRITES = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True)
class Hit:
    """What happens to a command, and when: it gets a signal, or an input is removed below it."""

    at: str
    """Pattern of the event."""
    nth: int = 1
    signal: str | None = None
    remove: str | None = None


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, negative for a signal, and what it said."""

    code: int
    said: str

    @property
    def lines(self) -> list[str]:
        """Lines that tell the user why it ended."""
        return [line for line in self.said.splitlines() if line.startswith("multiscope: ")]


class Forks:
    """Runs commands one after the other; a context manager."""

    def __init__(self, folder: Path) -> None:
        """What the commands say goes to a file in `folder`."""
        self._said = folder / "said"
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def run(
        self, arguments: Sequence[str | Path], hit: Hit | None = None, *, user: int = 0, tmp: Path | None = None
    ) -> Ended:
        """Run `multiscope` with `arguments`, as the user with this number, with `tmp` for temporary files."""
        job = {"arguments": [str(each) for each in arguments], "hit": hit and asdict(hit), "said": str(self._said)}
        assert self._server.stdin is not None and self._server.stdout is not None
        self._said.unlink(missing_ok=True)
        self._server.stdin.write(json.dumps(job | {"user": user, "tmp": tmp and str(tmp)}) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        return Ended(code, self._said.read_text())

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._server.communicate()


def _serve() -> None:
    """Import everything, then fork once a line."""
    for name in _IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _work(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _work(job: dict[str, Any]) -> None:
    """Be the command, to its end."""
    said = os.open(job["said"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o666)
    for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), said, said)):
        os.dup2(descriptor, number)
    code = 1
    try:
        _become(job)
        from multiscope.cli import main

        main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


def _become(job: dict[str, Any]) -> None:
    sys.argv = ["multiscope", *job["arguments"]]
    if job["tmp"]:
        os.environ["TMPDIR"] = job["tmp"]
    if job["hit"]:
        sys.addaudithook(hook_of(Hit(**job["hit"])))
    if job["user"]:
        os.setgroups([])
        os.setgid(job["user"])
        os.setuid(job["user"])


def hook_of(hit: Hit) -> Callable[[str, tuple[Any, ...]], None]:
    """What Python is to call on each event, so that `hit` happens."""
    pattern, left = re.compile(hit.at), hit.nth

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if left and (text := _described(event, arguments)) and pattern.search(text):
            left -= 1
            if not left:
                _do(hit)

    return hook


def _do(hit: Hit) -> None:
    if hit.remove is not None:
        path = Path(hit.remove)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if hit.signal is not None:
        os.kill(os.getpid(), signal.Signals[hit.signal])


def _described(event: str, arguments: tuple[Any, ...]) -> str:
    """What happens to which file; empty where nothing is written."""
    if event == "open":
        path, _, flags = arguments
        return f"open {path}" if isinstance(path, str) and flags & _WRITES else ""
    if event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"):
        return " ".join([event.split(".")[1], *(str(each) for each in arguments[: 1 + (event == "os.rename")])])
    return ""


if __name__ == "__main__":
    _serve()
