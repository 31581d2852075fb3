"""Cellpose (Pachitariu, Rariden and Stringer 2025), where it is installed."""

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


def cellpose_cells(model: str | None, diameter: float | None) -> Callable[[Array], Labels]:
    """The network `model`, the package's own default where left out, as a function of a plane (Y, X).

    Works with version 4. `diameter` is that of a cell in pixels: images are scaled so that it becomes 30.
    """
    models = import_module("cellpose.models")
    if not hasattr(models, "MODEL_NAMES") or hasattr(models, "Cellpose"):
        raise InputError("segment.method: this Cellpose is of another version; expected 4: see envs/cellpose.yaml")
    known = [*models.MODEL_NAMES, *models.get_user_models()]
    # an unknown name would be replaced by the default with no more than a line in a log
    if model is not None and model not in known and not Path(model).is_file():
        raise InputError(f"segment.model: Cellpose has no model '{model}'; name a file, or one of {', '.join(known)}")
    chosen = {} if model is None else {"pretrained_model": model}
    try:
        network = models.CellposeModel(gpu=import_module("cellpose.core").use_gpu(), **chosen)
    except OSError as error:
        raise InputError(
            f"segment.model: Cellpose's weights '{model or known[0]}' could be neither read nor downloaded ({error}); "
            "without a network, put them into its folder of models before (docs/environments.md), or name a file"
        ) from None

    def find(plane: Array) -> Labels:
        # min_size -1: what is small is removed, and counted, by the stage
        masks = network.eval(plane.astype(np.float32), diameter=diameter, min_size=-1)[0]
        return np.asarray(masks).reshape(plane.shape).astype(np.uint32)

    return find
