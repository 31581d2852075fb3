"""Leaks between the sides of a split: images that are on two of them, pixel for pixel or nearly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import Split
from multiscope.errors import InputError
from multiscope.quality.duplicates import near_duplicates, pixel_digest
from multiscope.quality.look import Look

Array = npt.NDArray[Any]
_SHOWN = 3


class LeakCheck:
    """Collects what tells images alike while they are written, and says at the end which are on two sides."""

    def __init__(self) -> None:
        """Start with no image."""
        self._names: list[str] = []
        self._sides: list[str] = []
        self._digests: list[str] = []
        self._thumbnails: list[npt.NDArray[np.float32]] = []

    def add(self, look: Look, side: str) -> None:
        """Take in a field; the correlation of two is the mean of that of the channels in which there is something."""
        digests = [digest for channel in look.channels for digest in channel.digests]
        self._add(look.name, side, "".join(digests) if any(digests) else look.name)
        thumbnails = [channel.thumbnail.astype(np.float32) for channel in look.channels]
        n_seen = max(1, sum(bool(thumbnail.any()) for thumbnail in thumbnails))
        self._thumbnails.append(np.concatenate(thumbnails) / np.sqrt(n_seen, dtype=np.float32))

    def add_crop(self, name: str, side: str, image: Array) -> None:
        """Take in a crop (C, Y, X); only equal pixels tell, for single cells all look nearly alike."""
        constant = image.min() == image.max()
        self._add(name, side, name if constant else pixel_digest(image))

    def _add(self, name: str, side: str, digest: str) -> None:
        self._names.append(name)
        self._sides.append(side)
        self._digests.append(digest)

    def leaks(self) -> list[tuple[str, str]]:
        """Pairs of names on different sides that show the same, in the order they were added."""
        pairs = set(self._identical())
        if len(self._thumbnails) > 1:
            pairs |= set(near_duplicates(np.stack(self._thumbnails), groups=self._sides))
        return [(self._names[i], self._names[j]) for i, j in sorted(pairs)]

    def _identical(self) -> list[tuple[int, int]]:
        """Each image with the first of the same pixels on every other side."""
        first: dict[str, dict[str, int]] = {}
        pairs = []
        for number, (digest, side) in enumerate(zip(self._digests, self._sides, strict=True)):
            by_side = first.setdefault(digest, {})
            pairs += [(former, number) for other, former in by_side.items() if other != side]
            by_side.setdefault(side, number)
        return pairs


def report_torn_stacks(fields: pd.DataFrame, split: Split, *, where: str) -> list[str]:
    """Refuse, or say as `split.near_duplicates` asks, that time points of one image are on two sides."""
    sides = fields.groupby("stack", sort=False)["split"].nunique()
    torn = [str(stack) for stack in sides.index[sides > 1]]
    if not torn:
        return []
    more = f" and of {len(torn) - 1} more images" if len(torn) > 1 else ""
    what = f"time points of '{torn[0]}'{more} are on two sides of the split"
    if split.near_duplicates == "refuse":
        raise InputError(
            f"{where}: {what}; scores would be too good: set split.by to stack, or split.near_duplicates to warn"
        )
    return [what]


def report_leaks(leaks: Sequence[tuple[str, str]], split: Split, *, where: str) -> list[str]:
    """Refuse leaks, or say them as warnings, as `split.near_duplicates` asks."""
    if not leaks:
        return []
    shown = ", ".join(f"{one} and {other}" for one, other in leaks[:_SHOWN])
    more = f" and {len(leaks) - _SHOWN} more pairs" if len(leaks) > _SHOWN else ""
    what = f"the same pixels, or nearly, are on two sides of the split: {shown}{more}"
    if split.near_duplicates == "refuse":
        raise InputError(
            f"{where}: {what}; scores would be too good: remove the copies, split by a larger unit (split.by), or set "
            "split.near_duplicates to warn"
        )
    return [what]
