import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.variational import VariationalAutoencoder, divergence

MOMENTS = st.lists(st.tuples(st.floats(-20, 20, width=32), st.floats(-20, 20, width=32)), min_size=1, max_size=8)


def small(crop_size: int = 56, in_channels: int = 1) -> VariationalAutoencoder:
    torch.manual_seed(0)
    return VariationalAutoencoder(in_channels=in_channels, width=0.1, latent=7, crop_size=crop_size)


@pytest.mark.parametrize("crop_size", [56, 64, 100])
def test_shapes(crop_size: int) -> None:
    net = small(crop_size, in_channels=2).eval()
    x = torch.rand(3, 2, crop_size, crop_size)
    reconstruction, mean, log_variance = net(x)
    assert reconstruction.shape == x.shape
    assert mean.shape == log_variance.shape == (3, 7)
    features = net.features(x)
    assert {name: value.shape[1] for name, value in features.items()} == {"c1": 6, "c2": 13, "c3": 26, "mean": 7}
    assert torch.equal(features["mean"], mean)


def test_size_is_the_autoencoder_s_with_a_second_dense_layer() -> None:
    with torch.device("meta"):
        net = VariationalAutoencoder(in_channels=1, width=1.0, latent=512, crop_size=64)
    assert sum(p.numel() for p in net.encoder.parameters()) == 3_123_409 - (1025 * 512 + 513 * 512 + 513 * 17)
    assert sum(p.numel() for p in (*net.mean.parameters(), *net.log_variance.parameters())) == 2 * 1025 * 512


def test_draws_in_training_only() -> None:
    net = small()
    x = torch.rand(4, 1, 56, 56)
    assert not torch.equal(net(x)[0], net(x)[0])
    net.eval()
    first, mean, _ = net(x)
    assert torch.equal(first, net(x)[0])
    torch.testing.assert_close(first, net.decoder(mean))


def test_draws_have_the_variance_it_says() -> None:
    net = small()
    drawn: list[torch.Tensor] = []
    net.decoder.register_forward_pre_hook(lambda module, given: drawn.append(given[0]))
    with torch.no_grad():
        net.log_variance.weight.zero_()
        net.log_variance.bias.fill_(math.log(0.04))
        _, mean, _ = net(torch.rand(64, 1, 56, 56))
    assert abs((drawn[0] - mean).mean()) < 0.04
    assert 0.17 < (drawn[0] - mean).std() < 0.23


def test_learns_to_reconstruct() -> None:
    net = small()
    x = torch.zeros(4, 1, 56, 56)
    for i in range(4):
        x[i, :, 10 * i : 10 * i + 20] = 1
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(40):
        optimizer.zero_grad()
        reconstruction, mean, log_variance = net(x)
        error = torch.nn.functional.mse_loss(reconstruction, x)
        (error + 1e-4 * divergence(mean, log_variance).mean()).backward()
        optimizer.step()
    assert all(p.grad is not None and p.grad.any() for p in net.log_variance.parameters())
    assert all(p.grad is not None for p in net.parameters())
    assert error < 0.5 * x.var()


@settings(max_examples=200)
@given(moments=MOMENTS)
def test_divergence_is_none_or_more_and_torch_s(moments: list[tuple[float, float]]) -> None:
    mean, log_variance = torch.tensor([moments]).unbind(-1)
    found = divergence(mean, log_variance)
    assert found.shape == (1,)
    assert found >= 0
    given, prior = (
        torch.distributions.Normal(center.double(), scale.double())
        for center, scale in ((mean, (log_variance.double() / 2).exp()), (mean * 0, torch.ones_like(mean)))
    )
    expected = torch.distributions.kl_divergence(given, prior).sum(dim=1)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)


def test_divergence_at_the_prior_is_none() -> None:
    assert torch.equal(divergence(torch.zeros(3, 5), torch.zeros(3, 5)), torch.zeros(3))
    assert divergence(torch.full((1, 5), 1e-3), torch.zeros(1, 5)) > 0


def test_small_crops_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 52"):
        small(51)
