"""Tables of profiles against standards, always on the same proteins, with controls and paired differences."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from typing import Any

from threadpoolctl import threadpool_limits

from multiscope import config
from multiscope.errors import InputError
from multiscope.evaluate.controls import CONTROLS, controls
from multiscope.evaluate.differences import differences
from multiscope.evaluate.profiles import Profiles
from multiscope.evaluate.renaming import Names
from multiscope.evaluate.scoring import Against, Found, Scored, limits_of, score_table
from multiscope.evaluate.whereabouts import circular, places_of
from multiscope.progress import track
from multiscope.standards.standard import Standard


@dataclass(frozen=True)
class Comparison:
    """What came out of comparing tables of profiles."""

    proteins: list[str]
    """Those that every table has, sorted."""
    standards: list[Against]
    scored: list[Scored]
    """Each table, and each control, against each standard."""
    differences: list[dict[str, Any]]
    names: Names
    places_from: str
    """Who says where proteins are: a standard's name, `labels`, or nothing."""
    circular: Mapping[str, str]
    """Standards that say little of encoders that learned from labels, and why."""
    without: list[str]
    """Swept tables that lack proteins of the others, and were not scored."""

    @property
    def left_out(self) -> dict[str, dict[str, str]]:
        """Of each standard the scores that it does not allow, by score and table, and why."""
        found: dict[str, dict[str, str]] = {}
        for each in self.scored:
            if each.table.encoder not in CONTROLS:
                of_table = {f"{score}: {each.table.label}": why for score, why in each.found.left_out.items()}
                found.setdefault(each.against.standard.name, {}).update(of_table)
        return {name: reasons for name, reasons in found.items() if reasons}

    def described(self) -> dict[str, Mapping[str, Any]]:
        """Of each standard where it comes from, and what was lost."""
        return {
            each.standard.name: {
                **{key: value for key, value in vars(each.standard).items() if key not in ("name", "terms", "losses")},
                "losses": dict(each.standard.losses),
                "terms_dropped": {"too_small": each.limits.n_too_small, "too_large": each.limits.n_too_large},
                "proteins_profiled": len(each.limits.proteins),
            }
            for each in self.standards
        }


def compare(
    tables: Sequence[Profiles], standards: Sequence[Standard], section: config.Evaluate, *, threads: int = 1
) -> Comparison:
    """Score `tables`, and controls, against `standards` on the proteins that all tables have.

    Tables of further layers and epochs are scored if they have these proteins, too. `threads` processes share the work.
    No table, no protein in common, and standards that allow no score are `InputError`s.
    """
    if not tables:
        raise InputError("no table of profiles is given; name at least one")
    names = Names.read(section, tables)
    tables = [names.renamed(table) for table in tables]
    own = [table for table in tables if not table.swept]
    shared = sorted(frozenset.intersection(*(frozenset(table.proteins) for table in own)))
    if not shared:
        raise InputError(f"no protein is in all of the {len(own)} profile tables; compare encoders of one data set")
    places, said_by = places_of(tables, standards, section)
    against = [_against(standard, shared, places, section) for standard in standards]
    complete = [table for table in tables if frozenset(shared) <= frozenset(table.proteins)]
    every = [replace(table, x=table.of(shared), proteins=shared) for table in complete]
    every += list(controls(every, places)) if section.controls and standards else []
    scored = _scored(every, against, section, threads)
    warnings = circular(scored, said_by=said_by)
    rows = differences(scored, confidence=section.confidence)
    without = [table.label for table in tables if table not in complete]
    found = Comparison(shared, against, scored, rows, names, said_by, warnings, without)
    _say(found)
    return found


def _against(standard: Standard, shared: list[str], places: Mapping[str, str], section: config.Evaluate) -> Against:
    limits = limits_of(standard, shared, section)
    return Against(standard, limits, [places.get(protein, "") for protein in limits.proteins])


def _say(found: Comparison) -> None:
    """What the user should know, on stderr; an `InputError` if nothing could be scored."""
    reasons = [f"{reason}" for of_standard in found.left_out.values() for reason in of_standard.values()]
    if reasons and not any(each.found.scores for each in found.scored):
        raise InputError(reasons[0])
    for name, reason in found.circular.items():
        whom = "encoders that learned from labels"
        print(f"evaluate: standard '{name}' is circular for {whom}: {reason}", file=sys.stderr)
    for reason in dict.fromkeys(reasons):
        print(f"evaluate: a score is left out: {reason}", file=sys.stderr)


Case = tuple[Sequence[Profiles], Sequence[Against], config.Evaluate]
_case: Case | None = None
"""Of this process: it is sent once, not with each job."""


def _scored(
    tables: Sequence[Profiles], against: Sequence[Against], section: config.Evaluate, threads: int
) -> list[Scored]:
    jobs = [(row, column) for row in range(len(tables)) for column in range(len(against))]
    with _workers(min(threads, len(jobs)), (tables, against, section)) as run:
        found = list(track(run(_score, jobs), what="evaluate: profiles", total=len(jobs)))
    return [Scored(tables[row], against[column], each) for (row, column), each in zip(jobs, found, strict=True)]


def _receive(case: Case) -> None:
    global _case
    _case = case


def _begin_to_work(case: Case) -> None:
    """Receive the work in a process that ends with the one that began it, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the first process tells the others
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _receive(case)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _score(job: tuple[int, int]) -> Found:
    assert _case is not None
    tables, against, section = _case
    with threadpool_limits(1):  # a process is one thread of those that were asked for
        return score_table(tables[job[0]], against[job[1]], section)


@contextmanager
def _workers(n: int, case: Case) -> Iterator[Any]:
    """A `map` over `n` processes, or in this one."""
    if n < 2:
        _receive(case)
        yield map
        return
    with ProcessPoolExecutor(n, get_context("forkserver"), initializer=_begin_to_work, initargs=(case,)) as pool:
        yield pool.map
