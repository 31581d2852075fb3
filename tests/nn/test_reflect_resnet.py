from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.reflect_resnet import ReflectResnet


def n_parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def by_hand(*, channels: int, blocks: int) -> int:
    first, last = channels * 64 * 49 + 64, 64 * channels * 49 + channels
    halved = 64 * 128 * 9 + 128 + 128 * 256 * 9 + 256
    doubled = 256 * 128 * 9 + 128 + 128 * 64 * 9 + 64
    return first + halved + blocks * 2 * (256 * 256 * 9 + 256) + doubled + last


# CycleGAN's program prints 11.378 M and 7.838 M for colour images
@pytest.mark.parametrize(("blocks", "published"), [(9, 11_378_179), (6, 7_837_699)])
def test_published_size(blocks: int, published: int) -> None:
    with torch.device("meta"):
        assert n_parameters(ReflectResnet(in_channels=3, blocks=blocks)) == published
    assert by_hand(channels=3, blocks=blocks) == published


def test_a_deblurring_block_has_both_convolutions() -> None:
    with torch.device("meta"):
        network = ReflectResnet(blocks=9, dropout=0.5, skip=True)
    assert n_parameters(network) == by_hand(channels=1, blocks=9) == 11_365_633
    assert sum(isinstance(m, torch.nn.Dropout) for m in network.modules()) == 9


@settings(deadline=None, max_examples=5)
@given(h=st.integers(2, 8), w=st.integers(2, 8), skip=st.booleans())
def test_keeps_shape_and_range(h: int, w: int, skip: bool) -> None:
    x = 3 * torch.randn(2, 1, 4 * h, 4 * w)
    made = ReflectResnet(width=2, blocks=1, skip=skip)(x)
    assert made.shape == x.shape
    assert made.abs().max() <= 1


def test_skip_without_weights_is_the_identity() -> None:
    network = ReflectResnet(width=2, blocks=1, skip=True)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.rand(2, 1, 16, 16) * 2 - 1
    assert torch.equal(network(x), x)


def test_samples_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    network, x = ReflectResnet(width=4, blocks=1), torch.rand(3, 1, 16, 16)
    torch.testing.assert_close(network(x)[:1], network(x[:1]))
    torch.testing.assert_close(network.eval()(x), network.train()(x))


def test_weights_start_small() -> None:
    torch.manual_seed(0)
    weights = torch.cat(
        [p.detach().flatten() for n, p in ReflectResnet(width=8).named_parameters() if n.endswith("weight")]
    )
    assert float(weights.std()) == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize("size", [(10, 16), (4, 16)])
def test_an_image_that_does_not_fit_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="expected multiples of 4, at least 8"):
        ReflectResnet(width=2, blocks=1)(torch.zeros(1, 1, *size))
