"""Initialization of DCGAN, pix2pix and CycleGAN: small normal weights (Radford et al. 2016, arXiv 1511.06434)."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def gaussian_init(network: Network, *, std: float = 0.02) -> Network:
    """Draw convolutions from N(0, std) and scales of batch norms from N(1, std), set shifts to 0; returns `network`."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, std)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, std)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    return network
