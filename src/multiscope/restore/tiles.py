"""Restoring an image of any size in overlapping tiles of the size that the network was trained on.

Instance normalization takes its statistics from what it is shown: a network trained on patches full of cells misjudges
brightness when it is shown a whole field, most of it background. Tiles of the training size keep the statistics alike,
bound the memory, and are blended so that no seam is seen.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from multiscope.nn.padding import pad_to_multiple

Plane = npt.NDArray[np.float32]
_BATCH = 32


def restore_plane(network: nn.Module, plane: Plane, *, tile: int, device: torch.device) -> Plane:
    """Restore one plane (Y, X) in [-1, 1] in tiles of `tile` x `tile` pixels that overlap by a quarter or more."""
    image = torch.from_numpy(plane)
    whole = (..., slice(plane.shape[0]), slice(plane.shape[1]))
    if min(plane.shape) < tile:
        image, whole = pad_to_multiple(image, tile)
    corners = [(y, x) for y in starts(image.shape[0], tile) for x in starts(image.shape[1], tile)]
    weight = window(tile).to(device)
    total, weights = (torch.zeros(image.shape, device=device) for _ in range(2))
    with torch.no_grad():
        for first in range(0, len(corners), _BATCH):
            places = corners[first : first + _BATCH]
            batch = torch.stack([image[y : y + tile, x : x + tile] for y, x in places])[:, None]
            for (y, x), made in zip(places, network(batch.to(device))[:, 0], strict=True):
                total[y : y + tile, x : x + tile] += weight * made
                weights[y : y + tile, x : x + tile] += weight
    restored: Plane = (total / weights)[whole].cpu().numpy()
    return restored


def starts(size: int, tile: int) -> list[int]:
    """First pixels of the tiles along one axis: evenly spread from border to border, a quarter or more shared."""
    n = max(1, -(-(size - tile) // (3 * tile // 4)) + 1)
    return [round(float(start)) for start in np.linspace(0, size - tile, n)]


def window(tile: int) -> torch.Tensor:
    """Weights (tile, tile) of a tile's pixels: 1 in the middle, falling linearly over the outer quarter, never 0."""
    edge = torch.arange(1, tile + 1, dtype=torch.float32)
    ramp = torch.minimum(edge, edge.flip(0)).clamp(max=tile // 4) / (tile // 4)
    return ramp[:, None] * ramp[None, :]
