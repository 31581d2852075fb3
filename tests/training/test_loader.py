from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.errors import InputError
from multiscope.training.draws import balanced
from multiscope.training.loader import Loader, read_ahead
from multiscope.training.ranks import Ranks
from multiscope.training.sampling import Sampling
from multiscope.training.stream import Stream

ROWS = np.arange(5, 65)
SMALL = Stream(block=4, buffer=20, refill=6)


def pixels(rows: np.ndarray) -> np.ndarray:
    return np.broadcast_to(rows.astype(np.uint16)[:, None, None, None], (len(rows), 2, 3, 3)).copy()


def sampling(stream: Stream | None, *, rank: int = 0, world: int = 1) -> Sampling:
    return Sampling(ROWS, balanced(ROWS % 3), 8, 4, stream, Ranks(rank, world))


def seen(of: Sampling, *, threads: int, start: int = 0, epochs: int = 3) -> list[list[int]]:
    """The rows of each step, after a look that the images are those of the rows."""
    found = []
    with Loader(pixels, of, epochs=epochs, threads=threads) as loader:
        for step in range(start, of.steps_per_epoch * epochs):
            rows, images = loader.batch(step)
            assert np.array_equal(images.numpy(), pixels(rows))
            found.append(rows.tolist())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]
    return found


@pytest.mark.parametrize("stream", [None, SMALL, Stream()])
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_change_nothing(stream: Stream | None, threads: int) -> None:
    assert seen(sampling(stream), threads=threads) == seen(sampling(stream), threads=0)


@given(st.integers(0, 23), st.sampled_from([None, SMALL, Stream()]), st.integers(0, 2), st.integers(1, 3), st.data())
def test_a_training_goes_on_in_the_middle_of_an_epoch(
    start: int, stream: Stream | None, threads: int, world: int, data: st.DataObject
) -> None:
    of = sampling(stream, rank=data.draw(st.integers(0, world - 1)), world=world)
    assert seen(of, threads=threads, start=start) == seen(of, threads=threads)[start:]


@pytest.mark.parametrize("stream", [None, SMALL])
def test_a_fault_of_the_disk_ends_the_training_as_one_line(stream: Stream | None) -> None:
    def damaged(rows: np.ndarray) -> np.ndarray:
        if 40 in rows:
            raise InputError("crops.zarr/image: damaged: c.0.0; make the store again")
        return pixels(rows)

    of = sampling(stream)
    with (
        pytest.raises(InputError, match=r"damaged: c\.0\.0"),
        Loader(damaged, of, epochs=1) as loader,
    ):
        for step in range(of.steps_per_epoch):
            loader.batch(step)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_nothing_is_read_beyond_the_last_epoch() -> None:
    reads: list[int] = []

    def counting(rows: np.ndarray) -> np.ndarray:
        reads.append(len(rows))
        return pixels(rows)

    of = sampling(None)
    with Loader(counting, of, epochs=2) as loader:
        for step in range(of.steps_per_epoch * 2):
            loader.batch(step)
    assert sum(reads) == 2 * len(ROWS)


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_reading_ahead_keeps_the_batches(threads: int) -> None:
    parts = [ROWS[:7], ROWS[7:9], ROWS[9:]]
    with read_ahead(pixels, parts, threads=threads) as batches:
        for batch, part in zip(batches, parts, strict=True):
            assert np.array_equal(batch.rows, part)
            assert np.array_equal(batch.images.numpy(), pixels(part))
