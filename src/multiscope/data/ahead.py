"""Work done ahead by two threads, its results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_THREADS = 2


def ahead(work: Callable[[int], T], n: int) -> Iterator[T]:
    """Results of `work(0)` to `work(n - 1)` in order; never more than a few begun ahead."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for number in range(n):
                waiting.append(pool.submit(work, number))
                if len(waiting) > _THREADS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
