"""Per-crop standardization: what every encoder sees."""

from __future__ import annotations

from torch import Tensor


def standardize(crops: Tensor) -> Tensor:
    """Zero mean and unit variance of each channel of each crop (N, C, Y, X); a constant channel becomes 0.

    Razdaibiedina and Brechalov 2022 do so after a min-max, which changes nothing. Brightness is lost on purpose:
    exposure and expression differ between plates.
    """
    crops = crops.float()
    centred = crops - crops.mean(dim=(-2, -1), keepdim=True)
    spread = centred.square().mean(dim=(-2, -1), keepdim=True).sqrt()
    return centred / spread.clamp_min(1e-6)
