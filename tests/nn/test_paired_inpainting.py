import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from multiscope.nn.paired_inpainting import PairedInpainting


def small(crop_size: int = 56) -> PairedInpainting:
    torch.manual_seed(0)
    return PairedInpainting(width=0.05, crop_size=crop_size)


def test_published_size() -> None:
    with torch.device("meta"):
        net = PairedInpainting()
    assert sum(p.numel() for p in net.parameters()) == 7_320_609
    assert sum(isinstance(part, torch.nn.BatchNorm2d) for part in net.modules()) == 8
    assert net.decoder[0].in_channels == 288


@pytest.mark.parametrize("crop_size", [56, 64, 100])
def test_shapes(crop_size: int) -> None:
    net = small(crop_size).eval()
    source, marker = torch.rand(2, 2, crop_size, crop_size), torch.rand(2, 1, crop_size, crop_size)
    assert net(source, marker).shape == marker.shape
    assert {name: tuple(value.shape) for name, value in net.features(source).items()} == {
        "conv1": (2, 5),
        "conv2": (2, 13),
        "conv3": (2, 19),
        "conv4": (2, 19),
        "conv5": (2, 13),
    }


@settings(deadline=None, max_examples=20)
@given(crop_size=st.integers(4, 40))
def test_any_size_is_taken(crop_size: int) -> None:
    net = small(crop_size).eval()
    marker = torch.rand(1, 1, crop_size, crop_size)
    assert net(torch.rand(1, 2, crop_size, crop_size), marker).shape == marker.shape


def test_features_are_the_maxima_after_the_relu_and_before_the_norm() -> None:
    net = small().eval()
    x = torch.randn(3, 2, 56, 56)
    seen: list[Tensor] = []
    for convolution in net.source.convolutions:
        convolution.register_forward_hook(lambda module, given, result: seen.append(result))
    features = net.features(x)
    for maps, value in zip(seen, features.values(), strict=True):
        assert torch.equal(maps.relu().flatten(2).max(dim=2).values, value)
    assert all(value.min() >= 0 for value in features.values())
    again = net.features(x)
    assert all(torch.equal(value, again[name]) for name, value in features.items())


def test_features_choose_their_channels() -> None:
    torch.manual_seed(0)
    net = PairedInpainting(in_channels=4, width=0.05, crop_size=20, protein=3, marker=1).eval()
    x = torch.rand(2, 4, 20, 20)
    plain = small(20).eval()
    plain.load_state_dict(net.state_dict())
    expected = plain.features(x[:, [3, 1]])
    assert all(torch.equal(value, expected[name]) for name, value in net.features(x).items())
    assert not torch.equal(net.features(x)["conv3"], plain.features(x[:, [1, 3]])["conv3"])


def test_the_target_s_protein_never_enters() -> None:
    """What the network is given of the target has one channel: there is no place for the other."""
    net = small().eval()
    cells = torch.rand(2, 2, 56, 56, requires_grad=True)
    net(torch.rand(2, 2, 56, 56), cells[:, [1]]).square().sum().backward()
    assert cells.grad is not None
    assert not cells.grad[:, 0].any()
    assert cells.grad[:, 1].any()
    with pytest.raises(RuntimeError, match="channels"):
        net(torch.rand(2, 2, 56, 56), cells)


def test_both_cells_matter_and_all_learns() -> None:
    net = small()
    source = torch.rand(2, 2, 56, 56, requires_grad=True)
    marker = torch.rand(2, 1, 56, 56, requires_grad=True)
    net(source, marker).square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert source.grad is not None and all(source.grad[:, channel].any() for channel in (0, 1))
    assert marker.grad is not None and marker.grad.any()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"crop_size": 3}, "3 pixels are too small for paired inpainting; expected at least 4"),
        ({"protein": 1}, "protein 1 and marker 1; expected two of 2 channels"),
        ({"marker": 2}, "protein 0 and marker 2; expected two of 2 channels"),
        ({"in_channels": 1}, "expected two of 1 channels"),
        ({"protein": -1}, "protein -1"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PairedInpainting(width=0.05, **arguments)
