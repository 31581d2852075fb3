from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from multiscope.training.order import epoch_order, random_symmetry, step_rng


@given(st.integers(1, 200), st.integers(0, 99), st.integers(0, 99))
def test_an_epoch_sees_every_sample_once(n: int, seed: int, epoch: int) -> None:
    order = epoch_order(n, seed=seed, epoch=epoch)
    assert sorted(order) == list(range(n))
    assert np.array_equal(order, epoch_order(n, seed=seed, epoch=epoch))


def test_epochs_and_seeds_differ() -> None:
    assert not np.array_equal(epoch_order(50, seed=0, epoch=0), epoch_order(50, seed=0, epoch=1))
    assert not np.array_equal(epoch_order(50, seed=0, epoch=0), epoch_order(50, seed=1, epoch=0))


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
