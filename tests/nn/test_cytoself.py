from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss

from multiscope.nn.cytoself import Cytoself

SMALL: dict[str, Any] = {
    "in_channels": 2,
    "n_proteins": 5,
    "width": 0.05,
    "codes": 9,
    "dims": 4,
    "fc": 6,
    "crop_size": 56,
    "commitment": 0.25,
}


def small(**changed: Any) -> Cytoself:
    torch.manual_seed(0)
    return Cytoself(**SMALL | changed)


@pytest.mark.parametrize(("crop_size", "fine", "coarse"), [(56, 14, 4), (64, 16, 4), (100, 25, 7), (16, 4, 1)])
def test_shapes(crop_size: int, fine: int, coarse: int) -> None:
    net = small(crop_size=crop_size).eval()
    x = torch.rand(3, 2, crop_size, crop_size)
    found = net(x)
    assert found.reconstruction.shape == x.shape
    assert found.logits.shape == (3, 5)
    assert found.quantization.shape == found.between.shape == ()
    assert net.fine_codes(net.fine_encoder(x)).codes.shape == (3, fine, fine)
    features = net.features(x)
    assert {name: tuple(value.shape) for name, value in features.items()} == {"vq1": (3, 9), "vq2": (3, 4 * coarse**2)}
    assert all(value.dtype == torch.float32 for value in features.values())
    assert all(torch.equal(value, net.features(x)[name]) for name, value in features.items())


def test_features_are_codes() -> None:
    net = small().eval()
    features = net.features(torch.randn(3, 2, 56, 56))
    torch.testing.assert_close(features["vq1"].sum(dim=1), torch.ones(3))
    places = features["vq2"].view(3, 4, 16).movedim(1, -1).reshape(-1, 4)
    distances = (places[:, None] - net.coarse_codes.book).norm(dim=2)
    assert distances.min(dim=1).values.max() < 1e-5


def test_thousands_of_proteins_take_no_more_than_a_last_layer() -> None:
    with torch.device("meta"):
        few, many = (Cytoself(**SMALL | {"n_proteins": n, "fc": 1000}) for n in (1, 4049))
    size = [sum(p.numel() for p in net.parameters()) for net in (few, many)]
    assert size[1] - size[0] == 4048 * 1001


def test_all_learns() -> None:
    net = small()
    found = net(torch.rand(4, 2, 56, 56))
    (
        found.reconstruction.square().mean() + found.logits.square().mean() + found.quantization + found.between
    ).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    encoders = (*net.fine_encoder.parameters(), *net.coarse_encoder.parameters())
    assert sum(bool(p.grad is not None and p.grad.any()) for p in encoders) == len(encoders)


def test_commitment_is_weighed() -> None:
    x = torch.rand(2, 2, 56, 56)
    one, none = (small(commitment=weight).eval()(x).quantization for weight in (1.0, 0.0))
    assert one > 0
    assert none == 0
    torch.testing.assert_close(small(commitment=0.5).eval()(x).quantization, one / 2)


def test_fine_vectors_are_not_drawn_to_the_coarse_ones() -> None:
    """The coarse codes learn to give the fine vectors; were it also the other way, both could be 0."""
    net = small()
    for p in net.coarse_encoder.parameters():
        p.requires_grad_(False)
    x = torch.rand(4, 2, 56, 56)
    net.coarse_encoder.register_forward_pre_hook(lambda module, given: (given[0].detach(),))
    net(x).between.backward()
    assert all(p.grad is None for p in net.fine_encoder.parameters())
    assert all(p.grad is not None for p in net.coarse_decoder.parameters())


def test_learns_what_it_is_shown() -> None:
    net = small(width=0.1, dims=8, codes=16)
    labels = torch.tensor([0, 1] * 8)
    x = torch.randn(16, 2, 56, 56) * 0.1
    x[labels == 1, :, 20:40, 20:40] += 3
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        found = net(x)
        error = mse_loss(found.reconstruction, x) / x.var()
        (error + found.between + found.quantization + cross_entropy(found.logits, labels)).backward()
        optimizer.step()
    assert torch.equal(found.logits.argmax(dim=1), labels)
    assert error < 0.5
    net.eval()
    assert torch.equal(net(x).logits.argmax(dim=1), labels)


def test_small_crops_are_refused() -> None:
    with pytest.raises(ValueError, match="15 pixels are too small for cytoself; expected at least 16"):
        small(crop_size=15)
