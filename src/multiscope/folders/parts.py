"""One output made by several jobs: each does its part of the work, and the one that comes last completes it.

A part is built like an output, in a folder of its own beside it, under a lock of its own, with a journal; so it is
killed and run again alone, and no two jobs write into one folder. When all parts are finished, the job that sees it
takes the lock of the output, moves what they made into its place, and goes on like a job that was killed after that
work: what should be missing it makes itself. It needs no message between jobs, only a disk that all of them see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from multiscope.errors import InputError
from multiscope.folders.disk import remove_folder
from multiscope.folders.journal import read_records
from multiscope.folders.lock import HeldError, Lock
from multiscope.folders.manifest import (
    StageRun,
    building,
    complete_output,
    describe_run,
    fingerprint,
    is_made,
    locked_output,
    place_of,
    say,
)

T = TypeVar("T")
_FINISHED = "part"
_GATHERED = "parts"


@dataclass(frozen=True)
class Part:
    """Which of how many parts of a work one job does."""

    number: int = 1
    """From 1 to `of`."""
    of: int = 1

    def share(self, things: Sequence[T]) -> Sequence[T]:
        """Those of `things` that are this part's: neighbours, and in all parts as many but for one."""
        start, stop = (k * len(things) // self.of for k in (self.number - 1, self.number))
        return things[start:stop]

    def __str__(self) -> str:
        return f"part {self.number} of {self.of}"


WHOLE = Part()
Work = Callable[[StageRun, Part], None]


def read_part(text: str) -> Part:
    """The part that `K/N` names."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    part = Part(*map(int, found.groups())) if found else Part(0)
    if not 1 <= part.number <= part.of:
        raise InputError(f"--part {text}: is no part; expected K/N with K from 1 to N, such as 2/4")
    return part


@contextmanager
def shared_output(
    out: Path, part: Part, work: Work, *, stage: str, inputs: Mapping[str, Path], **described: Any
) -> Iterator[StageRun | None]:
    """Build the folder `out` as `stage_output` does, of which `work` is shared: this job does its `part` of it.

    `work(run, part)` makes what units and journal of `run` miss of a part, and nothing else. The body completes the
    output with all of it; it is given None where that is another job's.
    """
    out = place_of(out, stage)
    run = describe_run(stage=stage, inputs=inputs, **described)
    parts = _Parts(out, part.of, run)
    with ExitStack() as opened:
        if part.of == 1:
            made: StageRun | None = opened.enter_context(complete_output(out, run))
        else:
            made = opened.enter_context(parts.completed(part)) if parts.do(part, work) else None
        if made is not None:
            work(made, WHOLE)
        yield made
    if made is not None:
        parts.remove()


class _Parts:
    """The folders of all parts of one output."""

    def __init__(self, out: Path, of: int, run: dict[str, Any]) -> None:
        self._out, self._run, self._stage = out, run, run["stage"]
        self._fingerprint = fingerprint(**run)
        self._all = [Part(number, of) for number in range(1, of + 1)] if of > 1 else []

    def do(self, part: Part, work: Work) -> bool:
        """Do one part, if that is not done; whether all are now, and the output can be completed."""
        if self._is_over(part):
            return False
        if self._is_gathered():  # a job was killed while it completed the output
            return True
        place = self._place(part)
        if not self._has(_folder(place), _FINISHED):  # else not even opened: its files may be moved at this moment
            with Lock(place), building(place, self._fingerprint) as journal, journal.unit(_FINISHED):
                work(StageRun(journal.folder, journal), part)
        waits = [str(each.number) for each in self._all if not self._has(_folder(self._place(each)), _FINISHED)]
        if waits and not self._is_gathered():
            say(f"{self._stage}: {part} is finished; the last of {', '.join(waits)} will complete {self._out}")
            return False
        return True

    @contextmanager
    def completed(self, part: Part) -> Iterator[StageRun | None]:
        """The output, with what the parts made; None where another job completes it, or has."""
        with ExitStack() as opened:
            try:
                lock = opened.enter_context(Lock(self._out))
            except HeldError as holder:
                say(f"{self._stage}: {part} is finished; {holder}")
                yield None
                return
            if self._is_over(part):  # since this job looked
                yield None
                return
            made = opened.enter_context(locked_output(self._out, lock, self._run))
            self._gather(made)
            yield made

    def _is_over(self, part: Part) -> bool:
        """Whether the output is there; then nothing is left of any part."""
        if not is_made(self._out, self._run):
            return False
        say(f"{self._stage}: {self._out} was completed by the same job; nothing is left for {part}")
        self.remove()
        return True

    def _is_gathered(self) -> bool:
        return self._has(_folder(self._out), _GATHERED)

    def _gather(self, made: StageRun) -> None:
        """Move what the parts made into the output."""
        with made.unit(_GATHERED) as unit:
            unit.facts = {"of": len(self._all)}
        made.note("parts", len(self._all))
        for part in self._all:
            made.journal.adopt(_folder(self._place(part)), but=_FINISHED)

    def remove(self) -> None:
        """Remove what is left of the parts."""
        for part in self._all:
            remove_folder(_folder(self._place(part)))

    def _place(self, part: Part) -> Path:
        return self._out.parent / f"{self._out.name}.part-{part.number}-of-{part.of}"

    def _has(self, folder: Path, unit: str) -> bool:
        return any(record["name"] == unit for record in read_records(folder, fingerprint=self._fingerprint))


def _folder(place: Path) -> Path:
    """Where an output, or a part of one, is built."""
    return place.parent / f".{place.name}.partial"
