import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.autoencoder import Autoencoder


@settings(deadline=None, max_examples=12)
@given(crop_size=st.integers(52, 80), in_channels=st.integers(1, 3), latent=st.integers(2, 20))
def test_shapes(crop_size: int, in_channels: int, latent: int) -> None:
    net = Autoencoder(in_channels=in_channels, width=0.05, latent=latent, crop_size=crop_size)
    x = torch.rand(2, in_channels, crop_size, crop_size)
    reconstruction, code = net(x)
    assert reconstruction.shape == x.shape
    assert code.shape == (2, latent)


def test_features_are_the_blocks_and_the_latent() -> None:
    torch.manual_seed(0)
    net = Autoencoder(in_channels=1, width=0.1, latent=7, crop_size=64).eval()
    x = torch.rand(3, 1, 64, 64)
    features = net.features(x)
    assert {name: value.shape[1] for name, value in features.items()} == {"c1": 6, "c2": 13, "c3": 26, "latent": 7}
    torch.testing.assert_close(features["c3"], net.encoder(x).mean(dim=(2, 3)))
    reconstruction, latent = net(x)
    assert torch.equal(features["latent"], latent)
    torch.testing.assert_close(net.decoder(latent), reconstruction)


def test_the_image_goes_through_the_latent() -> None:
    torch.manual_seed(0)
    net = Autoencoder(in_channels=1, width=0.1, latent=4, crop_size=52).eval()
    with torch.no_grad():
        net.latent.weight.zero_()
    a, b = net(torch.rand(2, 1, 52, 52))[0]
    assert torch.equal(a, b)


def test_learns_to_reconstruct() -> None:
    torch.manual_seed(0)
    net = Autoencoder(in_channels=1, width=0.1, latent=8, crop_size=52)
    x = torch.zeros(4, 1, 52, 52)
    for i in range(4):
        x[i, :, 10 * i : 10 * i + 20] = 1
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(40):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(net(x)[0], x)
        loss.backward()
        optimizer.step()
    assert all(p.grad is not None for p in net.parameters())
    assert loss < 0.5 * x.var()


def test_small_crops_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 52"):
        Autoencoder(in_channels=1, width=1.0, latent=2, crop_size=48)
