"""How bright a cell is."""

from __future__ import annotations

import numpy as np

from multiscope.features.light import inside
from multiscope.features.moments import offset
from multiscope.features.regions import Floats, Regions, ratio

_SHARES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}


def intensity(light: Floats, regions: Regions) -> dict[str, Floats]:
    """Brightness of background-subtracted `light` (n, S, S), in its units; each (n,).

    `integrated` is the sum, `edge` the mean of the outermost pixels, `displacement` the distance from the centroid of
    the mask to that of the light, in radii (CellProfiler's mass displacement, in pixels there).
    """
    outline = regions.masks & (regions.depth <= 1)
    found = {
        "mean": regions.mean(light),
        "sd": regions.sd(light),
        "integrated": regions.sum(light),
        "edge": ratio(np.einsum("nyx,nyx->n", light, outline), outline.sum(axis=(1, 2))),
        "displacement": ratio(offset(inside(light, regions.masks), regions), regions.radius),
    }
    return found | dict(zip(_SHARES, regions.quantiles(light, list(_SHARES.values())).T, strict=True))
