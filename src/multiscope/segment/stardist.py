"""StarDist (Schmidt et al. 2018), where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError

Array = npt.NDArray[Any]
Labels = npt.NDArray[np.uint32]

DEFAULT_MODEL = "2D_versatile_fluo"
_TILE = 1024
_PERCENTILES = (1, 99.8)


def stardist_cells(model: str | None) -> Callable[[Array], Labels]:
    """The network `model`, a pretrained one by name or the folder of one's own, as a function of a plane (Y, X)."""
    star = import_module("stardist.models").StarDist2D
    normalize = import_module("csbdeep.utils").normalize
    name = DEFAULT_MODEL if model is None else model
    folder = Path(name)
    if folder.is_dir():
        network = star(None, name=folder.name, basedir=str(folder.parent))
    else:
        network = star.from_pretrained(name)
    if network is None:  # it lists what there is, and raises nothing
        raise InputError(f"segment.model: StarDist has no model '{name}'; name a folder, or e.g. '{DEFAULT_MODEL}'")

    def find(plane: Array) -> Labels:
        tiles = tuple(-(-size // _TILE) for size in plane.shape)
        scaled = normalize(plane, *_PERCENTILES)
        labels, _ = network.predict_instances(scaled, n_tiles=tiles, show_tile_progress=False)
        return np.asarray(labels).astype(np.uint32)

    return find
