"""How the light of a cell lies relative to its mask."""

from __future__ import annotations

import numpy as np

from multiscope.features.regions import Floats, Regions, ratio


def moments(weights: Floats, regions: Regions) -> dict[str, Floats]:
    """Light-weighted means of places in the cell; each (n,), 0 where there is no light.

    `distance`: from the mask's centroid, in radii (2/3 for a flat disk); `depth`: from the outline, in radii (1/3);
    `concentration`: mean squared distance of the light from its own centroid over that of the mask's pixels from theirs
    (1 where flat, lower where gathered). `weights` (n, S, S) are at least 0, and 0 outside of the cell.
    """
    total = weights.sum(axis=(1, 2))
    distance = regions.distance
    flat = regions.mean(distance**2)
    squares = ratio(np.einsum("nyx,nyx->n", weights, distance**2), total)
    return {
        "distance": ratio(ratio(np.einsum("nyx,nyx->n", weights, distance), total), regions.radius),
        "depth": ratio(ratio(np.einsum("nyx,nyx->n", weights, regions.depth), total), regions.radius),
        "concentration": ratio(np.maximum(squares - offset(weights, regions) ** 2, 0), flat),
    }


def offset(weights: Floats, regions: Regions) -> Floats:
    """Distance from the mask's centroid to that of the light, in pixels (n,); 0 where there is no light."""
    total = weights.sum(axis=(1, 2))
    grids = np.indices(weights.shape[1:])
    centres = np.stack([ratio(np.einsum("nyx,yx->n", weights, grid), total) for grid in grids], axis=1)
    return np.where(total > 0, np.hypot(*(centres - regions.centre).T), 0)
