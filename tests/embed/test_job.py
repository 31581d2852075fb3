from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import nn

from multiscope.embed.job import Job
from multiscope.nn.cards import save_weights


def test_after_another_epoch_the_network_has_its_own_weights_again(tmp_path: Path) -> None:
    """Blocks of the model itself may be made after that: those that another job should have made."""
    network, epoch = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    nn.init.constant_(epoch.weight, 2.0)
    save_weights(tmp_path / "epoch.safetensors", epoch)
    own = {name: value.clone() for name, value in network.state_dict().items()}
    job = cast(Any, SimpleNamespace(embedder=SimpleNamespace(network=network)))
    with Job._weights(job, tmp_path / "epoch.safetensors"):
        assert torch.equal(network.weight, epoch.weight)
    assert all(torch.equal(value, own[name]) for name, value in network.state_dict().items())
