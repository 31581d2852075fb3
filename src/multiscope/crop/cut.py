"""Square crops around the cells of a field."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.crop.cells import Objects, background_of
from multiscope.crop.window import corners

Array = npt.NDArray[Any]


def cut(
    image: Array, objects: Objects, cells: pd.DataFrame, *, size: int, neighbours: Literal["keep", "mask"] = "keep"
) -> tuple[Array, npt.NDArray[np.uint8]]:
    """Crops (n, C, S, S) of `image` (C, Y, X), and masks (n, 1, S, S), around some `cells` of the table of `objects`.

    Beyond the field stand the values of its edge. `mask` puts the background's median of each channel where other cells
    are. A mask is 1 on the cell itself; a cell larger than the crop is cut.
    """
    if image.shape[1:] != objects.numbers.shape:
        raise ValueError(f"image has shape {image.shape}, labels {objects.numbers.shape}; expected the same field")
    images = np.empty((len(cells), len(image), size, size), image.dtype)
    masks = np.empty((len(cells), 1, size, size), np.uint8)
    fill = _background(image, objects) if neighbours == "mask" else None
    for i, (number, corner) in enumerate(zip(cells.index + 1, corners(cells, size), strict=True)):
        rows, columns = (
            np.clip(np.arange(first, first + size), 0, extent - 1)
            for first, extent in zip(corner, image.shape[1:], strict=True)
        )
        images[i] = image[:, rows[:, None], columns]
        numbers = objects.numbers[rows[:, None], columns]
        masks[i, 0] = numbers == number
        if fill is not None:
            images[i] = np.where((numbers != 0) & (numbers != number), fill, images[i])
    return images, masks


def _background(image: Array, objects: Objects) -> Array:
    """(C, 1, 1), in the type of the image."""
    median = background_of(image, objects.numbers).median[:, None, None]
    return (np.rint(median) if image.dtype.kind in "iu" else median).astype(image.dtype)
