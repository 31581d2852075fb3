"""Widefield instead of sectioned imaging."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from multiscope.config import Blur
from multiscope.simulate import counter
from multiscope.simulate.defects.exposure import exposed
from multiscope.simulate.defects.light import Acquisition
from multiscope.simulate.defects.spread import spread

_WAVES = 4
_MOST_HAZE = 0.9


def blur(batch: Tensor, config: Blur, taken: Acquisition) -> Tensor:
    """Widefield instead of sectioned imaging: broad PSF, smooth haze, mild shot noise.

    A Gaussian PSF of `sigma_px * strength` takes the fine detail; the share `haze_share * strength` (at most 0.9) of
    the light goes out of focus (sigma `haze_sigma_px`); medium and depth add a smooth random background of up to
    2 * `haze_level * strength` of the peak; the peak receives `photons / strength` photons.
    """
    peak = taken.peak(batch)
    light = batch - taken.offset
    share = (config.haze_share * taken.strength).clamp(max=_MOST_HAZE)
    focused = spread(light, config.sigma_px * taken.strength)
    astray = spread(light, torch.full_like(taken.strength, config.haze_sigma_px))
    medium = config.haze_level * taken.strength * peak * _clouds(batch, taken.keys)
    received = taken.offset + (1 - share) * focused + share * astray + medium
    noisy = exposed(received, taken, taken.peak(received), photons=config.photons, read_noise=config.read_noise)
    return torch.where(peak > 0, noisy, batch)


def _clouds(batch: Tensor, keys: Tensor) -> Tensor:
    """Smooth random fields (N, Y, X) from 0 to 2, mean near 1: a few plane waves longer than a plane is."""
    numbers = counter.uniform(keys, "blur.clouds", _WAVES, 3).to(batch.dtype)
    steps = numbers[..., :2] * 8 - 4
    phases = numbers[..., 2] * (2 * math.pi)
    rows, columns = (torch.linspace(0, 1, n, device=batch.device, dtype=batch.dtype) for n in batch.shape[1:])
    waves = torch.zeros_like(batch)
    for wave in range(_WAVES):
        along_y = steps[:, wave, :1] * rows + phases[:, wave, None]
        waves += (along_y[:, :, None] + (steps[:, wave, 1:] * columns)[:, None]).cos_()
    return 1 + waves / _WAVES
