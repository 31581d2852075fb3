"""Reading a store in blocks through a shuffle buffer: for shared file systems and stores larger than memory.

Random single samples are what such a disk does worst. Here blocks of neighbouring samples are read in random order into
a buffer that holds many blocks, and batches are drawn from it. Each sample comes as often as it was asked for, and the
order is a function of the generator alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.training.draws import Rows

Samples = npt.NDArray[Any]
Read = Callable[[Rows], Samples]
"""Reads samples (n, ...) as stored, in the order of the rows asked for."""


@dataclass(frozen=True)
class Stream:
    """Sizes in samples; all of the buffer is in memory."""

    block: int = 256
    """Neighbours read together."""
    buffer: int = 16384
    """Samples that wait to be drawn."""
    refill: int = 2048
    """Samples that come into the buffer at once, in place of as many that were drawn."""

    def arrivals(self, rows: Rows, rng: np.random.Generator) -> Rows:
        """The `rows` in the order they are read: blocks of neighbours, the blocks shuffled."""
        blocks = np.array_split(np.sort(rows), range(self.block, len(rows), self.block))
        return np.concatenate([blocks[i] for i in rng.permutation(len(blocks))])

    def order(self, n: int, rng: np.random.Generator) -> Rows:
        """In which order `n` arrivals leave the buffer, as positions among them."""
        waiting, parts = np.arange(min(n, self.buffer), dtype=np.int64), []
        for start in range(self.buffer, n, self.refill):
            new = np.arange(start, min(start + self.refill, n), dtype=np.int64)
            waiting = rng.permutation(np.concatenate([waiting, new]))
            parts.append(waiting[: len(new)])
            waiting = waiting[len(new) :]
        return np.concatenate([*parts, rng.permutation(waiting)])

    def arrived(self, used: int, n: int) -> int:
        """How many of `n` arrivals must have been read before `used` of them (at least 1) have left."""
        refills = (used - 1) // self.refill + 1
        return min(n, self.buffer + refills * self.refill)


class ShuffleBuffer:
    """The samples of one epoch that were read and not yet used; asked for batch after batch."""

    def __init__(self, read: Read, stream: Stream, arrivals: Rows, order: Rows) -> None:
        """Nothing is read before the first batch."""
        self._read, self._stream, self._arrivals, self._order = read, stream, arrivals, order
        self._slot = np.full(len(arrivals), -1, dtype=np.int64)
        self._arrived = 0
        self._free = np.empty(0, dtype=np.int64)
        self._pool: Samples | None = None

    def batch(self, start: int, stop: int) -> Samples:
        """Samples `start` to `stop` of the order; the first call may start anywhere, each next one where one ended."""
        due = self._stream.arrived(stop, len(self._order))
        new = np.arange(self._arrived, due)
        if self._pool is None:  # what was used before the first call is not read
            left = self._order[start:]
            new = np.sort(left[left < due])
        for part in np.array_split(new, range(self._stream.block, len(new), self._stream.block)):
            self._keep(part, self._read(self._arrivals[part]), batch=stop - start)
        self._arrived = max(self._arrived, due)
        assert self._pool is not None
        slots = self._slot[self._order[start:stop]]
        self._free = np.concatenate([self._free, slots])
        return np.asarray(self._pool[slots])

    def _keep(self, positions: Rows, samples: Samples, *, batch: int) -> None:
        if self._pool is None:
            # at most a buffer, a refill, and a batch that reaches into the next one (batches differ by one in size)
            room = min(len(self._arrivals), self._stream.buffer + self._stream.refill + batch + 1)
            self._pool = np.empty((room, *samples.shape[1:]), dtype=samples.dtype)
            self._free = np.arange(room, dtype=np.int64)
        slots, self._free = self._free[: len(positions)], self._free[len(positions) :]
        self._slot[positions] = slots
        self._pool[slots] = samples
