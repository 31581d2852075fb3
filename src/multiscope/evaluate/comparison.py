"""Tables of profiles against standards, always on the same proteins, with controls and paired differences."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

from threadpoolctl import threadpool_limits

from multiscope import config
from multiscope.errors import InputError
from multiscope.evaluate.controls import controls
from multiscope.evaluate.differences import differences
from multiscope.evaluate.profiles import Profiles
from multiscope.evaluate.renaming import renamed
from multiscope.evaluate.scores.members import ProfiledTerms
from multiscope.evaluate.scoring import Scored, limits_of, score_table
from multiscope.evaluate.whereabouts import circular, places_of
from multiscope.progress import track
from multiscope.standards.standard import Standard


@dataclass(frozen=True)
class Comparison:
    """What came out of comparing tables of profiles."""

    proteins: list[str]
    """Those that every table has, sorted."""
    standards: list[tuple[Standard, ProfiledTerms]]
    scored: list[Scored]
    """Each table, and each control, against each standard."""
    differences: list[dict[str, Any]]
    unnamed: Mapping[str, int]
    """Names of proteins that the table of genes did not settle, by reason."""
    places_from: str
    """Who says where proteins are: a standard's name, `labels`, or nothing."""
    circular: Mapping[str, str]
    """Standards that say little of encoders that learned from labels, and why."""

    @property
    def left_out(self) -> dict[str, dict[str, str]]:
        """Of each standard the scores that it does not allow, and why."""
        found: dict[str, dict[str, str]] = {}
        for each in self.scored:
            found.setdefault(each.standard.name, {}).update(each.left_out)
        return {name: reasons for name, reasons in found.items() if reasons}

    def described(self) -> dict[str, Mapping[str, Any]]:
        """Of each standard where it comes from, and what was lost."""
        return {
            standard.name: {
                **{key: value for key, value in vars(standard).items() if key not in ("name", "terms", "losses")},
                "losses": dict(standard.losses),
                "terms_dropped": {"too_small": limits.n_too_small, "too_large": limits.n_too_large},
                "proteins_profiled": len(limits.proteins),
            }
            for standard, limits in self.standards
        }


def compare(
    tables: Sequence[Profiles], standards: Sequence[Standard], section: config.Evaluate, *, threads: int = 1
) -> Comparison:
    """Score `tables`, and controls, against `standards` on the proteins that all tables have.

    `threads` processes share the tables and standards. No protein in common is an `InputError`.
    """
    tables, unnamed = renamed(tables, section)
    shared = sorted(frozenset.intersection(*(frozenset(table.proteins) for table in tables)))
    if not shared:
        raise InputError(f"no protein is in all of the {len(tables)} profile tables; compare encoders of one data set")
    places, said_by = places_of(tables, standards, section)
    limited = [(standard, limits_of(standard, shared, section)) for standard in standards]
    tables = [replace(table, x=table.of(shared), proteins=shared) for table in tables]
    every = [*tables, *(controls(tables, places) if section.controls and standards else ())]
    jobs = [(table, standard, limits, places, section) for table in every for standard, limits in limited]
    with _workers(min(threads, len(jobs))) as run:
        scored = list(track(run(_score, jobs), what="evaluate: profiles", total=len(jobs)))
    warnings = circular(scored, said_by=said_by)
    _say(scored, warnings)
    rows = differences(scored, confidence=section.confidence)
    return Comparison(shared, limited, scored, rows, unnamed, said_by, warnings)


def _say(scored: Sequence[Scored], warnings: Mapping[str, str]) -> None:
    for name, reason in warnings.items():
        print(
            f"evaluate: standard '{name}' is circular for encoders that learned from labels: {reason}", file=sys.stderr
        )
    for text in dict.fromkeys(f"{key} is left out: {why}" for each in scored for key, why in each.left_out.items()):
        print(f"evaluate: {text}", file=sys.stderr)


def _score(job: tuple[Profiles, Standard, ProfiledTerms, Mapping[str, str], config.Evaluate]) -> Scored:
    with threadpool_limits(1):  # a process is one thread of those that were asked for
        return score_table(*job)


@contextmanager
def _workers(n: int) -> Iterator[Any]:
    """A `map` over `n` processes, or in this one."""
    if n < 2:
        yield map
        return
    with ProcessPoolExecutor(n, mp_context=get_context("forkserver")) as pool:
        yield pool.map
