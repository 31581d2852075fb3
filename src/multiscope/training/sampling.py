"""What each step of a training sees: a function of (seed, epoch) and of nothing that happened before.

So the step number is the whole state of the order, a resumed run goes on in the middle of an epoch, and threads, queues
and disks have no say in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from multiscope.training.draws import Draw, Rows
from multiscope.training.stream import Stream


@dataclass(frozen=True)
class Epoch:
    """One epoch of one rank."""

    arrivals: Rows
    """Rows of the store in the order they are read."""
    order: Rows
    """Positions among `arrivals` in the order they are used."""
    cuts: tuple[int, ...]
    """Where each batch begins in `order`, and the end."""

    def batch(self, position: int) -> Rows:
        """Rows of the store that the batch at `position` (from 0) of the epoch holds."""
        return self.arrivals[self.order[self.cuts[position] : self.cuts[position + 1]]]


@dataclass(frozen=True)
class Sampling:
    """The batches of a training: drawn from `rows`, put in random order, shared among ranks.

    Every rank takes as many steps as the others, no two share a draw, and their shares of an epoch differ by one draw
    at most. Batches of an epoch are of nearly equal size: a last one of a single sample would break batch
    normalization.
    """

    rows: Rows
    """The samples to learn from, as rows of the store, in rising order."""
    draw: Draw
    """Which of them an epoch has; see `multiscope.training.draws`."""
    batch_size: int
    """Samples a step, all ranks together."""
    seed: int
    stream: Stream | None = None
    """Read in blocks: an epoch has the same samples then, in another order."""
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        """A rank without samples would wait for ever."""
        if min(self.batch_size, len(self.rows)) < self.world_size:
            raise ValueError(
                f"batches of {self.batch_size} of {len(self.rows)} samples for {self.world_size} ranks; "
                "expected at least one sample a rank"
            )

    @property
    def steps_per_epoch(self) -> int:
        """Steps of each rank."""
        return math.ceil(len(self.rows) / self.batch_size)

    def epoch(self, number: int) -> Epoch:
        """Epoch `number` (from 0) as this rank sees it."""
        drawn = self.rows[self.draw(self._rng(number, 3))]
        rng = self._rng(number, 0)
        arrivals = self.stream.arrivals(drawn, rng) if self.stream else drawn[rng.permutation(len(drawn))]
        share = np.array_split(arrivals, self.world_size)[self.rank]
        n = len(share)
        order = self.stream.order(n, self._rng(number, 4, self.rank)) if self.stream else np.arange(n)
        sizes = [len(part) for part in np.array_split(order, self.steps_per_epoch)]
        return Epoch(share, order, (0, *np.cumsum(sizes).tolist()))

    def _rng(self, epoch: int, *stream: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, epoch, *stream))
