"""Feeding a training: its batches read ahead, in the order of the sampling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import NamedTuple

import torch

from multiscope.training.draws import Rows
from multiscope.training.prefetch import Prefetcher
from multiscope.training.sampling import Epoch, Sampling
from multiscope.training.stream import Read, Samples, ShuffleBuffer


class Batch(NamedTuple):
    """Samples and their rows in the store."""

    rows: Rows
    images: torch.Tensor
    """(n, ...) as stored, on the CPU, pinned for a GPU. Convert before computing: torch's uint16 knows little."""


class Loader:
    """The batches of a training, step after step; a context manager that leaves no thread behind.

    `threads` read ahead, none reads a batch when it is asked for; it changes no number and no order.
    """

    def __init__(self, read: Read, sampling: Sampling, *, epochs: int, threads: int = 1, pin: bool = False) -> None:
        """`pin` where the batches go to a GPU. Nothing is read before the first batch is asked for."""
        self._read, self._sampling, self._pin = read, sampling, pin
        self._threads = min(threads, 1) if sampling.stream else threads  # a shuffle buffer knows one reader
        self._epochs = epochs
        self._ahead: Prefetcher[Batch] | None = None
        self._next = 0

    def batch(self, step: int) -> Batch:
        """The batch of `step`; reading goes on with the steps after it."""
        if self._ahead is None or step != self._next:
            self.close()
            self._ahead = Prefetcher(self._jobs(step), threads=self._threads)
        self._next = step + 1
        return next(self._ahead)

    def close(self) -> None:
        """End the reading; a later `batch` begins anew."""
        if self._ahead is not None:
            self._ahead.close()
        self._ahead = None

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _jobs(self, start: int) -> Iterator[Callable[[], Batch]]:
        first, position = divmod(start, self._sampling.steps_per_epoch)
        for number in range(first, self._epochs):
            epoch = self._sampling.epoch(number)
            buffer = self._buffer(epoch)
            for k in range(position, self._sampling.steps_per_epoch):
                rows = epoch.batch(k)
                read = partial(buffer.batch, *epoch.cuts[k : k + 2]) if buffer else partial(self._read, rows)
                yield partial(_batch, rows, read, self._pin)
            position = 0

    def _buffer(self, epoch: Epoch) -> ShuffleBuffer | None:
        stream = self._sampling.stream
        return ShuffleBuffer(self._read, stream, epoch.arrivals, epoch.order) if stream else None


def read_ahead(read: Read, batches: Iterable[Rows], *, threads: int = 1, pin: bool = False) -> Prefetcher[Batch]:
    """The batches of these rows in their order, for validation, prediction and embedding."""
    return Prefetcher((partial(_batch, rows, partial(read, rows), pin) for rows in batches), threads=threads)


def _batch(rows: Rows, read: Callable[[], Samples], pin: bool) -> Batch:
    images = torch.from_numpy(read())
    return Batch(rows, images.pin_memory() if pin else images)
