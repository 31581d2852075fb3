"""One thread for each piece of arithmetic, so that sums and roundings do not depend on how many cores there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch

_LOCK = Lock()
_INSIDE = 0
_BEFORE = 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread; several threads of Python may be inside at once, each with one of its own."""
    global _INSIDE, _BEFORE
    with _LOCK:
        if _INSIDE == 0:
            _BEFORE = torch.get_num_threads()
        _INSIDE += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _LOCK:
            _INSIDE -= 1
            if _INSIDE == 0:
                torch.set_num_threads(_BEFORE)
