"""Poor sampling along the optical axis."""

from __future__ import annotations

import torch
from torch import Tensor

from multiscope.config import Axial
from multiscope.simulate.defects.exposure import exposed
from multiscope.simulate.defects.light import Acquisition
from multiscope.simulate.defects.spread import spread_rows


def axial(batch: Tensor, config: Axial, taken: Acquisition) -> Tensor:
    """Poor axial sampling, shown on the rows (axis Y) as in a section along the optical axis.

    The CARE recipe (Weigert et al. 2018): anisotropic Gaussian PSF (`sigma_px * strength` along Y only), perhaps shot
    and read noise, every s-th row kept (s = 1 + (`factor` - 1) * strength), linear interpolation back to the rows there
    were. The last row is always kept, so any height comes out as it went in.
    """
    seen = spread_rows(batch, config.sigma_px * taken.strength)
    if config.photons is not None:
        seen = exposed(seen, taken, taken.peak(seen), photons=config.photons, read_noise=config.read_noise)
    return _resampled(seen, 1 + (config.factor - 1) * taken.strength)


def _resampled(batch: Tensor, step: Tensor) -> Tensor:
    """Rows at multiples of `step` (N, 1, 1), rounded, and linear interpolation between them."""
    height, width = batch.shape[1:]
    if height == 1:
        return batch
    rows = torch.arange(height, device=batch.device, dtype=torch.float64)
    kept = (rows * step[:, :, 0].double()).round_()
    # a multiple beyond the last row stands for the last
    kept = torch.where(rows * step[:, :, 0].double() < height - 1, kept, height - 1.0)
    upper = torch.searchsorted(kept, rows.expand_as(kept).contiguous()).clamp_(min=1)
    low, high = kept.gather(1, upper - 1), kept.gather(1, upper)
    share = ((rows - low) / (high - low).clamp(min=1)).to(batch.dtype)[:, :, None]

    def row(number: Tensor) -> Tensor:
        return batch.gather(1, number.long()[:, :, None].expand(-1, -1, width))

    return row(low) * (1 - share) + row(high) * share
