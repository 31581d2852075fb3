"""Random numbers by counting: good numbers, and the same ones whatever else is drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from multiscope.simulate import counter
from tests.simulate.drawn import keys

SEEDS = st.integers(0, 2**63)
PARTS = st.lists(st.integers(0, 2**31), max_size=6)


def correlation(first: torch.Tensor, second: torch.Tensor) -> float:
    return float(np.corrcoef(first.flatten().numpy(), second.flatten().numpy())[0, 1])


def test_uniform_numbers_are_uniform_over_places_and_over_keys() -> None:
    long, many = counter.uniform(keys(1), "x", 200_000), counter.uniform(keys(200_000), "x", 1)
    for numbers in (long, many, counter.uniform(keys(400), "x", 5, 100)):
        assert stats.kstest(numbers.flatten().double().numpy(), "uniform").pvalue > 1e-3


def test_their_low_and_high_bits_are_even() -> None:
    steps = (counter.uniform(keys(64), "bits", 4096).double() * 2**24).long()
    assert (steps % 2 == 1).all(), "odd multiples of 2^-24"
    for bit in range(1, 24):
        ones = float(((steps >> bit) & 1).double().mean())
        assert abs(ones - 0.5) < 5 * 0.5 / np.sqrt(steps.numel())


@settings(max_examples=40)
@given(seed=SEEDS, name=st.text(max_size=20), n=st.integers(1, 40), shape=st.lists(st.integers(1, 9), max_size=3))
def test_uniform_numbers_are_never_0_or_1_and_normal_ones_are_finite(
    seed: int, name: str, n: int, shape: list[int]
) -> None:
    numbers = counter.uniform(keys(n, seed), name, *shape)
    assert numbers.shape == (n, *shape) and numbers.dtype == torch.float32
    assert numbers.min() > 0 and numbers.max() < 1
    for normal in (counter.normal(keys(n, seed), name, *shape), *counter.normal_pair(keys(n, seed), name, *shape)):
        assert normal.shape == (n, *shape) and bool(normal.isfinite().all())


def test_none_of_many_numbers_is_0_or_1() -> None:
    numbers = counter.uniform(keys(1), "many", 2**24)
    assert 2**-24 <= numbers.min() < 2**-20 and 1 - 2**-20 < numbers.max() <= 1 - 2**-24


def test_normal_numbers_have_the_moments_and_tails_of_a_normal() -> None:
    first, second = (part.flatten().double().numpy() for part in counter.normal_pair(keys(50), "n", 20_000))
    for numbers in (first, second):
        n = len(numbers)
        assert abs(numbers.mean()) < 5 / np.sqrt(n)
        assert abs(numbers.var() - 1) < 5 * np.sqrt(2 / n)
        assert abs(stats.skew(numbers)) < 5 * np.sqrt(6 / n)
        assert abs(stats.kurtosis(numbers)) < 5 * np.sqrt(24 / n)
        assert stats.kstest(numbers[:200_000], "norm").pvalue > 1e-3
        beyond = 2 * stats.norm.sf(4) * n
        assert abs((np.abs(numbers) > 4).sum() - beyond) < 5 * np.sqrt(beyond)


def test_names_keys_and_neighbours_are_independent() -> None:
    n = 100_000
    limit = 5 / np.sqrt(n)
    made = counter.normal(keys(n), "a", 2)
    first, second = counter.normal_pair(keys(n), "a", 1)
    pairs = {
        "names": (made[:, 0], counter.normal(keys(n), "b", 2)[:, 0]),
        "places of a key": (made[:, 0], made[:, 1]),
        "neighbouring keys": (made[:-1, 0], made[1:, 0]),
        "seeds": (made[:, 0], counter.normal(keys(n, 1), "a", 2)[:, 0]),
        "the pair": (first, second),
        "the pair's radius": (first.square(), second.square()),
    }
    for what, (one, other) in pairs.items():
        assert abs(correlation(one, other)) < limit, what
    row = counter.normal(keys(1), "row", n)[0]
    for lag in (1, 2, 3, 32, 1024):
        assert abs(correlation(row[:-lag], row[lag:])) < limit
        assert abs(correlation(row[:-lag].square(), row[lag:].square())) < limit


def test_names_that_end_alike_share_no_numbers() -> None:
    drawn = {name: counter.uniform(keys(1), name, 1000)[0] for name in ("a", "a.angle", "aa", "", "angle", "b")}
    for one in drawn:
        for other in drawn:
            assert one == other or (drawn[one] == drawn[other]).float().mean() < 0.01


@settings(max_examples=40)
@given(n=st.integers(1, 70), picked=st.integers(0, 69), seed=SEEDS)
def test_a_cell_has_the_same_numbers_alone_and_in_any_batch(n: int, picked: int, seed: int) -> None:
    picked %= n
    alone = counter.filled(keys(n, seed)[picked : picked + 1])
    together = counter.filled(keys(n, seed))
    for draw in (counter.uniform, counter.normal):
        torch.testing.assert_close(draw(alone, "x", 3, 5)[0], draw(together, "x", 3, 5)[picked], rtol=0, atol=0)


@pytest.mark.parametrize("n", [1, 31, 32, 33, 64, 65])
def test_blocks_are_filled_with_the_last_key(n: int) -> None:
    filled = counter.filled(keys(n))
    assert len(filled) % 32 == 0 and 0 <= len(filled) - n < 32
    assert torch.equal(filled[:n], keys(n))
    assert (filled[n:] == keys(n)[-1]).all()


def test_more_places_begin_with_the_numbers_of_fewer() -> None:
    assert torch.equal(counter.uniform(keys(3), "x", 50)[:, :7], counter.uniform(keys(3), "x", 7))


@given(seed=SEEDS, parts=PARTS, other=PARTS, other_seed=SEEDS)
def test_other_seeds_and_parts_give_other_keys(seed: int, parts: list[int], other: list[int], other_seed: int) -> None:
    same = (seed, parts) == (other_seed, other)
    assert (int(counter.key(seed, *parts)) == int(counter.key(other_seed, *other))) == same


def test_many_keys_are_all_different_and_their_order_counts() -> None:
    made = counter.key(0, np.arange(100)[:, None], np.arange(1000))
    assert made.shape == (100, 1000) and made.dtype == np.uint64
    assert len(np.unique(made)) == made.size
    assert counter.key(0, 1, 2) != counter.key(0, 2, 1)
    assert counter.key(0) != counter.key(0, 0) != counter.key(0, 0, 0)
    assert counter.key(0, 1) != counter.key(1, 0)


@given(seed=SEEDS, parts=PARTS)
def test_parts_may_be_arrays(seed: int, parts: list[int]) -> None:
    made = counter.key(seed, *parts, np.arange(5))
    assert made.tolist() == [int(counter.key(seed, *parts, number)) for number in range(5)]


def test_keys_keep_their_bits_as_tensors() -> None:
    made = counter.key(7, np.arange(6).reshape(2, 3))
    tensor = counter.as_tensor(made)
    assert tensor.shape == (2, 3, 2) and tensor.dtype == torch.int32
    np.testing.assert_array_equal(tensor.numpy().view(np.uint64)[..., 0], made)


def test_one_bit_of_a_part_changes_half_of_the_bits_of_a_key() -> None:
    numbers = np.arange(2000, dtype=np.int64)
    before = counter.key(3, numbers)
    for bit in range(0, 40, 3):
        changed = before ^ counter.key(3, numbers ^ (1 << bit))
        share = np.unpackbits(changed.view(np.uint8)).mean()
        assert share == pytest.approx(0.5, abs=0.01), bit


@pytest.mark.parametrize("apart", [1, 2, 3, 7, 32, 64, 1000])
def test_places_apart_fill_the_plane_evenly(apart: int) -> None:
    numbers = counter.uniform(keys(4, 11), "plane", 500_000).double().numpy()
    first, second = numbers[:, :-apart].ravel(), numbers[:, apart:].ravel()
    cells = np.bincount((first * 32).astype(int) * 32 + (second * 32).astype(int), minlength=1024)
    assert stats.chisquare(cells).pvalue > 1e-4


def test_the_spectrum_of_an_image_of_noise_is_flat() -> None:
    images = counter.normal(keys(200), "camera", 64, 64).double().numpy()
    power = (np.abs(np.fft.fft2(images)) ** 2).mean(0) / 64**2
    # the mean of 200 exponential numbers
    assert power.min() > 0.6 and power.max() < 1.5
    assert power[0].mean() == pytest.approx(1, abs=0.05) and power[:, 0].mean() == pytest.approx(1, abs=0.05)


def test_numbers_do_not_depend_on_threads_or_on_what_was_drawn_before() -> None:
    alone = counter.normal(counter.filled(keys(3, 5)), "x", 40_000)
    counter.normal(keys(9), "before", 10)
    torch.set_num_threads(2)
    torch.testing.assert_close(counter.normal(counter.filled(keys(3, 5)), "x", 40_000), alone, rtol=0, atol=0)
