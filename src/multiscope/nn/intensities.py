"""What is done to the intensities of crops before a network sees them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from multiscope.nn.standardize import standardize


def prepare(crops: Tensor, mask: Tensor | None, how: str) -> Tensor:
    """Crops (N, C, Y, X) of any real type as float32 of the same shape, each channel of each crop by itself.

    `how`: `standardize`, to mean 0 and variance 1; `min_max`, to minimum 0 and maximum 1; `masked`, to minimum 0 and
    maximum 1 inside of `mask` (N, Y, X) and 0 outside (Razdaibiedina and Brechalov 2022, with masks). A channel without
    contrast becomes 0.
    """
    return _HOW[how](crops.float(), mask)


def min_max(crops: Tensor) -> Tensor:
    """Minimum 0 and maximum 1 of each channel of each crop (N, C, Y, X); a constant channel becomes 0."""
    low = crops.amin(dim=(-2, -1), keepdim=True)
    return (crops - low) / (crops.amax(dim=(-2, -1), keepdim=True) - low).clamp_min(1e-6)


def _masked(crops: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        raise ValueError("masked intensities need the mask of each cell")
    inside = (mask > 0)[:, None].expand_as(crops)
    # outside pixels take part in neither bound
    low = crops.masked_fill(~inside, float("inf")).amin(dim=(-2, -1), keepdim=True)
    high = crops.masked_fill(~inside, float("-inf")).amax(dim=(-2, -1), keepdim=True)
    return ((crops - low) / (high - low).clamp_min(1e-6)).masked_fill(~inside, 0.0)


_HOW: dict[str, Callable[[Tensor, Tensor | None], Tensor]] = {
    "standardize": lambda crops, mask: standardize(crops),
    "min_max": lambda crops, mask: min_max(crops),
    "masked": _masked,
}
