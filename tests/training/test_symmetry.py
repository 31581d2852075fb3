from __future__ import annotations

import numpy as np
import pytest
import torch

from multiscope.training.order import step_rng
from multiscope.training.symmetry import random_symmetries

FACE = torch.tensor([[0, 1], [2, 3]])


def turned(n: int, *, turns: bool, step: int = 0) -> torch.Tensor:
    batch = torch.stack([FACE, FACE + 10]).float().expand(n, 2, 2, 2)
    return random_symmetries(batch, rng=step_rng(seed=0, step=step), turns=turns)


@pytest.mark.parametrize(("turns", "kinds"), [(False, 4), (True, 8)])
def test_each_sample_is_turned_by_itself_each_way_equally_often(turns: bool, kinds: int) -> None:
    out = turned(4000, turns=turns)
    assert torch.equal(out[:, 0] + 10, out[:, 1])
    faces, times = np.unique(out[:, 0].reshape(4000, 4).numpy(), axis=0, return_counts=True)
    assert len(faces) == kinds
    assert abs(times / 4000 - 1 / kinds).max() < 0.04
    expected = {tuple(torch.rot90(FACE.flip(dims), k).flatten().tolist()) for dims in ([], [0]) for k in range(4)}
    assert {tuple(face) for face in faces.tolist()} <= expected


def test_flips_leave_rows_rows() -> None:
    rows = torch.zeros(50, 1, 4, 4)
    rows[..., 1, :] = 1
    out = random_symmetries(rows, rng=step_rng(seed=0, step=0))
    assert set(out.sum(dim=-1).flatten().tolist()) == {0.0, 4.0}


def test_a_step_is_always_turned_alike_another_is_not() -> None:
    assert torch.equal(turned(20, turns=True), turned(20, turns=True))
    assert not torch.equal(turned(20, turns=True), turned(20, turns=True, step=1))
