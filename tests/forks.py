"""Commands run in forks of one process that has everything imported, some of them hit at a chosen moment.

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


class Running:
    """A command that was begun."""

    def __init__(self, forks: Forks, pid: int, said: Path) -> None:
        """`said` is the file that its words go to."""
        self.pid = pid
        self._forks, self._said = forks, said

    def end(self) -> Ended:
        """Wait for its end."""
        code = self._forks.ask({"wait": self.pid})
        return Ended(code, self._said.read_text())


class Forks:
    """Begins commands; a context manager."""

    def __init__(self, folder: Path) -> None:
        """What the commands say goes to files in `folder`."""
        self._folder, self._begun = folder, 0
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def begin(
        self, arguments: Sequence[str | Path], hit: Hit | None = None, *, user: int = 0, **environment: str
    ) -> Running:
        """Start `multiscope` with `arguments`, as the user with this number, with these variables."""
        self._begun += 1
        said = self._folder / f"said{self._begun}"
        job = {"arguments": [str(each) for each in arguments], "hit": hit and asdict(hit), "said": str(said)}
        return Running(self, self.ask(job | {"user": user, "environment": environment}), said)

    def run(
        self, arguments: Sequence[str | Path], hit: Hit | None = None, *, user: int = 0, **environment: str
    ) -> Ended:
        """Begin and wait."""
        return self.begin(arguments, hit, user=user, **environment).end()

    def ask(self, what: dict[str, Any]) -> int:
        """A number for a line."""
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps(what) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._server.communicate()


def _serve() -> None:
    """Import everything; then a line is a command to fork, or one to wait for."""
    for name in _IMPORTED:
        importlib.import_module(name)
    running = set[int]()
    for line in sys.stdin:
        asked = json.loads(line)
        if child := asked.get("wait"):
            running.remove(child)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        elif child := os.fork():
            running.add(child)
            print(child, flush=True)
        else:
            _work(asked)
    for child in running:  # of a test that failed
        os.kill(child, signal.SIGKILL)


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
    os.environ.update(job["environment"])
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
