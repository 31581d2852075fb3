import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.patch_critic import PatchCritic


@settings(deadline=None, max_examples=15)
@given(h=st.integers(8, 40), w=st.integers(8, 40), layers=st.integers(1, 3), n_conditions=st.integers(0, 3))
def test_score_map(h: int, w: int, layers: int, n_conditions: int) -> None:
    critic = PatchCritic(in_channels=2, width=2, layers=layers, n_conditions=n_conditions)
    condition = torch.zeros(3, dtype=torch.int64) if n_conditions else None
    scores = critic(torch.rand(3, 2, h, w), condition)
    assert scores.shape == (3, 1, h // 2**layers, w // 2**layers)


def test_widths_double_up_to_four_times() -> None:
    critic = PatchCritic(in_channels=1, width=4, layers=5, n_conditions=3)
    convolutions = [m for m in critic.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [
        (4, 4),
        (4, 8),
        (8, 16),
        (16, 16),
        (16, 16),
        (16, 1),
    ]


def test_samples_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(in_channels=1, width=4, n_conditions=2)
    x, condition = torch.rand(3, 1, 16, 16), torch.tensor([0, 1, 0])
    alone = torch.cat([critic(x[i : i + 1], condition[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(critic(x, condition), alone)


def test_label_planes_are_one_hot_maps_beside_the_image() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(in_channels=1, width=4, n_conditions=3)
    x = torch.rand(2, 1, 16, 16)
    planes = torch.zeros(2, 3, 16, 16)
    planes[0, 2] = planes[1, 0] = 1
    torch.testing.assert_close(critic(x, torch.tensor([2, 0])), critic.net(torch.cat([x, planes], dim=1)))
    assert not torch.allclose(critic(x, torch.tensor([2, 0])), critic(x, torch.tensor([1, 0])))


def test_condition_exactly_where_conditions_are() -> None:
    x = torch.zeros(1, 1, 16, 16)
    with pytest.raises(ValueError, match="2 conditions got condition None"):
        PatchCritic(in_channels=1, width=2, n_conditions=2)(x)
    with pytest.raises(ValueError, match="0 conditions"):
        PatchCritic(in_channels=1, width=2)(x, torch.tensor([0]))
