import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from multiscope.nn.gradient_penalty import gradient_penalty
from multiscope.nn.patch_critic import PatchCritic


@settings(deadline=None, max_examples=20)
@given(slope=st.floats(0, 5), n=st.integers(1, 4), seed=st.integers(0, 1000))
def test_linear_critic(slope: float, n: int, seed: int) -> None:
    """The penalty of w . x is (|w| - 1)^2 whatever the images: 0 at unit slope."""
    generator = torch.Generator().manual_seed(seed)
    w = torch.randn(1, 2, 6, 5, generator=generator, dtype=torch.float64)
    w = slope * w / w.norm()
    real, fake = torch.randn(2, n, 2, 6, 5, generator=generator, dtype=torch.float64)
    penalty = gradient_penalty(lambda x, c: (w * x).sum(dim=(1, 2, 3)), real, fake, generator=generator)
    assert penalty.item() == pytest.approx((slope - 1) ** 2, abs=1e-9)


def test_unit_slope_is_free() -> None:
    w = torch.full((1, 1, 4, 4), 0.25)
    penalty = gradient_penalty(lambda x, c: (w * x).sum(dim=(1, 2, 3)), torch.rand(3, 1, 4, 4), torch.rand(3, 1, 4, 4))
    assert penalty.item() == pytest.approx(0, abs=1e-12)


def test_a_score_map_counts_by_its_mean() -> None:
    """A critic that gives each pixel as its score has slope 1 / sqrt(pixels) in its mean."""
    penalty = gradient_penalty(lambda x, c: x, torch.rand(2, 1, 4, 4), torch.rand(2, 1, 4, 4))
    assert penalty.item() == pytest.approx((1 / 4 - 1) ** 2)


def test_mixes_lie_between_real_and_fake_one_share_a_sample() -> None:
    seen: list[Tensor] = []

    def critic(x: Tensor, condition: Tensor | None) -> Tensor:
        seen.append(x.detach())
        return x.sum(dim=(1, 2, 3))

    gradient_penalty(critic, torch.ones(50, 1, 2, 2), torch.zeros(50, 1, 2, 2))
    shares = seen[0].flatten(1)
    assert torch.equal(shares.amin(dim=1), shares.amax(dim=1))
    assert ((shares >= 0) & (shares <= 1)).all()
    assert shares[:, 0].unique().numel() == 50


def test_trains_the_critic_and_not_the_generator() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(in_channels=1, width=4, n_conditions=2)
    fake = torch.rand(2, 1, 16, 16, requires_grad=True)
    real, condition = torch.rand(2, 1, 16, 16), torch.tensor([0, 1])
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-2)
    before = gradient_penalty(critic, real, fake, condition, generator=torch.Generator().manual_seed(0))
    for _ in range(20):
        optimizer.zero_grad()
        gradient_penalty(critic, real, fake, condition, generator=torch.Generator().manual_seed(0)).backward()
        optimizer.step()
    after = gradient_penalty(critic, real, fake, condition, generator=torch.Generator().manual_seed(0))
    assert after < before / 2
    assert fake.grad is None


def test_same_generator_same_penalty() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(in_channels=1, width=4)
    real, fake = torch.rand(2, 4, 1, 16, 16)
    one, again, other = (
        gradient_penalty(critic, real, fake, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
