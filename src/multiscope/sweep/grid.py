"""The runs of a sweep: which mixes of pairs a method is trained on, and how they are shared among jobs.

Imported while Snakemake parses: nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Any

from multiscope.config import LearnsFrom, Pairs, Sweep

MIXED = ("physics", "cin_gan", "both")
"""Augmentations that add synthetic pairs."""


@dataclass(frozen=True)
class Run:
    """One training of one method."""

    pairs: Pairs
    """The mix of pairs of each defect."""
    defects: tuple[str, ...]
    """Defects that one network learns."""
    trained_on: str
    """`together` or `alone`."""

    @property
    def name(self) -> str:
        """What tells it apart, as part of a path."""
        mix = self.pairs
        real = f"{mix.n_pairs}pairs" if mix.setting == "paired" else "unpaired"
        made = f"-{mix.n_synthetic}" if mix.n_synthetic is not None else f"-alpha{mix.alpha:g}"
        synthetic = made if mix.augmentation in MIXED else ""
        return f"{real}-{mix.augmentation}{synthetic}-{'+'.join(self.defects)}"


def runs(sweep: Sweep, mix: Pairs, *, defects: Sequence[str], learns_from: LearnsFrom) -> Iterator[Run]:
    """Every run of one method; `mix` says how pairs are made where the sweep does not.

    A method that learns from strangers has no use for pairs and is trained once. One that learns a few numbers is
    fitted to real pairs, and to synthetic ones only where there are no real ones.
    """
    seen = set()
    for trained_on in sweep.defects:
        for learned in [tuple(defects)] if trained_on == "together" else [(defect,) for defect in defects]:
            for pairs in _mixes(sweep, mix, learns_from):
                run = Run(pairs, learned, trained_on)
                # one defect alone is all of them together, and different shares can be the same number of pairs
                if run.name not in seen and not _adds_nothing(pairs):
                    yield run
                seen.add(run.name)


def n_parts(sweep: Sweep, mix: Pairs, *, defects: Sequence[str], learns_from: LearnsFrom) -> int:
    """How many jobs do the runs of one method and seed, each at most `sweep.runs_per_job` of them."""
    if sweep.runs_per_job is None:
        return 1
    return ceil(len(list(runs(sweep, mix, defects=defects, learns_from=learns_from))) / sweep.runs_per_job)


def _mixes(sweep: Sweep, mix: Pairs, learns_from: LearnsFrom) -> Iterator[Pairs]:
    plain = [name for name in sweep.augmentation if name not in MIXED]
    mixed = [name for name in sweep.augmentation if name in MIXED]
    if learns_from == "strangers":
        yield _like(mix, setting="paired", n_pairs=1, augmentation=plain[-1] if plain else "flips")
        return
    few = learns_from == "a few numbers"
    for n in sweep.n_pairs:
        for augmentation in plain[:1] or ["none"] if few else plain:
            yield _like(mix, setting="paired", n_pairs=n, augmentation=augmentation)
        if not few:
            for augmentation, share in product(mixed, sweep.alpha):
                yield _like(mix, setting="paired", n_pairs=n, augmentation=augmentation, alpha=share)
            for augmentation, number in product(mixed, sweep.n_synthetic):
                yield _like(mix, setting="paired", n_pairs=n, augmentation=augmentation, n_synthetic=number)
    for augmentation, number in product(mixed[:1] if few else mixed, sweep.unpaired):
        yield _like(mix, setting="unpaired", augmentation=augmentation, n_synthetic=number)


def _adds_nothing(pairs: Pairs) -> bool:
    """Whether synthetic pairs are asked for, but so few that there are none: the run of flips is the same."""
    is_mixed = pairs.augmentation in MIXED
    return is_mixed and pairs.n_pairs != "all" and pairs.synthetic_beside(pairs.n_pairs) == 0


def _like(mix: Pairs, **changed: Any) -> Pairs:
    return Pairs.model_validate(mix.model_dump() | {"n_synthetic": None} | changed)
