from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.pix2pix_unet import Pix2PixUNet, downs_for


def n_parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


# the authors' program prints 41.829 M and 54.414 M for colour images
@pytest.mark.parametrize(("downs", "published"), [(7, 41_828_995), (8, 54_413_955)])
def test_published_size(downs: int, published: int) -> None:
    with torch.device("meta"):
        assert n_parameters(Pix2PixUNet(in_channels=3, downs=downs)) == published


@pytest.mark.parametrize(("size", "downs"), [(16, 4), (64, 6), (96, 5), (100, 2), (128, 7), (256, 8), (1024, 8)])
def test_downs(size: int, downs: int) -> None:
    assert downs_for(size) == downs


@settings(deadline=None, max_examples=5)
@given(h=st.integers(1, 3), w=st.integers(1, 3), downs=st.integers(2, 6))
def test_keeps_shape_and_range(h: int, w: int, downs: int) -> None:
    x = 3 * torch.randn(2, 1, h * 2**downs, w * 2**downs)
    made = Pix2PixUNet(width=2, downs=downs)(x)
    assert made.shape == x.shape
    assert made.abs().max() <= 1


def test_one_image_down_to_one_pixel_can_be_learned_from() -> None:
    network = Pix2PixUNet(width=2, downs=5)
    network(torch.randn(1, 1, 32, 32)).mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_every_skip_is_used() -> None:
    torch.manual_seed(0)
    network, x = Pix2PixUNet(width=2, downs=4).eval(), torch.randn(1, 1, 16, 16)
    before = network(x)
    for layer in network.down:
        handle = layer.register_forward_hook(lambda _, __, output: output + 1)
        assert not torch.allclose(network(x), before)
        handle.remove()


@pytest.mark.parametrize(("downs", "dropouts"), [(5, 0), (6, 1), (7, 2), (8, 3)])
def test_dropout_is_in_the_inner_decoder(downs: int, dropouts: int) -> None:
    with torch.device("meta"):
        network = Pix2PixUNet(downs=downs)
    has = [any(isinstance(m, torch.nn.Dropout) for m in layer.modules()) for layer in network.up]
    assert has == [False] + [True] * dropouts + [False] * (downs - 2 - dropouts)


def test_an_image_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="32 x 48 pixels; expected multiples of 32"):
        Pix2PixUNet(width=2, downs=5)(torch.zeros(1, 1, 32, 48))
