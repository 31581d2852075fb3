"""Generated cells whose features are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Masks = npt.NDArray[np.bool_]

SIDE = 64
YY, XX = np.mgrid[:SIDE, :SIDE].astype(np.float64)


def ellipses(n: int, seed: int = 0) -> Masks:
    """Masks (n, 64, 64) of ellipses at random, whole."""
    rng = np.random.default_rng(seed)
    masks = []
    for a, b, angle, y, x in rng.uniform([14, 9, 0, 29, 29], [20, 14, 3, 35, 35], (n, 5)):
        u, v = (XX - x) * np.cos(angle) + (YY - y) * np.sin(angle), (YY - y) * np.cos(angle) - (XX - x) * np.sin(angle)
        masks.append((u / a) ** 2 + (v / b) ** 2 < 1)
    return np.stack(masks)


def disks(n: int, radius: float = 20) -> Masks:
    """Masks (n, 64, 64) of the same disk in the middle."""
    return np.stack([np.hypot(YY - 31.5, XX - 31.5) < radius] * n)


def noisy(masks: Masks, channels: int = 2, seed: int = 0) -> Floats:
    """Images (n, C, 64, 64) of textured cells on a noisy background of about 10."""
    rng = np.random.default_rng(seed)
    cells = 30 * masks[:, None] * rng.uniform(0.5, 1.5, (len(masks), channels, SIDE, SIDE))
    return np.asarray(10 + cells + rng.normal(0, 1, cells.shape))


def with_spots(points: list[tuple[float, float]], *, width: float = 1.8, height: float = 20.0) -> Floats:
    """A disk of light 10 on a background of 5 with Gaussian spots at (y, x), (1, 1, 64, 64)."""
    spots = [height * np.exp(-((YY - y) ** 2 + (XX - x) ** 2) / (2 * width**2)) for y, x in points]
    return np.asarray(5 + 10.0 * disks(1)[0] + np.sum(spots, axis=0, initial=0))[None, None]
