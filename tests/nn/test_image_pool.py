from __future__ import annotations

import torch

from multiscope.nn.image_pool import ImagePool


def numbered(first: int, n: int) -> torch.Tensor:
    return torch.arange(first, first + n, dtype=torch.float32)[:, None, None, None].expand(n, 1, 2, 2)


def test_fills_first_then_gives_each_image_once() -> None:
    torch.manual_seed(0)
    pool, given = ImagePool(6), []
    for step in range(50):
        out = pool.exchange(numbered(4 * step, 4))
        assert out.shape == (4, 1, 2, 2)
        given += out[:, 0, 0, 0].int().tolist()
    assert given[:6] == list(range(6))
    # the first ones are shown while the pool fills, and perhaps once more when they leave it
    later = given[6:]
    assert len(set(later)) == len(later)
    former = sum(number < 4 * (i // 4) for i, number in enumerate(given))
    assert 60 < former < 130, "about half of 194 are from earlier steps"
    assert len(pool) == 6


def test_size_zero_gives_back() -> None:
    images = numbered(0, 3)
    assert ImagePool(0).exchange(images) is images


def test_state_survives_a_kill() -> None:
    torch.manual_seed(0)
    pool, resumed = ImagePool(3), ImagePool(3)
    resumed.load_state_dict(pool.state_dict())
    assert len(resumed) == 0
    pool.exchange(numbered(0, 5))
    resumed.load_state_dict(pool.state_dict())
    torch.manual_seed(1)
    expected = pool.exchange(numbered(5, 9))
    torch.manual_seed(1)
    assert torch.equal(resumed.exchange(numbered(5, 9)), expected)
    assert torch.equal(resumed.state_dict()["images"], pool.state_dict()["images"])


def test_what_is_kept_cannot_be_changed_from_outside() -> None:
    images = numbered(0, 2).clone().requires_grad_()
    pool = ImagePool(2)
    given = pool.exchange(images)
    assert not given.requires_grad
    with torch.no_grad():
        images.zero_()
    assert pool.state_dict()["images"][1].max() == 1
