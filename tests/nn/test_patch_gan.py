from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.gradient_penalty import gradient_penalty
from multiscope.nn.patch_gan import Norm, PatchGan, layers_for


def n_parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


# what the authors' programs print for colour images: 2.769 M (pix2pix), 2.765 M (CycleGAN)
@pytest.mark.parametrize(("channels", "norm", "published"), [(6, "batch", 2_768_705), (3, "instance", 2_764_737)])
def test_published_size(channels: int, norm: Norm, published: int) -> None:
    with torch.device("meta"):
        assert n_parameters(PatchGan(in_channels=channels, norm=norm)) == published


@pytest.mark.parametrize(("layers", "pixels"), [(2, 34), (3, 70)])
def test_a_score_sees_a_patch(layers: int, pixels: int) -> None:
    torch.manual_seed(0)
    critic = PatchGan(width=2, layers=layers, norm="none").double()
    x = torch.randn(1, 1, 128, 128, dtype=torch.float64, requires_grad=True)
    scores = critic(x)
    middle = scores.shape[-1] // 2
    (gradient,) = torch.autograd.grad(scores[0, 0, middle, middle], x)
    rows = gradient[0, 0].abs().sum(dim=1).nonzero()[:, 0]
    assert int(rows.max() - rows.min()) + 1 == pixels


@settings(deadline=None, max_examples=6)
@given(size=st.integers(4, 24).map(lambda n: 4 * n), norm=st.sampled_from(["none", "instance", "batch"]))
def test_every_patch_size_has_more_than_one_score(size: int, norm: Norm) -> None:
    layers = layers_for(size)
    scores = PatchGan(in_channels=2, width=2, layers=layers, norm=norm)(torch.rand(2, 2, size, size))
    assert scores.shape == (2, 1, size // 2**layers - 2, size // 2**layers - 2)
    assert scores.shape[-1] > 1


def test_instance_norm_leaves_samples_alone_batch_norm_does_not() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 1, 64, 64)
    for norm, alone in (("none", True), ("instance", True), ("batch", False)):
        critic = PatchGan(width=4, norm=norm)  # type: ignore[arg-type]
        assert torch.allclose(critic(x)[:1], critic(x[:1]), atol=1e-6) == alone


def test_a_gradient_penalty_can_be_learned_from() -> None:
    torch.manual_seed(0)
    critic = PatchGan(width=2, norm="instance")
    gradient_penalty(critic, torch.rand(2, 1, 32, 32), torch.rand(2, 1, 32, 32)).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for n, p in critic.named_parameters() if "weight" in n)


def test_no_conditions() -> None:
    with pytest.raises(ValueError, match="no conditions"):
        PatchGan(width=2)(torch.zeros(1, 1, 32, 32), torch.tensor([0]))
