"""The methods by the names they have in the configuration."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.config import Segment
from multiscope.errors import InputError
from multiscope.segment.cellpose import cellpose_cells
from multiscope.segment.stardist import stardist_cells
from multiscope.segment.threshold import threshold_cells

Labels = npt.NDArray[np.uint32]
Method = Callable[[npt.NDArray[Any]], Labels]


def open_method(config: Segment) -> Method:
    """What finds the cells of a plane (Y, X); a package that is not installed is an `InputError` that says how."""
    if config.method == "threshold":
        return partial(threshold_cells, sigma=config.sigma, min_distance=config.min_distance)
    try:
        if config.method == "cellpose":
            return cellpose_cells(config.model, config.diameter)
        return stardist_cells(config.model)
    except ImportError as error:
        missing = error.name or config.method
        raise InputError(
            f"segment.method: '{config.method}' cannot be used here ({missing} is not installed); run snakemake "
            f"--sdm conda, which makes envs/{config.method}.yaml, or choose 'threshold'"
        ) from None


def remove_small(labels: Labels, min_area: int) -> tuple[Labels, int]:
    """Labels 1 to n of the objects of at least `min_area` pixels, in their order, and how many were removed."""
    present, numbers, area = np.unique(labels, return_inverse=True, return_counts=True)
    keep = (area >= min_area) & (present != 0)
    renumbered = np.where(keep, np.cumsum(keep), 0).astype(np.uint32)
    return renumbered[numbers].reshape(labels.shape), int((~keep & (present != 0)).sum())
