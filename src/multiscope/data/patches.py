"""Patches of the training fields of a data set, clean or degraded, scaled to [-1, 1]."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from multiscope.errors import InputError
from multiscope.folders.manifest import verify
from multiscope.stores.fields import read_field

Plane = npt.NDArray[np.float32]
_CACHE_BYTES = 2 * 2**30
_CANDIDATES = 3


@dataclass(frozen=True)
class Scale:
    """Intensities of one channel that are brought to -1 and 1, in the units of the camera."""

    low: float
    high: float

    def to_unit(self, plane: npt.NDArray[Any]) -> Plane:
        """Camera units to [-1, 1]; values beyond the range stay beyond it."""
        return ((plane.astype(np.float32) - self.low) * (2 / (self.high - self.low)) - 1).astype(np.float32)

    def to_camera(self, plane: npt.NDArray[Any]) -> Plane:
        """Back to camera units."""
        return ((plane.astype(np.float32) + 1) * ((self.high - self.low) / 2) + self.low).astype(np.float32)


@dataclass(frozen=True)
class Place:
    """Where a patch was taken."""

    field_id: str
    channel: int
    y: int
    x: int


class Fields:
    """The fields of a data folder: table, channels, scales, planes (cached within a memory budget)."""

    def __init__(self, data: Path) -> None:
        """Open the data stage's folder of a data set of fields."""
        self.path = data
        self.manifest = verify(data, made_by=["data"])
        if not (data / "fields.parquet").is_file():
            raise InputError(f"{data}: holds crops, not fields; restoration and cropping work on fields")
        self.table = pd.read_parquet(data / "fields.parquet")
        if (deep := self.table[self.table["depth"] > 1]).size:
            raise InputError(
                f"{data}: field {deep['field_id'].iloc[0]} is a z-stack; expected planes: set the data set's z to max, "
                "mean or central"
            )
        self.paths = dict(zip(self.table["field_id"], self.table["path"], strict=True))
        notes = self.manifest["notes"]
        self.channels: list[str] = list(notes["channels"])
        self.scales = [Scale(**{k: float(notes["range"][c][k]) for k in ("low", "high")}) for c in self.channels]
        self._cache: OrderedDict[tuple[str, str], npt.NDArray[Any]] = OrderedDict()

    @property
    def defects(self) -> list[str]:
        """Names of the defects of this data set, sorted."""
        return sorted(d for d in self.table["defect"].unique() if d)

    def rows(self, **where: str) -> pd.DataFrame:
        """Rows of the field table with these values."""
        chosen = self.table
        for column, value in where.items():
            chosen = chosen[chosen[column] == value]
        return chosen

    def image(self, kind: str, field_id: str) -> npt.NDArray[Any]:
        """A field (C, Y, X) in camera units; `kind` is `clean` or the name of a defect."""
        key = (kind, field_id)
        if key not in self._cache:
            store = "clean.zarr" if kind == "clean" else f"degraded.zarr/{kind}"
            self._cache[key] = read_field(self.path / store / self.paths[field_id])
            while len(self._cache) > 1 and sum(image.nbytes for image in self._cache.values()) > _CACHE_BYTES:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return self._cache[key]

    def patch(self, kind: str, place: Place, size: int) -> Plane:
        """One patch (size, size) in [-1, 1]."""
        plane = self.image(kind, place.field_id)[place.channel]
        return self.scales[place.channel].to_unit(plane[place.y : place.y + size, place.x : place.x + size])

    def draw(self, kind: str, rows: pd.DataFrame, *, size: int, rng: np.random.Generator) -> Place:
        """A random place in one of the fields `rows`; half of the draws take the most structured of a few candidates.

        Most of a field is background, which teaches little (CARE filters it out), but a network with instance
        normalization that never saw it makes up brightness where there is none: so it gets some.
        """
        n_candidates = _CANDIDATES if rng.random() < 0.5 else 1
        candidates = [self._anywhere(rows, size=size, rng=rng) for _ in range(n_candidates)]
        return max(candidates, key=lambda place: self._structure(kind, place, size))

    def tiles(self, rows: pd.DataFrame, *, size: int) -> list[Place]:
        """All places of a grid without overlap over the fields `rows`, in the middle of each; every channel counts."""
        places = []
        for field_id, height, width in zip(rows["field_id"], rows["height"], rows["width"], strict=True):
            self._expect_size(field_id, height, width, size)
            places += [
                Place(str(field_id), channel, y, x)
                for channel in range(len(self.channels))
                for y in range(height % size // 2, height - size + 1, size)
                for x in range(width % size // 2, width - size + 1, size)
            ]
        return places

    def in_random_order(self, places: Sequence[Place], *, size: int, rng: np.random.Generator) -> Iterator[Place]:
        """Every one of the `places` once; as in `draw`, half are the most structured of the next few."""
        waiting = deque(places[i] for i in rng.permutation(len(places)))
        while waiting:
            n_candidates = _CANDIDATES if rng.random() < 0.5 else 1
            candidates = [waiting.popleft() for _ in range(min(n_candidates, len(waiting)))]
            chosen = candidates[0]
            if candidates[1:]:
                chosen = max(candidates, key=lambda place: self._structure("clean", place, size))
            yield chosen
            waiting.extend(place for place in candidates if place is not chosen)

    def _structure(self, kind: str, place: Place, size: int) -> float:
        return float(self.patch(kind, place, size).std())

    def _expect_size(self, field_id: str, height: int, width: int, size: int) -> None:
        if min(height, width) < size:
            raise InputError(
                f"{self.path}: field {field_id} is {height} x {width} pixels, smaller than augment.patch_size {size}; "
                "choose a smaller patch"
            )

    def _anywhere(self, rows: pd.DataFrame, *, size: int, rng: np.random.Generator) -> Place:
        row = rows.iloc[int(rng.integers(len(rows)))]
        self._expect_size(row["field_id"], row["height"], row["width"], size)
        y, x = int(rng.integers(row["height"] - size + 1)), int(rng.integers(row["width"] - size + 1))
        return Place(str(row["field_id"]), int(rng.integers(len(self.channels))), y, x)


class UnpairedPatches:
    """Draws of clean patches and, independently, of degraded ones from the training fields."""

    def __init__(self, fields: Fields, *, size: int) -> None:
        """Patches are `size` x `size` pixels."""
        self.fields, self.size = fields, size
        self._train = fields.rows(split="train")
        self._by_defect = {d: fields.rows(split="train", defect=d) for d in fields.defects}
        if not self._by_defect:
            raise InputError(f"{fields.path}: its fields have no defects; name some under the data set's 'defects'")
        for defect, rows in self._by_defect.items():
            if rows.empty:
                raise InputError(
                    f"{fields.path}: no training field has the defect '{defect}'; give the data set more fields, or "
                    "leave the defect out"
                )

    def clean(self, rng: np.random.Generator, n: int) -> Tensor:
        """Patches (n, 1, size, size) of clean training fields."""
        places = [self.fields.draw("clean", self._train, size=self.size, rng=rng) for _ in range(n)]
        return _stack([self.fields.patch("clean", place, self.size) for place in places])

    def degraded(self, rng: np.random.Generator, defects: list[str]) -> Tensor:
        """One patch of a training field with each of the `defects`, (n, 1, size, size)."""
        drawn = []
        for defect in defects:
            place = self.fields.draw(defect, self._by_defect[defect], size=self.size, rng=rng)
            drawn.append(self.fields.patch(defect, place, self.size))
        return _stack(drawn)


def _stack(patches: list[Plane]) -> Tensor:
    return torch.from_numpy(np.stack(patches)[:, None])
