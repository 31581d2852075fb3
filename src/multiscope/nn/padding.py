"""Padding by reflection to sizes that a network takes, and the way back."""

from __future__ import annotations

from types import EllipsisType

import torch
from torch import Tensor

Crop = tuple[EllipsisType, slice, slice]


def pad_to_multiple(x: Tensor, multiple: int) -> tuple[Tensor, Crop]:
    """Pad x (..., H, W) at its lower and right edge to multiples of `multiple`; `padded[crop]` is x again.

    Reflects without repeating the edge pixel, as often as it takes: unlike torch's reflection, an image may be
    smaller than its padding.
    """
    if multiple < 1:
        raise ValueError(f"multiple is {multiple}; expected at least 1")
    height, width = x.shape[-2:]
    if not height or not width:
        raise ValueError(f"image of {height} x {width} pixels cannot be padded")
    rows, columns = _reflected(height, multiple, x.device), _reflected(width, multiple, x.device)
    crop = (..., slice(0, height), slice(0, width))
    if len(rows) == height and len(columns) == width:
        return x, crop
    return x.index_select(-2, rows).index_select(-1, columns), crop


def _reflected(size: int, multiple: int, device: torch.device) -> Tensor:
    """Source index of each padded position: 0 1 2 3 2 1 0 1 ..."""
    position = torch.arange(-(-size // multiple) * multiple, device=device)
    period = max(2 * (size - 1), 1)
    folded = position % period
    return torch.minimum(folded, period - folded) if size > 1 else torch.zeros_like(position)
