"""Stacks as planes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def flatten(stack: Array, how: Literal["max", "mean", "central"]) -> Array:
    """A stack (C, Z, Y, X) as (C, Y, X) of the same type; an image (C, Y, X) as it is.

    `max` and `mean` over z (means of integers are rounded, halves to even), or the plane `central`, number Z // 2.
    """
    if stack.ndim == 3:
        return stack
    if how == "central":
        plane: Array = stack[:, stack.shape[1] // 2]
        return plane
    if how == "max":
        highest: Array = stack.max(axis=1)
        return highest
    mean = stack.mean(axis=1, dtype=np.float64)
    rounded: Array = np.rint(mean) if stack.dtype.kind in "iu" else mean
    return rounded.astype(stack.dtype)


def flatten_labels(labels: Array, how: Literal["max", "mean", "central"]) -> Array:
    """Labels (Z, Y, X) as (Y, X), beside an image flattened so; labels (Y, X) as they are.

    Those of the plane that `central` takes; else the largest number over z.
    """
    if labels.ndim == 2:
        return labels
    plane: Array = flatten(labels[None], "central" if how == "central" else "max")[0]
    return plane
