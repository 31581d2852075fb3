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
    network = _open(import_module("stardist.models").StarDist2D, DEFAULT_MODEL if model is None else model)
    normalize = import_module("csbdeep.utils").normalize

    def find(plane: Array) -> Labels:
        tiles = tuple(-(-size // _TILE) for size in plane.shape)
        scaled = normalize(plane, *_PERCENTILES)
        labels, _ = network.predict_instances(scaled, n_tiles=tiles, show_tile_progress=False)
        return np.asarray(labels).astype(np.uint32)

    return find


def _open(star: Any, name: str) -> Any:
    """The network of a folder, or the pretrained one of that name, which StarDist downloads at its first use."""
    folder = Path(name)
    if folder.is_dir():
        return star(None, name=folder.name, basedir=str(folder.parent))
    try:
        network = star.from_pretrained(name)
    except Exception as error:  # Keras has no class for a failed download
        raise InputError(
            f"segment.model: StarDist's model '{name}' could be neither read nor downloaded ({error}); without a "
            "network, put it into Keras' folder of models before (docs/environments.md), or name the folder of a model"
        ) from None
    if network is None:  # it lists what there is, and raises nothing
        raise InputError(f"segment.model: StarDist has no model '{name}'; name a folder, or e.g. '{DEFAULT_MODEL}'")
    return network
