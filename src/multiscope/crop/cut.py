"""Square crops around the labelled cells of a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from skimage.measure import regionprops

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Cut:
    """The cells of one field."""

    images: Array
    """(n, C, S, S), pixels as in the field: neighbours are not removed."""
    masks: npt.NDArray[np.uint8]
    """(n, 1, S, S), 1 on the cell itself."""
    table: pd.DataFrame
    """`label`, and the centroid `y`, `x` in pixels of the field, sorted by label."""
    dropped: dict[str, int]
    """`small`: below the smallest area; `edge`: touches the border, or its crop would leave the field."""


def cut(image: Array, labels: npt.NDArray[np.uint32], *, size: int, min_area: int) -> Cut:
    """Cut `size` x `size` crops of `image` (C, Y, X) around the centroid of every object of `labels` (Y, X).

    The centroid, rounded, lies at pixel (size // 2, size // 2) of the crop.
    """
    if image.shape[1:] != labels.shape:
        raise ValueError(f"image has shape {image.shape}, labels {labels.shape}; expected the same field")
    # numbers may be huge and sparse, and regionprops makes room for every number up to the largest
    present, compact = np.unique(labels, return_inverse=True)
    compact = compact.reshape(labels.shape) + (0 if present[0] == 0 else 1)
    names = present if present[0] == 0 else np.concatenate([[0], present])
    dropped = {"edge": 0, "small": 0}
    images, masks, rows = [], [], []
    for region in regionprops(compact):
        box = _box(region.centroid, size)
        if region.area < min_area:
            dropped["small"] += 1
        elif _touches_border(region.bbox, labels.shape) or not _inside(box, labels.shape):
            dropped["edge"] += 1
        else:
            images.append(image[:, box[0], box[1]])
            masks.append(compact[box][None] == region.label)
            rows.append((int(names[region.label]), *region.centroid))
    table = pd.DataFrame(rows, columns=["label", "y", "x"]).astype({"label": "int64", "y": "float64", "x": "float64"})
    return Cut(
        np.stack(images) if images else np.empty((0, len(image), size, size), image.dtype),
        np.stack(masks).astype(np.uint8) if masks else np.empty((0, 1, size, size), np.uint8),
        table,
        dropped,
    )


def _box(centroid: tuple[float, float], size: int) -> tuple[slice, slice]:
    starts = [int(np.floor(value + 0.5)) - size // 2 for value in centroid]
    return slice(starts[0], starts[0] + size), slice(starts[1], starts[1] + size)


def _inside(box: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    return all(part.start >= 0 and part.stop <= extent for part, extent in zip(box, shape, strict=True))


def _touches_border(bbox: tuple[int, int, int, int], shape: tuple[int, ...]) -> bool:
    return bbox[0] == 0 or bbox[1] == 0 or bbox[2] == shape[0] or bbox[3] == shape[1]
