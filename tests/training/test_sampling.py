from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from multiscope.training.draws import balanced, uniform
from multiscope.training.ranks import Ranks
from multiscope.training.sampling import Sampling
from multiscope.training.stream import Stream

SMALL = Stream(block=4, buffer=20, refill=6)
ROWS = st.lists(st.integers(0, 999), min_size=4, max_size=120, unique=True).map(sorted).map(np.array)
MODES = st.sampled_from([None, SMALL, Stream()])


def sampling(
    rows: np.ndarray, *, batch_size: int = 8, seed: int = 0, stream: Stream | None = None, rank: int = 0, world: int = 1
) -> Sampling:
    return Sampling(rows, uniform(len(rows)), batch_size, seed, stream, Ranks(rank, world))


def used(of: Sampling, epoch: int) -> list[int]:
    whole = of.epoch(epoch)
    return [int(row) for k in range(of.steps_per_epoch) for row in whole.batch(k)]


@given(ROWS, st.integers(4, 16), st.integers(0, 99), st.integers(0, 99), MODES)
def test_an_epoch_sees_every_row_once_in_batches_of_nearly_equal_size(
    rows: np.ndarray, batch_size: int, seed: int, epoch: int, stream: Stream | None
) -> None:
    of = sampling(rows, batch_size=batch_size, seed=seed, stream=stream)
    assert sorted(used(of, epoch)) == list(rows)
    sizes = [len(of.epoch(epoch).batch(k)) for k in range(of.steps_per_epoch)]
    assert max(sizes) <= batch_size and max(sizes) - min(sizes) <= 1
    assert used(of, epoch) == used(sampling(rows, batch_size=batch_size, seed=seed, stream=stream), epoch)


@pytest.mark.parametrize("stream", [None, SMALL])
def test_epochs_seeds_and_modes_differ(stream: Stream | None) -> None:
    rows = np.arange(60)
    first = used(sampling(rows, stream=stream), 0)
    assert first != used(sampling(rows, stream=stream), 1)
    assert first != used(sampling(rows, stream=stream, seed=1), 0)
    assert first != used(sampling(rows, stream=Stream()), 0)


@given(ROWS, st.integers(1, 4), st.integers(4, 16), st.integers(0, 9), MODES)
def test_ranks_share_an_epoch(rows: np.ndarray, world: int, batch_size: int, epoch: int, stream: Stream | None) -> None:
    assume(len(rows) // sampling(rows, batch_size=batch_size).steps_per_epoch >= world)
    ranks = [sampling(rows, batch_size=batch_size, stream=stream, rank=rank, world=world) for rank in range(world)]
    shares = [used(of, epoch) for of in ranks]
    assert sorted(row for share in shares for row in share) == list(rows)
    assert len({of.steps_per_epoch for of in ranks}) == 1
    for k in range(ranks[0].steps_per_epoch):
        places = [of.place(k) for of in ranks]
        assert [place.n for place in places] == [len(of.epoch(epoch).batch(k)) for of in ranks]
        assert [place.start for place in places] == [sum(place.n for place in places[:r]) for r in range(world)]
        assert {place.whole for place in places} == {sum(place.n for place in places)}


@given(ROWS, st.integers(1, 4), st.integers(4, 16), st.integers(0, 9))
def test_ranks_see_the_batches_of_a_single_one(rows: np.ndarray, world: int, batch_size: int, epoch: int) -> None:
    whole = sampling(rows, batch_size=batch_size)
    try:
        ranks = [sampling(rows, batch_size=batch_size, rank=rank, world=world) for rank in range(world)]
    except ValueError:
        assert len(rows) // whole.steps_per_epoch < world
        return
    for k in range(whole.steps_per_epoch):
        parts = [of.epoch(epoch).batch(k) for of in ranks]
        assert np.array_equal(np.concatenate(parts), whole.epoch(epoch).batch(k))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1 and all(map(len, parts))


def test_more_ranks_than_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one sample a rank"):
        sampling(np.arange(3), world=4)


@given(st.integers(0, 99), MODES)
def test_balanced_draws_reach_the_batches_whatever_the_order_of_reading(seed: int, stream: Stream | None) -> None:
    rows, classes = np.arange(10, 70), np.array([0] * 50 + [1] * 10)
    of = Sampling(rows, balanced(classes), 8, seed, stream)
    drawn = np.array(used(of, 0))
    assert np.bincount(classes[drawn - 10]).tolist() == [30, 30]
    assert sorted(drawn) == sorted(used(Sampling(rows, balanced(classes), 8, seed), 0))
