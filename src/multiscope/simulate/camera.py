"""From photons to counts: illumination, shot noise, read noise, offset, hot pixels, saturation."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from multiscope.config import Camera
from multiscope.simulate import counter

_FEW = 4.0
_MOST_OF_FEW = 26
_LEAST_TERM = 1e-30


def expose(photons: Tensor, keys: Tensor, camera: Camera) -> Tensor:
    """Counts (B, ..., H, W) uint16 of one exposure to the expected `photons`; each image has its key (B, 2)."""
    shot, read = counter.normal_pair(keys, "camera", *photons.shape[1:])
    electrons = poisson(photons, shot).add_(read.mul_(camera.read_noise))
    counts = electrons.mul_(camera.gain).add_(camera.offset)
    if camera.hot_pixels:
        hot = counter.uniform(keys, "camera.hot", *photons.shape[1:])
        # the coldest of them glow a little, the hottest saturate
        counts += torch.where(hot < camera.hot_pixels, full_scale(camera) * (hot / camera.hot_pixels).square(), 0.0)
    return _as_counts(_registered(counts, camera), camera)


def expected(photons: Tensor, camera: Camera) -> Tensor:
    """Counts (..., H, W) uint16 of an exposure without any noise."""
    return _as_counts(_registered(photons * camera.gain + camera.offset, camera), camera)


def _registered(counts: Tensor, camera: Camera) -> Tensor:
    """The last channel of (B, C, ..., H, W) interpolated between its pixels; those beyond the border are its last."""
    if camera.registration:
        marker, share = counts[:, -1], camera.registration
        for axis in (-2, -1):
            later = torch.cat([marker.narrow(axis, 1, marker.shape[axis] - 1), marker.narrow(axis, -1, 1)], axis)
            marker = torch.lerp(marker, later, share)
        counts[:, -1] = marker
    return counts


def full_scale(camera: Camera) -> int:
    """The largest count."""
    return int(2**camera.bits - 1)


def _as_counts(counts: Tensor, camera: Camera) -> Tensor:
    return counts.round_().clamp_(0, full_scale(camera)).to(torch.int32).to(torch.uint16)


def poisson(mean: Tensor, normal: Tensor) -> Tensor:
    """Poisson numbers of the given means, made of one standard normal number each.

    The quantile function's expansion Q_N2 (Giles 2016, ACM TOMS 42:7) where the mean is 4 or more; below, the sum of
    probabilities. So the same normal number gives the same count on any machine that rounds alike.
    """
    rate = mean.clamp(min=0)
    root = rate.clamp(min=_FEW).sqrt_()
    square = normal.square()
    correction = (square + 2).mul_(normal).div_(root).mul_(-1 / 72)
    counts = correction.add_(rate).addcmul_(root, normal).add_(square.add_(2), alpha=1 / 6).floor_().clamp_(min=0)
    few = rate < _FEW
    if bool(few.any()):
        counts[few] = _few(rate[few], normal[few])
    return counts


def _few(rate: Tensor, normal: Tensor) -> Tensor:
    """Counts of small means: how many partial sums of the probabilities are below the normal number's level."""
    # not 1, which no sum of probabilities would reach
    level = (0.5 * torch.erfc(-normal / math.sqrt(2))).clamp_(max=1 - 2**-22)
    term = (-rate).exp()
    total, counts = term.clone(), torch.zeros_like(rate)
    for number in range(1, _MOST_OF_FEW):
        above = level > total
        if not bool(above.any()):
            break
        counts += above
        # changes no sum, but never becomes so small that arithmetic on it is slow
        term = (term * rate / number).clamp_(min=_LEAST_TERM)
        total = total + term
    return counts


def illumination(shape: tuple[int, int], loss: float, centre: tuple[float, float]) -> Tensor:
    """Profile (H, W) of the light on a field, at most 1.

    It falls with the squared distance from `centre` and has lost the share `loss` at one half-diagonal of the field, in
    which `centre` is measured.
    """
    height, width = shape
    half = float(np.hypot(height, width)) / 2
    y, x = ((torch.arange(n, dtype=torch.float32) - (n - 1) / 2) / half for n in (height, width))
    squared = (y[:, None] - centre[0]).square() + (x[None] - centre[1]).square()
    return (1 - loss * squared).clamp(min=0)
