from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from multiscope.config import Content
from multiscope.errors import InputError
from multiscope.training.content import content_network
from multiscope.training.device import make_fabric


def patches(rng: np.random.Generator, n: int) -> torch.Tensor:
    return torch.from_numpy(rng.uniform(-1, 1, (n, 1, 8, 8)).astype(np.float32)).repeat_interleave(4, -1)


@pytest.fixture(autouse=True)
def no_cached_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


def test_without_weights_a_small_network_is_trained_and_frozen() -> None:
    fabric = make_fabric("cpu", threads=1)
    short, first = content_network(Content(steps=1, width=4), patches, seed=0, fabric=fabric)
    longer, last = content_network(Content(steps=60, width=4), patches, seed=0, fabric=fabric)
    assert last["final_loss"] < first["final_loss"]
    assert last["kind"] == "autoencoder trained on this run's patches"
    assert not any(p.requires_grad for p in longer.parameters())  # type: ignore[attr-defined]
    again, _ = content_network(Content(steps=60, width=4), patches, seed=0, fabric=fabric)
    x = torch.rand(1, 1, 16, 16)
    assert torch.equal(again(x)[-1], longer(x)[-1])
    assert not torch.equal(short(x)[-1], longer(x)[-1])


def test_weights_that_are_named_but_missing_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"vgg\.pth: no such file"):
        content_network(Content(vgg16=tmp_path / "vgg.pth"), patches, seed=0, fabric=make_fabric("cpu", threads=1))


def test_cached_weights_are_used_and_the_note_says_so(tmp_path: Path) -> None:
    from torchvision.models import vgg

    torch.manual_seed(0)
    layers = vgg.make_layers(vgg.cfgs["D"])[:16]
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.save({f"features.{k}": v for k, v in layers.state_dict().items()}, cache / "vgg16-397923af.pth")
    network, note = content_network(Content(), patches, seed=0, fabric=make_fabric("cpu", threads=1))
    assert note["kind"] == "vgg16" and len(note["sha256"]) == 64
    x = torch.rand(1, 1, 16, 16)
    assert torch.allclose(network(x)[-1], layers(x.repeat(1, 3, 1, 1)), atol=1e-5)
