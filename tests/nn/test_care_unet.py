from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.care_unet import CareUNet


def n_parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("kernel", "published"), [(5, 922_977), (3, 332_641)])
def test_published_size(kernel: int, published: int) -> None:
    with torch.device("meta"):
        assert n_parameters(CareUNet(width=32, kernel=kernel)) == published


@settings(deadline=None, max_examples=5)
@given(h=st.integers(1, 8), w=st.integers(1, 8), kernel=st.sampled_from([3, 5]))
def test_zero_weights_are_the_identity(h: int, w: int, kernel: int) -> None:
    network = CareUNet(width=2, kernel=kernel)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    x = 3 * torch.randn(2, 1, 4 * h, 4 * w)
    assert torch.equal(network(x), x)


@pytest.mark.parametrize("kernel", [3, 5])
def test_sees_exactly_as_far_as_it_says(kernel: int) -> None:
    torch.manual_seed(0)
    network = CareUNet(width=2, kernel=kernel).double()
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):  # all positive: no path is cancelled or cut by a ReLU
            parameter.data.abs_()
    # of a pooled block only the largest value is seen: images that rise towards either side show every path
    column = torch.arange(128, dtype=torch.float64)
    reached = set()
    for ramp in (column, column.flip(0)):
        x = (ramp[None, :] + column[:8, None] / 1000).expand(1, 1, 8, 128).clone().requires_grad_()
        for at in range(60, 64):
            (gradient,) = torch.autograd.grad(network(x)[0, 0, 4, at], x)
            seen = gradient[0, 0].abs().sum(dim=0).nonzero()[:, 0]
            reached |= {at - int(seen.min()), int(seen.max()) - at}
    assert max(reached) == network.receptive


def test_an_image_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="10 x 8 pixels; expected multiples of 4"):
        CareUNet(width=2)(torch.zeros(1, 1, 10, 8))
