"""What each step of a training sees: a function of (seed, epoch) and of nothing that happened before.

So the step number is the whole state of the order, a resumed run goes on in the middle of an epoch, and threads, queues
and disks have no say in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from multiscope.training.draws import Draw, Rows
from multiscope.training.ranks import ALONE, Place, Ranks
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

    Every rank takes as many steps as the others, and no two share a draw. What is read one by one is dealt batch by
    batch: together the ranks see the batches of a single one. Blocks are dealt once an epoch, so that each is read by
    one rank; batches are others then. Batches of an epoch are of nearly equal size: a last one of a single sample would
    break batch normalization.
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
    ranks: Ranks = ALONE

    def __post_init__(self) -> None:
        """A rank without samples would wait for ever."""
        if len(self.rows) // max(1, self.steps_per_epoch) < self.ranks.size:
            raise ValueError(
                f"batches of {self.batch_size} of {len(self.rows)} samples for {self.ranks.size} ranks; "
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
        places = [self.place(position) for position in range(self.steps_per_epoch)]
        if self.stream:
            share = arrivals[self.ranks.share(len(arrivals))]
            order = self.stream.order(len(share), self._rng(number, 4, self.ranks.number))
        else:
            batches = np.array_split(arrivals, self.steps_per_epoch)
            share = np.concatenate([batch[self.ranks.share(len(batch))] for batch in batches])
            order = np.arange(len(share))
        return Epoch(share, order, (0, *np.cumsum([place.n for place in places]).tolist()))

    def place(self, position: int) -> Place:
        """Where the samples of this rank lie in the batch at `position` (from 0) of an epoch."""
        n = len(self.rows)
        if not self.stream:
            whole = _nth_part(n, self.steps_per_epoch, position)
            mine = self.ranks.share(whole)
            return Place(mine.start, mine.stop - mine.start, whole)
        shares = [_nth_part(n, self.ranks.size, rank) for rank in range(self.ranks.size)]
        sizes = [_nth_part(share, self.steps_per_epoch, position) for share in shares]
        return Place(sum(sizes[: self.ranks.number]), sizes[self.ranks.number], sum(sizes))

    def _rng(self, epoch: int, *stream: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, epoch, *stream))


def _nth_part(n: int, parts: int, number: int) -> int:
    """Size of one of the nearly equal parts of `n` things, the larger ones first."""
    return n // parts + (number < n % parts)
