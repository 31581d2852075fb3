"""Images that are there twice: the very same pixels by digest, the same picture by thumbnail."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Array = npt.NDArray[Any]
Vectors = npt.NDArray[np.float32] | npt.NDArray[np.float16]

SIDE = 32
"""Rows and columns of a thumbnail."""
SMOOTH = 1.5
"""Structures coarser than this many thumbnail pixels are taken out: vignetting, and a cell's place in the middle of its
crop, are alike in different images."""
ALIKE = 0.9
"""Correlation from which on two images are taken for the same picture. Of 1.5 million pairs of different real images
(2,440 crops of yeast cells, 291 fields of nuclei, 72 fields of one plate) the most alike have 0.77; channels of one
field may have more than 0.9. Of 172 fields 99 % have more after being saved as JPEG of quality 50, rescaled or given a
gamma of 0.6, 94 % with noise of 5 % of their range.
Crops of 64 pixels are told only where little noise was added."""
MOST_PAIRS = 100_000
_BLOCK = 1024


def pixel_digest(array: Array) -> str:
    """A digest of shape, type and values; axes of length 1 and the byte order do not count."""
    squeezed = array.reshape([size for size in array.shape if size != 1])
    native = np.ascontiguousarray(squeezed, dtype=squeezed.dtype.newbyteorder("<"))
    digest = hashlib.blake2b(f"{native.shape} {native.dtype.str} ".encode(), digest_size=16)
    digest.update(native.view(np.uint8).data if native.ndim else native.tobytes())
    return digest.hexdigest()


def thumbnail(array: Array) -> npt.NDArray[np.float32]:
    """The fine structure of a plane (Y, X), or of the mean of planes (..., Y, X), as a vector of length 1 or 0.

    The correlation of two images is the product of their thumbnails. An image without structure has only zeros.
    """
    planes = array.reshape(-1, *array.shape[-2:])
    small = np.mean([_shrunk(plane) for plane in planes], axis=0)
    fine = small - ndimage.gaussian_filter(small, SMOOTH, mode="nearest")
    fine -= fine.mean()
    # what rounding leaves of a constant image is no structure
    if np.abs(fine).max() <= 1e-9 * np.abs(small).max():
        return np.zeros(SIDE * SIDE, np.float32)
    even = np.sign(fine) * np.sqrt(np.abs(fine))  # a single bright spot is not the whole picture
    unit: npt.NDArray[np.float32] = (even / np.linalg.norm(even)).ravel().astype(np.float32)
    return unit


def near_duplicates(
    thumbnails: Vectors, threshold: float = ALIKE, *, groups: Sequence[str] | None = None
) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of thumbnails (n, d) whose correlation is at least `threshold`; the first 100,000 at most.

    With `groups` (n,) only pairs of two groups. Compared block by block: memory does not grow with n squared; time
    does, 100,000 images take minutes.
    """
    group = np.unique([*groups], return_inverse=True)[1] if groups is not None else np.arange(len(thumbnails))
    found: list[tuple[int, int]] = []
    for i in range(0, len(thumbnails), _BLOCK):
        first = thumbnails[i : i + _BLOCK].astype(np.float32, copy=False)
        for j in range(i, len(thumbnails), _BLOCK):
            second = thumbnails[j : j + _BLOCK].astype(np.float32, copy=False)
            rows, columns = np.nonzero(first @ second.T >= threshold)
            rows, columns = rows + i, columns + j
            wanted = (columns > rows) & (group[columns] != group[rows])
            found += zip(rows[wanted].tolist(), columns[wanted].tolist(), strict=True)
            if len(found) >= MOST_PAIRS:
                return found[:MOST_PAIRS]
    return found


def _shrunk(plane: Array) -> npt.NDArray[np.float64]:
    """Means over `SIDE` x `SIDE` equal areas of a plane, pixels on a border shared out."""
    down, across = (_areas(size) for size in plane.shape)
    parts = [slice(at, at + _BLOCK) for at in range(0, plane.shape[0], _BLOCK)]
    # row by row, so that a large image is not held as floats
    return sum((down[:, part] @ (plane[part].astype(np.float64) @ across.T) for part in parts), np.zeros((SIDE, SIDE)))


@lru_cache(maxsize=8)
def _areas(size: int) -> npt.NDArray[np.float64]:
    """Share of each of `size` pixels in the mean of each of `SIDE` areas, (SIDE, size)."""
    edges = np.linspace(0, size, SIDE + 1)
    pixel = np.arange(size)
    overlap = np.minimum(pixel + 1, edges[1:, None]) - np.maximum(pixel, edges[:-1, None])
    shares: npt.NDArray[np.float64] = np.clip(overlap, 0, None) * SIDE / size
    return shares
