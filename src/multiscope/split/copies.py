"""Crops that show the same cell, pixel for pixel or nearly so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.data.crops import Crops
from multiscope.progress import track
from multiscope.quality.duplicates import near_duplicates, pixel_digest, thumbnail

SAME = 0.985
"""Least correlation of each channel of two crops of one cell. Cells are many and alike: of 15,552 simulated ones, two
different ones had 0.960 and 0.979 in their channels, with thumbnails that no threshold for fields would tell apart."""
_BATCH = 1024


def copies(crops: Crops, sides: Sequence[str]) -> list[tuple[str, str]]:
    """Names of crops on two `sides` (n,) that show the same cell, in the order of the table.

    The same pixels, or thumbnails that are alike and channels whose correlation is at least `SAME`; neither brightness
    nor a little noise hides a copy, a shift of a pixel or a turn does. Time grows with the number of crops squared:
    100,000 take minutes.
    """
    n, channels = len(crops.table), list(range(len(crops.channels)))
    parts = np.array_split(np.arange(n), max(1, -(-n // _BATCH)))
    first: dict[str, dict[str, int]] = {}
    pairs: set[tuple[int, int]] = set()
    thumbnails = []
    for rows in track(parts, what="split: crops", total=len(parts)):
        for row, image in zip(rows.tolist(), crops.read(rows, channels), strict=True):
            thumbnails.append(thumbnail(image).astype(np.float16))
            if image.min() == image.max():
                continue
            seen = first.setdefault(pixel_digest(image), {})
            pairs |= {(former, row) for side, former in seen.items() if side != sides[row]}
            seen.setdefault(sides[row], row)
    alike = near_duplicates(np.stack(thumbnails), groups=list(sides))
    pairs |= {pair for pair in alike if pair not in pairs and _correlation(crops, pair) >= SAME}
    names = crops.table["cell_id"].tolist()
    return [(names[i], names[j]) for i, j in sorted(pairs)]


def _correlation(crops: Crops, pair: tuple[int, int]) -> float:
    """The least correlation over the channels in which both crops show something."""
    one, other = crops.read(np.array(pair), list(range(len(crops.channels)))).astype(np.float64)
    found = [_of_planes(a, b) for a, b in zip(one, other, strict=True) if np.ptp(a) > 0 and np.ptp(b) > 0]
    return min(found, default=0.0)


def _of_planes(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
