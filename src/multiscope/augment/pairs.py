"""The mix of real and synthetic pairs that a restorer learns from.

`alpha` is the share of real pairs (Razdaibiedina et al. 2019): n real pairs get n / alpha - n synthetic ones beside
them. A synthetic pair is a clean patch without a degraded partner, and what the generator makes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import Pairs
from multiscope.data.patches import Fields, Place
from multiscope.errors import InputError

Stack = npt.NDArray[np.float32]
Degrade = Callable[[Stack, str], Stack]
"""Makes a defect: clean patches (n, Y, X) in [-1, 1] and the defect's name to degraded ones."""


def n_synthetic(pairs: Pairs) -> int:
    """Synthetic pairs of each defect: n / alpha - n, rounded to the nearest."""
    return round(pairs.n_pairs / pairs.alpha - pairs.n_pairs)


@dataclass(frozen=True)
class PairSet:
    """Pairs (N, 1, Y, X) in [-1, 1] and one row of `table` each."""

    degraded: Stack
    clean: Stack
    table: pd.DataFrame


def build_pairs(fields: Fields, config: Pairs, *, size: int, seed: int, degrade: Degrade | None) -> PairSet:
    """Real pairs from training fields, synthetic ones from clean training fields that have no partner of that defect.

    Without `degrade` there must be no synthetic pairs to make (alpha 1, setting `paired`).
    """
    rng = np.random.default_rng((seed, 5))
    parts: list[tuple[Stack, Stack, pd.DataFrame]] = []
    for defect in fields.defects:
        if config.setting == "paired":
            parts.append(_real(fields, defect, config.n_pairs, size=size, rng=rng))
        if (extra := n_synthetic(config)) and degrade is not None:
            parts.append(_synthetic(fields, defect, extra, size=size, rng=rng, degrade=degrade))
    if not parts:
        raise InputError(
            "augment.pairs: setting 'unpaired' with alpha 1 leaves no pairs at all; lower alpha below 1 or use 'paired'"
        )
    degraded, clean, tables = zip(*parts, strict=True)
    return PairSet(
        np.concatenate(degraded)[:, None], np.concatenate(clean)[:, None], pd.concat(tables, ignore_index=True)
    )


def _real(
    fields: Fields, defect: str, n: int, *, size: int, rng: np.random.Generator
) -> tuple[Stack, Stack, pd.DataFrame]:
    rows = fields.rows(split="train", defect=defect)
    places = [fields.draw("clean", rows, size=size, rng=rng) for _ in range(n)]
    degraded = np.stack([fields.patch(defect, place, size) for place in places])
    return degraded, _clean(fields, places, size), _table(places, defect, "real")


def _synthetic(
    fields: Fields, defect: str, n: int, *, size: int, rng: np.random.Generator, degrade: Degrade
) -> tuple[Stack, Stack, pd.DataFrame]:
    train = fields.rows(split="train")
    without_partner = train[train["defect"] != defect]
    rows = without_partner if len(without_partner) else train
    places = [fields.draw("clean", rows, size=size, rng=rng) for _ in range(n)]
    clean = _clean(fields, places, size)
    return degrade(clean, defect), clean, _table(places, defect, "synthetic")


def _clean(fields: Fields, places: list[Place], size: int) -> Stack:
    return np.stack([fields.patch("clean", place, size) for place in places])


def _table(places: list[Place], defect: str, origin: str) -> pd.DataFrame:
    return pd.DataFrame([asdict(place) for place in places]).assign(defect=defect, origin=origin)
