"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any


def give_back() -> None:
    """Return freed memory to the system where the C library can (glibc); elsewhere nothing.

    The threads that pack shards free millions of small pieces, which glibc keeps: without this, a job that streams for
    hours would look as if it leaked, and be killed for it.
    """
    _trim()(0)


@cache
def _trim() -> Callable[[int], Any]:
    try:
        return ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):
        return lambda _: None
