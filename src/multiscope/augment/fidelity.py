"""Whether synthetic degraded patches look like real ones, and whether they are copies of training patches."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning_fabric import Fabric

from multiscope.augment.pairs import PairSet
from multiscope.data.patches import Fields, Place
from multiscope.data.seeding import stable_rng
from multiscope.metrics.kid import features_of, kid
from multiscope.nn.content import ContentFeatures

Features = npt.NDArray[np.float64]
FIDELITY_COLUMNS = ["defect", "what", "kid", "ci_low", "ci_high", "n", "nearest", "copies"]
_MOST, _BATCH = 256, 32
_COPY = 0.05
_FARTHEST = 3.0


def fidelity(
    fields: Fields, pairs: PairSet, network: ContentFeatures, *, size: int, seed: int, fabric: Fabric
) -> pd.DataFrame:
    """One row a defect and kind of patch: how far it is from real degraded training patches.

    `what` is `physics` or `cin_gan`, for synthetic patches; `clean`, for patches without the defect: a defect that is
    made well is nearer than they are; `real`, for real ones of other fields: nothing can be expected to be nearer.
    `kid` is the kernel distance of content features, with a bootstrap interval, of `n` patches to the real ones.

    `nearest` tells whether they are memorized: the median distance of a patch's features to the nearest real one, over
    that of real ones to the nearest of another field. `copies` is the share of patches that are nearer to a real one
    than all but 5 in 100 real ones are. 1 and 0.05 are what new images of the same kind have; copies have 0 and 1.
    Features are centred and divided by their standard deviation over real patches, and cut at 3 of them.
    """
    rows: list[dict[str, Any]] = []
    for defect in fields.defects:
        made = pairs.table["defect"] == defect
        origins = [name for name in ("physics", "cin_gan") if (made & (pairs.table["origin"] == name)).sum() > 1]
        if not origins:
            continue
        rng = stable_rng(seed, "fidelity", defect)
        places = _places(fields, defect, defect, size, rng)
        halves = _two_halves(places)
        real = _features(network, _patches(fields, defect, places, size), fabric)
        middle, spread = real.mean(axis=0), real.std(axis=0)
        spread = spread + 0.01 * spread.mean() + 1e-12  # features that hardly vary must not outweigh all others
        found = {
            name: _features(
                network, _some(pairs.degraded[(made & (pairs.table["origin"] == name)).to_numpy()], rng), fabric
            )
            for name in origins
        }
        clean = _places(fields, defect, "clean", size, rng)
        found["clean"] = _features(network, _patches(fields, "clean", clean, size), fabric)
        # a single bright patch must not outweigh all others: the kernel is cubic
        found = {what: ((features - middle) / spread).clip(-_FARTHEST, _FARTHEST) for what, features in found.items()}
        real = ((real - middle) / spread).clip(-_FARTHEST, _FARTHEST)
        between = _nearest_of_other_fields(real, [place.field_id for place in places])
        for what, features in found.items():
            scores = _distance(features, real, seed) | _memorized(features, real, between)
            rows.append({"defect": defect, "what": what, **scores})
        if all(half.sum() > 1 for half in halves):
            first, second = (real[half] for half in halves)
            scores = _distance(first, second, seed)
            rows.append({"defect": defect, "what": "real", **scores, "nearest": 1.0, "copies": _COPY})
    return pd.DataFrame(rows, columns=FIDELITY_COLUMNS)


def _distance(features: Features, real: Features, seed: int) -> dict[str, Any]:
    found = kid(features, real, seed=seed)
    return {"kid": found.value, "ci_low": found.low, "ci_high": found.high, "n": len(features)}


def _memorized(features: Features, real: Features, between: npt.NDArray[np.float64]) -> dict[str, float]:
    if not len(between):
        return {"nearest": float("nan"), "copies": float("nan")}
    nearest = _distances(features, real).min(axis=1)
    usual = float(np.median(between))
    ratio = float(np.median(nearest)) / usual if usual > 0 else float("nan")
    return {"nearest": ratio, "copies": float((nearest <= np.quantile(between, _COPY)).mean())}


def _nearest_of_other_fields(real: Features, fields: list[str]) -> npt.NDArray[np.float64]:
    names = np.asarray(fields)
    distances = _distances(real, real)
    distances[names[:, None] == names[None]] = np.inf
    nearest = distances.min(axis=1)
    return np.asarray(nearest[np.isfinite(nearest)])


def _distances(a: Features, b: Features) -> npt.NDArray[np.float64]:
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squared, 0)))


def _places(fields: Fields, defect: str, kind: str, size: int, rng: np.random.Generator) -> list[Place]:
    """Places without overlap in training fields: with the defect, or clean ones of fields that have another."""
    train = fields.rows(split="train")
    others = train[train["defect"] != defect]
    rows = train[train["defect"] == defect] if kind == defect or others.empty else others
    tiles = fields.tiles(rows, size=size)
    return [tiles[i] for i in rng.permutation(len(tiles))[:_MOST]]


def _two_halves(places: list[Place]) -> list[npt.NDArray[np.bool_]]:
    """Places of every second field, and the others."""
    names = sorted({place.field_id for place in places})
    first = np.asarray([names.index(place.field_id) % 2 == 0 for place in places])
    return [first, ~first]


def _patches(fields: Fields, kind: str, places: list[Place], size: int) -> npt.NDArray[np.float32]:
    return np.stack([fields.patch(kind, place, size) for place in places])[:, None]


def _some(patches: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    return patches[np.sort(rng.permutation(len(patches))[:_MOST])]


def _features(network: ContentFeatures, patches: npt.NDArray[np.float32], fabric: Fabric) -> Features:
    batches = torch.from_numpy(patches).split(_BATCH)
    return np.concatenate([features_of(network, fabric.to_device(batch)) for batch in batches])
