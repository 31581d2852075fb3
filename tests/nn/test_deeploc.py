import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.deeploc import DeepLoc, Trunk, smallest_crop


def test_published_size() -> None:
    with torch.device("meta"):
        net = DeepLoc(in_channels=1, n_classes=17)
    assert sum(p.numel() for p in net.parameters()) == 3_123_409
    assert net.trunk.n_features == 1024
    assert net.trunk.widths == [64, 128, 256]
    assert sum(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules()) == 8


@settings(deadline=None, max_examples=15)
@given(crop_size=st.integers(52, 90), width=st.sampled_from([0.01, 0.05, 0.1]), in_channels=st.integers(1, 3))
def test_trunk_shape(crop_size: int, width: float, in_channels: int) -> None:
    trunk = Trunk(in_channels=in_channels, width=width, crop_size=crop_size)
    maps = trunk(torch.rand(2, in_channels, crop_size, crop_size))
    assert maps.shape == (2, trunk.widths[-1], trunk.side, trunk.side)
    assert maps[0].numel() == trunk.n_features > 0


def test_smallest_crop_is_the_smallest() -> None:
    assert smallest_crop() == 52
    DeepLoc(in_channels=1, n_classes=2, width=0.05, crop_size=52)
    with pytest.raises(ValueError, match=r"51 pixels are too small.*at least 52"):
        DeepLoc(in_channels=1, n_classes=2, width=0.05, crop_size=51)


def test_features() -> None:
    torch.manual_seed(0)
    net = DeepLoc(in_channels=2, n_classes=5, width=0.1, dense=16).eval()
    x = torch.rand(3, 2, 64, 64)
    features = net.features(x)
    assert {name: tuple(value.shape) for name, value in features.items()} == {
        "d1": (3, 16),
        "d2": (3, 16),
        "d3": (3, 5),
    }
    assert features["d1"].min() >= 0 and features["d2"].min() >= 0
    assert features["d3"].min() < 0
    assert torch.equal(net(x), features["d3"])
    torch.testing.assert_close(torch.relu(net.d2(features["d1"])), features["d2"])
    torch.testing.assert_close(net.d3(features["d2"]), features["d3"])


def test_dropout_is_before_the_logits_only() -> None:
    torch.manual_seed(0)
    net = DeepLoc(in_channels=1, n_classes=5, width=0.1, dense=64, dropout=0.5)
    x = torch.rand(4, 1, 64, 64)
    first, second = net.features(x), net.features(x)
    assert torch.equal(first["d2"], second["d2"])
    assert not torch.equal(first["d3"], second["d3"])


def test_learns_what_it_is_shown() -> None:
    torch.manual_seed(0)
    net = DeepLoc(in_channels=1, n_classes=2, width=0.1, dense=16, crop_size=52)
    labels = torch.tensor([0, 1] * 4)
    x = torch.randn(8, 1, 52, 52)
    x[labels == 1, :, 20:32, 20:32] += 3
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(15):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x), labels).backward()
        optimizer.step()
    assert all(p.grad is not None for p in net.parameters())
    assert torch.equal(net(x).argmax(dim=1), labels)


def test_same_seed_same_network() -> None:
    outputs = []
    for _ in range(2):
        torch.manual_seed(3)
        outputs.append(DeepLoc(in_channels=1, n_classes=3, width=0.1, dense=8)(torch.ones(2, 1, 64, 64)))
    assert torch.equal(*outputs)
