from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from multiscope.nn.backbone import Backbone
from multiscope.nn.deeploc import DeepLoc
from multiscope.nn.saliency import deepest_maps, grad_cam, places


class Spots(nn.Module):
    """Two maps, one of each channel; each class is the mean of one."""

    def __init__(self, *, inplace: bool = False) -> None:
        super().__init__()
        self.maps = nn.Conv2d(2, 2, 1, bias=False)
        self.relu = nn.ReLU(inplace=inplace)
        nn.init.zeros_(self.maps.weight)
        with torch.no_grad():
            self.maps.weight[[0, 1], [0, 1]] = 1.0

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.maps(x)).mean(dim=(-2, -1))


def deeploc(size: int = 64, **options: object) -> DeepLoc:
    torch.manual_seed(0)
    network = DeepLoc(in_channels=1, n_classes=3, crop_size=size, width=0.1, dense=8, **options)  # type: ignore[arg-type]
    return network.eval()


def test_each_class_is_seen_where_it_is() -> None:
    x = torch.zeros(1, 2, 9, 9)
    x[0, 0, 2, 3], x[0, 1, 7, 5] = 4.0, 6.0
    network = Spots()
    for kind, peak in ((0, (2, 3)), (1, (7, 5))):
        found = grad_cam(network, network.relu, x, kind)[0]
        assert tuple(divmod(int(found.argmax()), 9)) == peak
        assert int((found > 0).sum()) == 1


def test_it_is_equations_1_and_2_of_the_paper() -> None:
    network, x = deeploc(), torch.randn(3, 1, 64, 64)
    layer = deepest_maps(network, x)
    head = list(network.trunk.net)
    at = head.index(layer) + 1  # type: ignore[arg-type]
    maps = nn.Sequential(*head[:at])(x).detach().requires_grad_(True)
    flat = nn.Sequential(*head[at:])(maps).flatten(1)
    logits = network.d3(torch.relu(network.d2(torch.relu(network.d1(flat)))))
    slope = torch.autograd.grad(logits[:, 1].sum(), maps)[0]
    expected = torch.relu((slope.mean(dim=(2, 3))[:, :, None, None] * maps).sum(dim=1))
    found = grad_cam(network, layer, x, 1)
    assert found.shape == (3, 7, 7)
    assert found.max() > 0
    torch.testing.assert_close(found, expected.detach())


def test_the_network_is_left_as_it_was() -> None:
    network, x = deeploc(), torch.randn(2, 1, 64, 64)
    network.requires_grad_(False)  # as one that stays in a transfer
    before = network(x)
    assert grad_cam(network, deepest_maps(network, x), x, 1).max() > 0
    assert torch.equal(network(x), before)
    assert not x.requires_grad
    assert not [hook for module in network.modules() for hook in module._forward_hooks]


def test_what_is_changed_in_place_behind_a_layer_does_not_matter() -> None:
    x = torch.randn(2, 2, 8, 8)
    plain, changed = Spots(), Spots(inplace=True)
    for kind in (0, 1):
        torch.testing.assert_close(grad_cam(changed, changed.maps, x, kind), grad_cam(plain, plain.maps, x, kind))


@pytest.mark.parametrize(
    ("options", "least", "side"),
    [({}, 7, 7), ({}, 2, 5), ({}, 20, 26), ({"padding": "same"}, 7, 16), ({"size": 52}, 7, 8), ({}, 100, 62)],
)
def test_the_deepest_layer_with_enough_places(options: dict[str, object], least: int, side: int) -> None:
    network = deeploc(**options)  # type: ignore[arg-type]
    x = torch.randn(1, 1, int(options.get("size", 64)), int(options.get("size", 64)))  # type: ignore[call-overload]
    assert grad_cam(network, deepest_maps(network, x, least=least), x, 0).shape[-1] == side


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "mobilenet_v3_small", "vgg11_bn"])
def test_networks_of_torchvision(name: str) -> None:
    torch.manual_seed(0)
    network = Backbone(network=name, in_channels=2, n_classes=2, crop_size=64).eval()
    x = torch.randn(2, 2, 64, 64)
    found = grad_cam(network, deepest_maps(network, x), x, 1)
    assert found.shape == (2, 8, 8)
    assert torch.isfinite(found).all()
    assert places(network, deepest_maps(network, x), size=64, side=8) == (3.5, 8.0)


@pytest.mark.parametrize("least", [2, 7, 20])
def test_places_are_the_middle_of_what_they_see(least: int) -> None:
    network, x = deeploc().double(), torch.randn(1, 1, 64, 64, dtype=torch.float64)
    layer = deepest_maps(network, x, least=least)
    # without the choices of pooling and of ReLU all that is within reach counts
    parts = [nn.AvgPool2d(2) if isinstance(part, nn.MaxPool2d) else part for part in network.trunk.net]
    reach = nn.Sequential(*(part for part in parts[: parts.index(layer) + 1] if not isinstance(part, nn.ReLU)))
    maps = reach(x.requires_grad_(True))
    side = maps.shape[-1]
    first, step = places(network, layer, size=64, side=side)
    for at in (0, side // 2, side - 1):
        seen = torch.autograd.grad(maps[0, :, at, at].sum(), x, retain_graph=True)[0][0, 0]
        rows = torch.nonzero(seen.abs().sum(dim=1))[:, 0]
        assert float(rows.min() + rows.max()) / 2 == first + step * at


def test_padded_maps_cover_the_crop() -> None:
    network, x = deeploc(padding="same"), torch.randn(1, 1, 64, 64)
    assert places(network, deepest_maps(network, x), size=64, side=16) == (1.5, 4.0)


def test_a_network_without_maps_is_refused() -> None:
    with pytest.raises(ValueError, match="no layer with feature maps"):
        deepest_maps(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.zeros(1, 1, 2, 2))
