"""Progress of long work: a bar on a terminal, a line every so often in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

T = TypeVar("T")
_LINE_SECONDS = 10.0


class Progress:
    """Count `total` units of `what` on stderr, from `start` on."""

    def __init__(self, what: str, *, total: int, start: int = 0, shown: bool = True) -> None:
        """Nothing is shown before the context is entered; where not `shown`, by one of many processes, never."""
        self._what, self._total, self._done, self._start = what, total, start, start
        self._shown = shown
        self._began = self._said = time.monotonic()
        self._bar: Bar | None = None
        if shown and sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, TextColumn("{task.fields[values]}"), console=Console(stderr=True))
            self._task = self._bar.add_task(what, total=total, completed=start, values="")

    def __enter__(self) -> Progress:
        """Show the bar."""
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """Take the bar down; a log gets a last line."""
        if self._bar:
            self._bar.stop()
        elif kind is None:
            self._say("done")

    def advance(self, values: Mapping[str, float] | None = None, *, n: int = 1) -> None:
        """So many units are done; `values` are shown beside them."""
        self._done += n
        shown = "  ".join(f"{name} {value:.4g}" for name, value in (values or {}).items())
        if self._bar:
            self._bar.update(self._task, completed=self._done, values=shown)
        elif time.monotonic() - self._said > _LINE_SECONDS:
            self._say(shown)

    def _say(self, text: str) -> None:
        self._said = time.monotonic()
        if not self._shown:
            return
        seconds = self._said - self._began
        print(
            f"{self._what}: {self._done}/{self._total} after {seconds:.0f} s  {text}".rstrip(),
            file=sys.stderr,
            flush=True,
        )


def track(items: Iterable[T], *, what: str, total: int) -> Iterator[T]:
    """Iterate over `items`, counting them."""
    with Progress(what, total=total) as progress:
        for item in items:
            yield item
            progress.advance()
