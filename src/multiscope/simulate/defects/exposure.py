"""Few photons: shot noise, read noise, binning, saturation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from multiscope.config import Noise
from multiscope.simulate import counter
from multiscope.simulate.camera import poisson
from multiscope.simulate.defects.light import Acquisition

_MOST_PHOTONS = 1e12
_CACHED = 2**14


def noise(batch: Tensor, config: Noise, taken: Acquisition) -> Tensor:
    """Photon-limited exposure: Poisson shot noise, then Gaussian read noise.

    The peak of each plane receives `photons / strength` photons, so the variance is
    gain * (mean - offset) + (gain * read_noise)^2 with gain = peak * strength / photons units of the image a photon.
    With b x b binning the camera reads sums of b^2 pixels; the result is their mean, so that the first term is divided
    by b^2 and the second by b^4. CARE's example of denoising has these steps (Weigert et al. 2018).
    """
    peak = taken.peak(batch)
    noisy = exposed(batch, taken, peak, photons=config.photons, read_noise=config.read_noise, binning=config.binning)
    if config.saturation is not None:
        most = taken.offset + config.saturation * peak / taken.strength
        noisy = torch.where(peak > 0, torch.minimum(noisy, most), noisy)
    return noisy


def exposed(
    batch: Tensor, taken: Acquisition, peak: Tensor, *, photons: float, read_noise: float, binning: int = 1
) -> Tensor:
    """Shot and read noise of `photons / strength` photons at the `peak`; planes without light come back as they are.

    What lies below the offset, by the noise of the image itself, has no photons and stays.
    """
    gain = peak.where(peak > 0, 1.0) / (photons / taken.strength).clamp(max=_MOST_PHOTONS)
    electrons = _binned((batch - taken.offset) / gain, binning)
    shot, read = (normal.to(batch.dtype) for normal in counter.normal_pair(taken.keys, "noise", *electrons.shape[1:]))
    counts = counted(electrons, shot).add_(electrons.clamp(max=0)).add_(read, alpha=read_noise)
    return torch.where(peak > 0, taken.offset + gain * _unbinned(counts, binning, batch.shape), batch)


def counted(mean: Tensor, normal: Tensor) -> Tensor:
    """`poisson` numbers like `mean`; on the CPU in blocks that its cache holds."""
    if mean.device.type != "cpu":
        return poisson(mean, normal)
    blocks = zip(mean.flatten().split(_CACHED), normal.flatten().split(_CACHED), strict=True)
    return torch.cat([poisson(*block) for block in blocks]).view_as(mean)


def _binned(electrons: Tensor, binning: int) -> Tensor:
    """Sums of `binning` x `binning` pixels; bins that reach beyond the border see its last pixels again."""
    if binning == 1:
        return electrons
    missing = (0, -electrons.shape[2] % binning, 0, -electrons.shape[1] % binning)
    return F.avg_pool2d(F.pad(electrons[:, None], missing, mode="replicate"), binning)[:, 0] * binning**2


def _unbinned(counts: Tensor, binning: int, shape: torch.Size) -> Tensor:
    """Each bin's mean on all of its pixels."""
    if binning == 1:
        return counts
    spread = counts.repeat_interleave(binning, dim=1).repeat_interleave(binning, dim=2) / binning**2
    return spread[:, : shape[1], : shape[2]]
