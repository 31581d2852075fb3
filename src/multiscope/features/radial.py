"""Where between middle and outline the light of a cell is."""

from __future__ import annotations

import numpy as np

from multiscope.features.regions import Floats, Regions, ratio

RINGS = 4


def radial(weights: Floats, regions: Regions) -> dict[str, Floats]:
    """Light in rings of equal width by depth, 1 is the innermost; each (n,).

    `fraction`: share of the cell's light, 0 to 1; `mean`: mean over that of the whole cell; `cv`: standard deviation
    over mean of the ring's pixels (as CellProfiler's MeasureObjectRadialDistribution, but by depth alone and its
    variation by pixels, not by wedges). `weights` (n, S, S) are at least 0, and 0 outside of the cell.
    """
    ring = rings(regions)
    pixels, light, squares = (_sums(ring, values) for values in (np.ones_like(weights), weights, weights**2))
    total = weights.sum(axis=(1, 2))
    mean = ratio(light, pixels)
    variance = np.maximum(ratio(squares, pixels) - mean**2, 0)
    found = {
        "fraction": ratio(light, total[:, None]),
        "mean": ratio(mean, ratio(total, regions.area)[:, None]),
        "cv": ratio(np.sqrt(variance), mean),
    }
    return {f"{name}_{k + 1}": values[:, k] for name, values in found.items() for k in range(RINGS)}


def rings(regions: Regions) -> Floats:
    """Number of each pixel's ring (n, S, S), 1 (innermost) to `RINGS`; 0 outside."""
    deepest = regions.depth.max(axis=(1, 2), initial=0)[:, None, None]
    # the outline's pixels have depth 1, their middle is half a pixel inside
    share = ratio(np.maximum(regions.depth - 0.5, 0), np.maximum(deepest - 0.5, 0))
    return np.where(regions.masks, np.clip(np.floor(RINGS * (1 - share)) + 1, 1, RINGS), 0)


def _sums(ring: Floats, values: Floats) -> Floats:
    """Sum of `values` (n, S, S) in each ring, (n, RINGS)."""
    return np.stack([np.einsum("nyx,nyx->n", values, ring == k) for k in range(1, RINGS + 1)], axis=1)
