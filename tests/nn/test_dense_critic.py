from __future__ import annotations

import pytest
import torch

from multiscope.nn.dense_critic import DenseCritic


def test_it_has_the_parameters_of_the_published_code() -> None:
    assert sum(p.numel() for p in DenseCritic().parameters()) == 29_698_305


@pytest.mark.parametrize("size", [16, 31, 64])
def test_one_score_an_image_at_any_size_it_is_built_for(size: int) -> None:
    critic = DenseCritic(size=size, width=4, dense=8).eval()
    images = torch.randn(3, 1, size, size)
    scores = critic(images)
    assert scores.shape == (3, 1)
    assert not torch.allclose(scores[0], scores[1])
