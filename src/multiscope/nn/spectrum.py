"""Distance of power spectra of unpaired batches: how much of each spatial frequency a defect leaves or adds.

Blur and poor sampling are what they do to the spectrum, noise is a floor of it, and a critic of few steps sees neither.
The spectrum of a batch is two-dimensional, so that a defect along one axis is told from one along the other.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_BINS, _LEAST = 4, 1e-4


def log_spectrum(batch: Tensor) -> Tensor:
    """Log of the mean power spectrum of patches (N, 1, H, W): (H / 4, W / 8), bins of 4 x 4 frequencies.

    A Hann window keeps borders out of it. Row H / 8 holds the lowest frequencies along Y, column 0 those along X. H and
    W are multiples of 8.
    """
    height, width = batch.shape[-2:]
    window = torch.outer(
        *(torch.hann_window(n, periodic=False, dtype=batch.dtype, device=batch.device) for n in (height, width))
    )
    centred = batch - batch.mean(dim=(-2, -1), keepdim=True)
    power = torch.fft.rfft2(centred * window, norm="ortho").abs().square().mean(dim=0)
    binned = F.avg_pool2d(torch.fft.fftshift(power, dim=-2)[..., : width // 2], _BINS)
    return (binned[0] + _LEAST).log()


def spectral_loss(made: Tensor, clean: Tensor, change: Tensor) -> Tensor:
    """Mean absolute difference of how `made` differs from `clean` and how it should: `change`; a scalar.

    `made` and `clean` (N, 1, H, W) show the same places, so that what is in them cancels; `change` is the mean log
    spectrum of degraded patches less that of clean ones, over many of them.
    """
    return (log_spectrum(made) - log_spectrum(clean) - change).abs().mean()
