"""The network behind the content loss: VGG16 where its weights are at hand, else a small one trained on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from multiscope.config import Content
from multiscope.nn.content import ContentFeatures, SmallContent, VggContent
from multiscope.training.order import step_rng

_VGG16 = "vgg16-397923af.pth"  # the name under which torchvision caches it
_BATCH = 16
Patches = Callable[[np.random.Generator, int], torch.Tensor]


def content_network(
    config: Content, patches: Patches, *, seed: int, fabric: Fabric
) -> tuple[ContentFeatures, dict[str, Any]]:
    """The frozen content network and what the manifest says of it.

    `patches(rng, n)` draws n training patches (n, 1, Y, X) in [-1, 1]. The small network is trained anew from its
    seed where a run resumes: seconds, and the same weights.
    """
    if path := vgg16_weights(config).get("vgg16"):
        vgg = VggContent(path)
        return vgg.to(fabric.device), {"kind": "vgg16", "sha256": vgg.sha256}
    torch.manual_seed(seed)
    network = SmallContent(config.width).to(fabric.device)
    loss = _train(network, patches, steps=config.steps, seed=seed)
    network.freeze()
    note = {"kind": "autoencoder trained on this run's patches", "steps": config.steps, "width": config.width}
    return network, {**note, "final_loss": round(loss, 6)}


def vgg16_weights(config: Content) -> dict[str, Path]:
    """The weights file that is used, as an input of the stage; none where the small network takes its place."""
    if config.vgg16 is not None:
        return {"vgg16": config.vgg16}
    cached = Path(torch.hub.get_dir()) / "checkpoints" / _VGG16
    return {"vgg16": cached} if cached.is_file() else {}


def _train(network: SmallContent, patches: Patches, *, steps: int, seed: int) -> float:
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses: list[float] = []
    for step in range(steps):
        batch = patches(step_rng(seed=seed, step=step, stream=3), _BATCH)
        loss = torch.nn.functional.mse_loss(network.reconstruct(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return sum(losses[-10:]) / len(losses[-10:])
