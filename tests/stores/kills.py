"""Jobs that are killed at random moments and started again, until they end: the result must be that of a whole run."""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from multiscope.folders.manifest import verify

Start = Callable[[Path], BaseProcess]


def starter(make: Callable[[Path], None], *modules: str) -> Start:
    """Starts `make` in a process that begins at once: the imports, `modules` and its own, are done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([make.__module__, *modules])

    def begin(out: Path) -> BaseProcess:
        process = context.Process(target=make, args=(out,))
        process.start()
        return process

    return begin


def content(out: Path) -> dict[str, str]:
    """The sha256 of every file but the manifest, which knows the time."""
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "manifest.json")
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def killed_again_and_again(folder: Path, start: Start, *, kills: int) -> Path:
    """The last result in `folder` after so many kills; every result on the way is checked against a whole run's.

    Every other kill waits until the job has finished a further part, however slow the machine is: so there is something
    to keep.
    """
    whole = folder / "whole"
    for out in (folder / "warm", whole):
        began = time.monotonic()
        start(out).join()
        seconds = time.monotonic() - began
    expected, notes = content(whole), verify(whole, full=True)["notes"]
    rng, kept, out = random.Random(0), 0, folder / "out0"

    def check() -> None:
        nonlocal kept
        manifest: dict[str, Any] = verify(out)
        assert (content(out), manifest["notes"]) == (expected, notes)
        kept += manifest["kept_parts"]

    done, results = 0, 0
    while done < kills:
        before, process = _parts(out), start(out)
        process.join(rng.uniform(0, seconds / 2))
        while done % 2 and process.is_alive() and _parts(out) <= before:
            time.sleep(0.001)
        if process.is_alive():
            process.kill()
            process.join()
            done += 1
        if out.exists():
            check()
            out, results = folder / f"out{results + 1}", results + 1
    start(out).join()
    check()
    assert kept, "nothing was ever kept"
    assert {path.name for path in folder.iterdir() if path.name.startswith(".")} == set()
    return out


def _parts(out: Path) -> int:
    """How many parts the job that makes `out` has finished so far."""
    try:
        return (out.parent / f".{out.name}.partial" / ".journal").read_bytes().count(b"\n")
    except OSError:
        return 0
