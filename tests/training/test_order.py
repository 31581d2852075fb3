from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from multiscope.training.order import random_symmetry, step_rng


@given(st.integers(0, 500), st.booleans())
def test_pairs_stay_pairs(seed: int, rotate: bool) -> None:
    image = torch.arange(2 * 16.0).reshape(2, 1, 4, 4)
    first, second = random_symmetry(image, image + 100, rng=step_rng(seed=seed, step=0), rotate=rotate)
    assert torch.equal(first + 100, second)
    assert torch.equal(first.sort().values.sum(), image.sum())


def test_without_rotation_rows_stay_rows() -> None:
    image = torch.zeros(1, 1, 4, 4)
    image[..., 1, :] = 1
    for seed in range(20):
        (turned,) = random_symmetry(image, rng=step_rng(seed=seed, step=0), rotate=False)
        assert set(turned.sum(dim=-1).flatten().tolist()) == {0.0, 4.0}
