"""Loss of fluorescence by earlier exposures."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from multiscope.config import Bleaching
from multiscope.simulate import counter
from multiscope.simulate.defects.exposure import counted
from multiscope.simulate.defects.light import Acquisition


def bleaching(batch: Tensor, config: Bleaching, taken: Acquisition) -> Tensor:
    """A dimmer image at the same gain: of the fluorophores the share f = (1 - `loss`)^strength is left.

    The image is taken as an exposure with `photons` photons at its peak, each of which is kept with chance f: of n
    photons f * n are left, and the variance f * (1 - f) * n is added, as in binomial thinning. The read noise that the
    image had is dimmed with it, so read_noise^2 * (1 - f^2) is added, and the camera's is in the result.
    Bleaching is taken as first order in the dose, hence exponential; in cells several rates may mix (Song et al. 1995,
    Biophys. J. 68:2588).
    A plane is bleached as one late plane of its series; for a series give each time point its dose as strength.
    """
    peak = taken.peak(batch)
    gain = peak.where(peak > 0, 1.0) / config.photons
    electrons = (batch - taken.offset) / gain
    left = torch.exp(math.log1p(-config.loss) * taken.strength)
    shot, read = (normal.to(batch.dtype) for normal in counter.normal_pair(taken.keys, "bleaching", *batch.shape[1:]))
    uncertain = electrons * (left * (1 - left))
    kept = electrons * left.square() + counted(uncertain, shot) + uncertain.clamp(max=0)
    counts = kept + read * config.read_noise * (1 - left.square()).sqrt()
    return torch.where(peak > 0, taken.offset + gain * counts, batch)
