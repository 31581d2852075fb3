"""A stage that trains, hit at each moment at which it touches a file; prints how many there were.

Run by `test_every_moment.py` in a process of its own, which forks once a moment.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from multiscope.cli import stoppable
from multiscope.errors import Interrupted
from multiscope.folders import lock
from multiscope.folders.manifest import StageRun, read_manifest, stage_output, verify
from multiscope.training.finish import keep_history, open_state
from multiscope.training.loop import Plan, train
from tests.forks import Hit, hook_of
from tests.training.test_loop import Line

_PLAN = Plan(what="line", steps=4, seed=1, steps_per_epoch=2)


def make(out: Path, *, weight: int) -> None:
    """Two units of work, and a training between them."""
    described: dict[str, Any] = {
        **{"stage": "data", "version": 1, "config": {"weight": weight}, "inputs": {}, "seed": 1},
    }
    with stage_output(out, **described) as made:
        folder = open_state(out.with_name("out.state"), **described)
        _unit(made, "first")
        recipe = Line()
        train(recipe, _PLAN, folder)
        torch.save(recipe.net.state_dict(), made.path / "net.pt")
        _unit(made, f"second {weight}")
        keep_history(folder, made.path)
    folder.remove()


def _unit(made: StageRun, name: str) -> None:
    with made.unit(name) as unit:
        if not unit.finished:
            unit.path(f"{name}/a.txt").write_text(name)


def content(out: Path) -> Mapping[str, str]:
    """The sha256 of every file."""
    return {row["path"]: row["sha256"] for row in read_manifest(out)["files"]}


def in_fork(out: Path, *, weight: int, hit: Hit | None = None) -> int:
    """Make `out` in a fork; its exit code, negative for a signal."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 3
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        if hit:
            sys.addaudithook(hook_of(hit))
        with stoppable():
            make(out, weight=weight)
        code = 0
    except Interrupted:
        code = 1
    finally:
        os._exit(code)


def check(out: Path, wholes: Mapping[int, Mapping[str, str]], code: int, where: str) -> None:
    """What a job that was hit leaves: the former result, the new one, or none with the former one still at hand."""
    if out.exists():
        verify(out, full=True)
        assert content(out) in wholes.values(), where
    else:
        assert code < 0 and (out.parent / ".out.former").exists(), where
    names = {path.name for path in out.parent.iterdir()} - {"out", "out.state", ".out.partial"}
    # nobody can clean up after SIGKILL, nor after a signal while the former result and the lock are removed
    complete = out.exists() and content(out) == wholes[2]
    assert not names or (names <= {".out.lock", ".out.former"} and (code < 0 or complete)), f"{where}: {names}"


def main(folder: Path, name: str) -> None:
    """Hit at the first moment, the second, and so on, until the job ends before."""
    wholes = {}
    for weight in (1, 2):
        assert in_fork(folder / f"whole{weight}" / "out", weight=weight) == 0
        wholes[weight] = content(folder / f"whole{weight}" / "out")
    assert wholes[1] != wholes[2]
    lock._SETTLE_SECONDS = 0.01  # nobody else comes
    moment, here = 0, folder / "hit"
    hit = True
    while hit:
        moment += 1
        shutil.copytree(folder / "whole1", here)
        out, where = here / "out", f"{name} at moment {moment}"
        code = in_fork(out, weight=2, hit=Hit(at=str(here), nth=moment, signal=name))
        check(out, wholes, code, where)
        assert in_fork(out, weight=2) == 0, where
        assert content(out) == wholes[2], where
        verify(out, full=True)
        assert [path.name for path in here.iterdir()] == ["out"], where
        shutil.rmtree(here)
        hit = code != 0
    print(moment - 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
