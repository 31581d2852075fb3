"""Single pixels that no lens can have made: brighter than all their neighbours by far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[Any]

ALONE = 1.0
"""Rise over all 8 neighbours, in units of the range from the image's median to its 99.9 %, that is enough in one image.
A lens spreads light over several pixels; what photon noise rises by in noisy confocal images is less than 1."""
AGAIN = 0.25
"""Rise that is enough where the same pixel rises in several images: noise does not come back to its place."""
FEWEST_IMAGES, SHARE_OF_IMAGES = 3, 0.5
"""In how many images, and in which share of them, a pixel has to rise to be the camera's."""
_MOST = 64
_MOST_PLACES = 200_000


class Spike(NamedTuple):
    """A pixel that stands out: where, its value, its rise in units of the image's range."""

    y: int
    x: int
    value: float
    rise: float


def spikes_of(plane: Plane) -> list[Spike]:
    """The pixels of a plane (Y, X) that rise by at least `AGAIN`, the highest 64."""
    if min(plane.shape) < 3:
        return []
    highest, lowest = _neighbours(plane)
    inner = plane[1:-1, 1:-1]
    middle, top = (float(value) for value in np.percentile(plane, (50, 99.9)))
    rise = inner.astype(np.float32) - highest
    # steeper than the slope its neighbours lie on, and not the tip of what they show already
    steep = (rise > 3 * (highest - lowest)) & (rise > 2 * (highest - middle))
    unit = max(top - middle, 1e-30)
    found = np.argwhere(steep & (rise > AGAIN * unit) & (rise > _least(plane)))
    spikes = [Spike(int(y) + 1, int(x) + 1, float(inner[y, x]), float(rise[y, x]) / unit) for y, x in found]
    return sorted(spikes, key=lambda spike: -spike.rise)[:_MOST]


def _neighbours(plane: Plane) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Highest and lowest of the 8 neighbours of every inner pixel."""
    height, width = plane.shape
    offsets = [(y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)]
    views = [plane[y : height - 2 + y, x : width - 2 + x] for y, x in offsets]
    highest, lowest = views[0].copy(), views[0].copy()
    for view in views[1:]:
        np.maximum(highest, view, out=highest)
        np.minimum(lowest, view, out=lowest)
    return highest.astype(np.float32), lowest.astype(np.float32)


def _least(plane: Plane) -> float:
    """Rises that are mere steps of the numbers' grid do not count."""
    return 5.0 if plane.dtype.kind in "ui" else 0.0


class Recurring:
    """Gathers spikes over the images of one channel, to find those of the camera."""

    def __init__(self) -> None:
        """Start with no image."""
        self._n: Counter[tuple[int, int]] = Counter()
        self._seen: Counter[tuple[int, int, int, int]] = Counter()

    def add(self, shape: tuple[int, int], spikes: list[Spike]) -> None:
        """Add one image of `shape` (Y, X)."""
        self._n[shape] += 1
        self._seen.update((*shape, spike.y, spike.x) for spike in spikes)
        if len(self._seen) > _MOST_PLACES:  # noise, image after image: what rose once is forgotten
            self._seen = Counter({place: n for place, n in self._seen.items() if n > 1})

    def pixels(self) -> Iterator[tuple[int, int, int]]:
        """y, x and the number of images of every pixel that comes back."""
        for (height, width, y, x), n in self._seen.most_common():
            if n >= max(FEWEST_IMAGES, SHARE_OF_IMAGES * self._n[height, width]):
                yield y, x, n
