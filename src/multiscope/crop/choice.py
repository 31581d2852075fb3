"""Which objects of a field are kept as cells, and why the others are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.config import Crop

REASONS = {
    "small": "area below min_area",
    "large": "area above max_area",
    "border": "touches the border of the field, so that it is not whole",
    "edge": "its crop leaves the field, which border pad allows",
    "scattered": "in pieces so far apart that none is in the crop around their common centre",
    "ragged": "fills less of its convex hull than min_solidity",
    "faint": "contrast to the background below min_contrast in every channel",
    "blurred": "sharpness below min_sharpness in every channel",
    "saturated": "larger share of saturated pixels than max_saturated in a channel",
}
"""Why an object is dropped, in the order in which it is asked."""
HIDDEN = "hidden"
"""Why an object of a stack's labels is not there to be asked."""
EXPLAINED = {**REASONS, HIDDEN: "in another plane of the stack, or behind other objects"}


def choose(cells: pd.DataFrame, shape: tuple[int, ...], config: Crop) -> npt.NDArray[Any]:
    """The first reason against each of `cells` (see `find_objects`, `measure`, `n_padded`, `n_cut`), "" for kept."""
    faults = {
        "small": cells["area"] < config.min_area,
        "large": cells["area"] > (np.inf if config.max_area is None else config.max_area),
        "border": _touches_border(cells, shape),
        "edge": (config.border == "drop") & (cells["n_padded"] > 0),
        "scattered": cells["n_cut"] == cells["area"],
        "ragged": cells["solidity"] < config.min_solidity,
        "faint": (config.min_contrast > 0) & (cells["contrast"] < config.min_contrast),
        "blurred": cells["sharpness"] < config.min_sharpness,
        "saturated": cells["saturated"] > config.max_saturated,
    }
    return np.select([faults[reason].to_numpy() for reason in REASONS], list(REASONS), default="").astype(object)


def _touches_border(cells: pd.DataFrame, shape: tuple[int, ...]) -> pd.Series:
    low = (cells["top"] == 0) | (cells["left"] == 0)
    return low | (cells["bottom"] == shape[0]) | (cells["right"] == shape[1])
