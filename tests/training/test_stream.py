from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.training.stream import ShuffleBuffer, Stream


class Disk:
    """Samples whose pixels are their row number; remembers what was read."""

    def __init__(self) -> None:
        self.reads: list[np.ndarray] = []

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.reads.append(rows)
        return np.repeat(rows.astype(np.uint16)[:, None], 3, axis=1)


streams = st.builds(Stream, block=st.integers(1, 9), buffer=st.integers(1, 40), refill=st.integers(1, 20))


@given(st.integers(1, 150), st.integers(1, 30), st.integers(0, 9), streams, st.data())
def test_the_buffer_hands_out_the_order_from_any_batch_on(
    n: int, batch_size: int, seed: int, stream: Stream, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    arrivals = stream.arrivals(np.arange(n) * 7, rng)
    order = stream.order(n, rng)
    assert sorted(order) == list(range(n))
    cuts = [0, *np.cumsum([len(part) for part in np.array_split(order, -(-n // batch_size))])]
    first = data.draw(st.integers(0, len(cuts) - 2))
    disk = Disk()
    buffer = ShuffleBuffer(disk, stream, arrivals, order)
    for start, stop in zip(cuts[first:-1], cuts[first + 1 :], strict=True):
        assert list(buffer.batch(start, stop)[:, 0]) == list(arrivals[order[start:stop]])
    read = np.concatenate(disk.reads)
    assert len(read) == len(set(read)) == n - cuts[first]


def test_neighbours_are_read_together_and_used_far_apart() -> None:
    stream, n = Stream(block=16, buffer=320, refill=32), 2000
    rng = np.random.default_rng(0)
    arrivals, order = stream.arrivals(np.arange(n), rng), stream.order(n, rng)
    steps = np.diff(arrivals)
    assert np.count_nonzero(steps != 1) <= n // 16
    rows = arrivals[order]
    blocks = [len(set(rows[start : start + 40] // 16)) for start in range(0, 1600, 40)]
    assert np.mean(blocks) > 12  # of the 20 in the buffer; read in order it were 3
    held = [set(order[:used]) for used in (1, 100, 500)]
    assert all(max(seen) < stream.arrived(len(seen), n) for seen in held)


def test_memory_is_that_of_the_buffer() -> None:
    stream, n = Stream(block=8, buffer=64, refill=16), 5000
    rng = np.random.default_rng(0)
    buffer = ShuffleBuffer(Disk(), stream, stream.arrivals(np.arange(n), rng), stream.order(n, rng))
    for start in range(0, n, 10):
        buffer.batch(start, start + 10)
    assert buffer._pool is not None and len(buffer._pool) <= 64 + 16 + 11


@pytest.mark.parametrize("n", [1, 16384, 40000])
def test_the_default_sizes(n: int) -> None:
    assert sorted(Stream().order(n, np.random.default_rng(0))) == list(range(n))
