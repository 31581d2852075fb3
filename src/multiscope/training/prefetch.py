"""Work done ahead by threads, handed out in its order.

Threads, not processes: a worker process would copy every batch through shared memory, which costs more than reading
it, and tensorstore does not survive a fork.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")
_AHEAD = 4


class Prefetcher(Iterator[T]):
    """Results of `jobs` in the order of the jobs; a context manager, so that its threads end with it.

    The jobs are taken in the caller's thread. Each is called in one of `threads` threads, at most `ahead` results
    before they are asked for; with no threads, when its result is asked for. What a job raises is raised where its
    result is asked for.
    """

    def __init__(self, jobs: Iterable[Callable[[], T]], *, threads: int = 1, ahead: int = _AHEAD) -> None:
        """Work begins at once."""
        self._jobs, self._ahead = iter(jobs), ahead
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="prefetch") if threads else None
        self._waiting: deque[Future[T]] = deque()
        self._fill()

    def __next__(self) -> T:
        if self._pool is None:
            return next(self._jobs)()
        if not self._waiting:
            raise StopIteration
        done = self._waiting.popleft().result()
        self._fill()
        return done

    def close(self) -> None:
        """Drop what waits and wait for what is being worked on; no thread is left, no result comes any more."""
        self._jobs = iter(())
        self._waiting.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Prefetcher[T]:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _fill(self) -> None:
        if self._pool is not None:
            while len(self._waiting) < self._ahead and (job := next(self._jobs, None)) is not None:
                self._waiting.append(self._pool.submit(job))
