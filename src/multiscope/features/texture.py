"""Texture by co-occurrence of grey levels (Haralick et al., IEEE Trans. SMC 3:610, 1973)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage.feature import graycomatrix

from multiscope.features.regions import Floats, Masks, Regions, ratio

DISTANCES = (1, 3, 5)
"""Pixels."""
LEVELS = 16
_ANGLES = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
_RANGE = (0.01, 0.99)
"""Quantiles of the cell that are its lowest and highest grey level: a single odd pixel must not set the levels."""


def texture(light: Floats, regions: Regions) -> dict[str, Floats]:
    """Haralick's features of `light` (n, S, S) inside the masks, at each distance, directions added; each (n,).

    `contrast` and `variance` in squared levels, `correlation` -1 to 1, `energy` (angular second moment) and
    `homogeneity` (inverse difference moment) 0 to 1, `entropy` in bits. All 0 where there is one level only.
    """
    found: dict[str, Floats] = {}
    shares = _cooccurrence(_levels(light, regions), regions.masks)
    for at, distance in enumerate(DISTANCES):
        measured = _haralick(shares[..., at])
        found |= {f"{name}_{distance}": values for name, values in measured.items()}
    return found


def _levels(light: Floats, regions: Regions) -> npt.NDArray[np.uint8]:
    """Grey levels 1 to `LEVELS` of the cell's own range; 0 outside, and all of it where the range is empty."""
    low, high = (bound[:, None, None] for bound in regions.quantiles(light, _RANGE).T)
    share = ratio(np.clip(light, low, high) - low, np.broadcast_to(high - low, light.shape))
    levels = np.minimum(np.floor(share * LEVELS), LEVELS - 1) + 1
    return np.where(regions.masks & (high > low), levels, 0).astype(np.uint8)


def _cooccurrence(levels: npt.NDArray[np.uint8], masks: Masks) -> Floats:
    """Shares of pairs of levels of pixels that are both inside, (n, LEVELS, LEVELS, len(DISTANCES)), symmetric."""
    counts = np.stack(
        [graycomatrix(plane, DISTANCES, _ANGLES, levels=LEVELS + 1, symmetric=True)[1:, 1:].sum(-1) for plane in levels]
    ).astype(np.float64)
    return ratio(counts, counts.sum(axis=(1, 2), keepdims=True))


def _haralick(shares: Floats) -> dict[str, Floats]:
    """Features of `shares` (n, L, L), which add up to 1 or to 0."""
    i, j = np.indices(shares.shape[1:])
    mean = np.einsum("nij,ij->n", shares, i)
    apart = i - mean[:, None, None]
    variance = np.einsum("nij,nij->n", shares, apart**2)
    together = np.einsum("nij,nij->n", shares, apart * (j - mean[:, None, None]))
    bits = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return {
        "contrast": np.einsum("nij,ij->n", shares, (i - j) ** 2),
        "variance": variance,
        "correlation": ratio(together, variance),
        "energy": np.einsum("nij->n", shares**2),
        "homogeneity": np.einsum("nij,ij->n", shares, 1 / (1 + (i - j) ** 2)),
        "entropy": -np.einsum("nij->n", shares * bits),
    }
