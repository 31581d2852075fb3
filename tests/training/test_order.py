from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from multiscope.training.order import random_flips, step_rng


@given(st.integers(0, 500))
def test_pairs_stay_pairs(seed: int) -> None:
    image = torch.arange(2 * 16.0).reshape(2, 1, 4, 4)
    first, second = random_flips(image, image + 100, rng=step_rng(seed=seed, step=0))
    assert torch.equal(first + 100, second)
    assert torch.equal(first.flatten().sort().values, image.flatten())


def test_all_four_come_up_and_rows_stay_rows() -> None:
    image = torch.zeros(1, 1, 4, 4)
    image[..., 1, 0:2] = 1
    seen = set()
    for seed in range(40):
        (flipped,) = random_flips(image, rng=step_rng(seed=seed, step=0))
        assert sorted(flipped.sum(dim=-1).flatten().tolist()) == [0, 0, 0, 2]
        seen.add(tuple(flipped.flatten().tolist()))
    assert len(seen) == 4
