import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.deeploc import DeepLoc, Padding, Trunk, block_means, smallest_crop


def test_published_size() -> None:
    with torch.device("meta"):
        net = DeepLoc(in_channels=1, n_classes=17)
    assert sum(p.numel() for p in net.parameters()) == 3_123_409
    assert net.trunk.n_features == 1024
    assert net.trunk.widths == [64, 128, 256]
    assert sum(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules()) == 8


def test_size_of_kraus_and_others() -> None:
    """Weights and biases of 8 convolutions and 3 dense layers, and two numbers a channel of 11 batch norms."""
    with torch.device("meta"):
        net = DeepLoc(in_channels=2, n_classes=19, crop_size=60, padding="same", dense_norm=True)
    assert net.trunk.n_features == 8 * 8 * 256 == 16_384
    convolutions = [(2, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 256)]
    dense = [(16_384, 512), (512, 512), (512, 19)]
    expected = sum((9 * a + 1) * b for a, b in convolutions) + sum((a + 1) * b for a, b in dense)
    expected += sum(2 * b for _, b in convolutions + dense)
    assert sum(p.numel() for p in net.parameters()) == expected == 10_991_417


@settings(deadline=None, max_examples=20)
@given(
    crop_size=st.integers(52, 90),
    width=st.sampled_from([0.01, 0.05, 0.1]),
    in_channels=st.integers(1, 3),
    padding=st.sampled_from(["valid", "same"]),
)
def test_trunk_shape(crop_size: int, width: float, in_channels: int, padding: Padding) -> None:
    trunk = Trunk(in_channels=in_channels, width=width, crop_size=crop_size, padding=padding)
    maps = trunk(torch.rand(2, in_channels, crop_size, crop_size))
    assert maps.shape == (2, trunk.widths[-1], trunk.side, trunk.side)
    assert maps[0].numel() == trunk.n_features > 0


def test_names_of_the_weights_are_those_of_former_networks() -> None:
    with torch.device("meta"):
        names = set(DeepLoc(in_channels=1, n_classes=2).state_dict())
    assert {name.split(".")[0] for name in names} == {"trunk", "d1", "d2", "d3"}
    assert {"trunk.net.0.weight", "trunk.net.1.running_mean", "trunk.net.23.weight", "d3.bias"} <= names


def test_padded_crops_of_one_pixel_are_enough() -> None:
    assert smallest_crop("same") == 1
    net = DeepLoc(in_channels=1, n_classes=2, width=0.05, dense=4, crop_size=1, padding="same").eval()
    assert net(torch.rand(2, 1, 1, 1)).shape == (2, 2)
    with pytest.raises(ValueError, match="0 pixels are too small"):
        DeepLoc(in_channels=1, n_classes=2, crop_size=0, padding="same")


def test_smallest_crop_is_the_smallest() -> None:
    assert smallest_crop() == 52
    DeepLoc(in_channels=1, n_classes=2, width=0.05, crop_size=52)
    with pytest.raises(ValueError, match=r"51 pixels are too small.*at least 52"):
        DeepLoc(in_channels=1, n_classes=2, width=0.05, crop_size=51)


def test_features() -> None:
    torch.manual_seed(0)
    net = DeepLoc(in_channels=2, n_classes=5, width=0.1, dense=16, dense_last=9).eval()
    x = torch.rand(3, 2, 64, 64)
    features = net.features(x)
    assert {name: tuple(value.shape) for name, value in features.items()} == {
        "c1": (3, 6),
        "c2": (3, 13),
        "c3": (3, 26),
        "d1": (3, 16),
        "d2": (3, 9),
        "d3": (3, 5),
    }
    assert features["d1"].min() >= 0 and features["d2"].min() >= 0
    assert features["d3"].min() < 0
    assert torch.equal(net(x), features["d3"])
    assert torch.equal(net.features(x)["c1"], features["c1"])
    torch.testing.assert_close(torch.relu(net.d2(features["d1"])), features["d2"])
    torch.testing.assert_close(net.d3(features["d2"]), features["d3"])


def test_blocks_end_with_their_pooling() -> None:
    torch.manual_seed(0)
    trunk = Trunk(in_channels=1, width=0.05, crop_size=64).eval()
    x = torch.rand(2, 1, 64, 64)
    blocks = trunk.blocks(x)
    assert [block.shape[-1] for block in blocks] == [30, 13, 2]
    assert torch.equal(blocks[0], trunk.net[:7](x))
    assert torch.equal(blocks[-1], trunk(x))
    assert torch.equal(block_means(blocks)["c2"][1, 0], blocks[1][1, 0].mean())


def test_dense_layers_are_normalized_where_asked_for() -> None:
    torch.manual_seed(0)
    net = DeepLoc(in_channels=1, n_classes=3, width=0.05, dense=6, dense_norm=True)
    net(torch.rand(16, 1, 64, 64) * 1000).square().sum().backward()
    logits = net(torch.rand(16, 1, 64, 64) * 1000)
    torch.testing.assert_close(logits.mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(logits.var(dim=0, unbiased=False), torch.ones(3), atol=1e-2, rtol=0)
    assert all(p.grad is not None for p in net.parameters())


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
