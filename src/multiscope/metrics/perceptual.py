"""A perceptual distance: how differently a content network sees two images (after LPIPS, Zhang et al. 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from multiscope.nn.content import ContentFeatures

_EPS = 1e-10


def perceptual_distance(network: ContentFeatures, a: Tensor, b: Tensor) -> Tensor:
    """Distance (N,) of images a and b, both (N, 1, Y, X) in [-1, 1] on the network's device; 0 for equal ones.

    At each place of each layer the vector of channels is brought to length 1; squared differences are summed over
    channels and averaged over places, then over layers. As in LPIPS, but for its learned weights of channels: no
    judgements of people on micrographs are at hand. Features after a ReLU give at most 2. Values of different networks
    cannot be compared.
    """
    layers = [
        ((_unit(x) - _unit(y)) ** 2).sum(dim=1).mean(dim=(1, 2)) for x, y in zip(network(a), network(b), strict=True)
    ]
    return torch.stack(layers).mean(dim=0)


@torch.no_grad()
def plane_distance(network: ContentFeatures, image: npt.NDArray[Any], clean: npt.NDArray[Any]) -> float:
    """`perceptual_distance` of two planes (Y, X) in [-1, 1]."""
    device = next(network.parameters()).device if isinstance(network, nn.Module) else torch.device("cpu")
    a, b = (torch.from_numpy(np.ascontiguousarray(x, np.float32))[None, None].to(device) for x in (image, clean))
    return float(perceptual_distance(network, a, b))


def _unit(features: Tensor) -> Tensor:
    """Features (N, C, Y, X) whose channels have length 1 at each place; places without any feature stay 0."""
    lengths: Tensor = features.norm(dim=1, keepdim=True)
    return features / (lengths + _EPS)
