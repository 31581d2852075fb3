"""The mix of real and synthetic pairs that a restorer learns from.

`alpha` is the share of real pairs (Razdaibiedina et al. 2019): n real pairs get n / alpha - n synthetic ones beside
them. A synthetic pair is a clean patch without a degraded partner, and what a generator or a forward model makes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.augment.physics import degraded_patch, forward_models
from multiscope.config import Pairs
from multiscope.data.patches import Fields, Place
from multiscope.data.seeding import stable_rng
from multiscope.errors import InputError

Stack = npt.NDArray[np.float32]
Degrade = Callable[[Stack, str], Stack]
"""Makes a defect: clean patches (n, Y, X) in [-1, 1] and the defect's name to degraded ones."""


@dataclass(frozen=True)
class PairSet:
    """Pairs (N, 1, Y, X) in [-1, 1] and one row of `table` each.

    Columns: `field_id, channel, y, x` (where the clean patch lies), `defect`, `origin` (`real`, `physics` or
    `cin_gan`), and `strength` of the forward model (NaN but for `physics`).
    """

    degraded: Stack
    clean: Stack
    table: pd.DataFrame


@dataclass(frozen=True)
class Mix:
    """How many pairs of one defect are of which origin."""

    real: int
    physics: int
    cin_gan: int


def build_pairs(fields: Fields, config: Pairs, *, size: int, seed: int, degrade: Degrade | None) -> PairSet:
    """Real pairs from training fields, synthetic ones from clean training fields that have no partner of that defect.

    `degrade` is the trained generator; it is needed where `config.needs_generator`. The real pairs of a smaller number
    are the first of those of a larger one with the same seed.
    """
    models = forward_models(config, fields.defects) if "physics" in config.makers else {}
    parts: list[PairSet] = []
    for defect, (tiles, mix) in plan_mixes(fields, config, size=size).items():
        if mix.real:
            order = fields.in_random_order(tiles, size=size, rng=stable_rng(seed, "real pairs", defect))
            places = list(islice(order, mix.real))
            made = np.stack([fields.patch(defect, place, size) for place in places])
            parts.append(_part(fields, places, made, size, defect, "real"))
        if mix.cin_gan:
            if degrade is None:
                raise InputError(
                    "--generator is missing: augment.pairs asks for synthetic pairs made by CIN-GAN; name it"
                )
            places = _unpaired(fields, defect, mix.cin_gan, size, stable_rng(seed, "cin_gan pairs", defect))
            made = degrade(_clean(fields, places, size), defect)
            parts.append(_part(fields, places, made, size, defect, "cin_gan"))
        if mix.physics:
            rng, model = stable_rng(seed, "physics pairs", defect), models[defect]
            places = _unpaired(fields, defect, mix.physics, size, rng)
            strengths = model.strength * rng.uniform(*config.strengths, size=len(places))
            made = np.stack(
                [
                    degraded_patch(fields, place, model, strength=float(strength), size=size, rng=rng)
                    for place, strength in zip(places, strengths, strict=True)
                ]
            )
            parts.append(_part(fields, places, made, size, defect, "physics", strengths))
    if not parts:
        raise InputError(
            "augment.pairs: setting 'unpaired' without synthetic pairs leaves no pairs at all; lower alpha below 1, "
            "give n_synthetic and an augmentation that makes them, or use 'paired'"
        )
    return PairSet(
        np.concatenate([part.degraded for part in parts]),
        np.concatenate([part.clean for part in parts]),
        pd.concat([part.table for part in parts], ignore_index=True),
    )


def plan_mixes(fields: Fields, config: Pairs, *, size: int) -> dict[str, tuple[list[Place], Mix]]:
    """For each defect the places that real pairs can be taken at, and how many pairs are of which origin.

    What cannot be is an `InputError`: more pairs than there are, a defect without training fields or forward model.
    """
    if not fields.defects:
        raise InputError(f"{fields.path}: its fields have no defects; name some under the data set's 'defects'")
    if "physics" in config.makers:
        forward_models(config, fields.defects)
    planned = {}
    for defect in fields.defects:
        tiles = fields.tiles(fields.rows(split="train", defect=defect), size=size)
        planned[defect] = tiles, _mix(config, defect, available=len(tiles), where=fields.path)
    return planned


def _mix(config: Pairs, defect: str, *, available: int, where: Path) -> Mix:
    if config.setting == "paired" and not available:
        raise InputError(
            f"{where}: no training field has the defect '{defect}'; give the data set more fields or "
            "leave the defect out"
        )
    n = available if config.n_pairs == "all" else config.n_pairs
    if config.setting == "paired" and n > available:
        raise InputError(
            f"augment.pairs.n_pairs: {n} asked for, but the training fields with '{defect}' hold {available} patches "
            f"that do not overlap; take {available} or fewer, or 'all'"
        )
    extra = config.synthetic_beside(n)
    made = {maker: extra // len(config.makers) for maker in config.makers}
    if config.makers:
        made[config.makers[0]] = extra - sum(list(made.values())[1:])
    return Mix(n if config.setting == "paired" else 0, made.get("physics", 0), made.get("cin_gan", 0))


def _unpaired(fields: Fields, defect: str, n: int, size: int, rng: np.random.Generator) -> list[Place]:
    train = fields.rows(split="train")
    without_partner = train[train["defect"] != defect]
    rows = without_partner if len(without_partner) else train
    return [fields.draw("clean", rows, size=size, rng=rng) for _ in range(n)]


def _clean(fields: Fields, places: list[Place], size: int) -> Stack:
    return np.stack([fields.patch("clean", place, size) for place in places])


def _part(
    fields: Fields,
    places: list[Place],
    degraded: Stack,
    size: int,
    defect: str,
    origin: str,
    strengths: npt.NDArray[np.float64] | float = np.nan,
) -> PairSet:
    table = pd.DataFrame([asdict(place) for place in places]).assign(defect=defect, origin=origin, strength=strengths)
    return PairSet(degraded[:, None], _clean(fields, places, size)[:, None], table)
