from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.errors import InputError
from multiscope.training.prefetch import Prefetcher


def readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def slow_square(number: int) -> int:
    time.sleep(0.0005 * (number % 3))
    return number * number


def fails(number: int) -> int:
    if number == 5:
        raise InputError("crops.zarr/image: damaged: c.0.0; make the store again")
    return number


@given(st.integers(0, 20), st.integers(0, 3), st.integers(1, 6))
def test_results_come_in_the_order_of_the_jobs(n: int, threads: int, ahead: int) -> None:
    with Prefetcher((partial(slow_square, i) for i in range(n)), threads=threads, ahead=ahead) as results:
        assert list(results) == [i * i for i in range(n)]
    assert not readers()


@pytest.mark.parametrize("threads", [1, 2])
def test_no_more_than_the_queue_is_worked_ahead(threads: int) -> None:
    taken = []

    def jobs() -> Iterator[Callable[[], int]]:
        for i in range(100):
            taken.append(i)
            yield partial(int, i)

    with Prefetcher(jobs(), threads=threads) as results:
        next(results)
        assert len(taken) == 5


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_an_error_comes_out_as_it_is_where_its_result_was_due(threads: int) -> None:
    seen = []
    with (
        pytest.raises(InputError, match=r"^crops.zarr/image: damaged: c.0.0; make the store again$"),
        Prefetcher((partial(fails, i) for i in range(9)), threads=threads) as results,
    ):
        for result in results:
            seen.append(result)
    assert seen == [0, 1, 2, 3, 4]
    assert not readers()


def test_leaving_early_ends_the_threads_and_drops_what_waits() -> None:
    began = []

    def job(number: int) -> int:
        began.append(number)
        time.sleep(0.02)
        return number

    with Prefetcher((partial(job, i) for i in range(50)), threads=1) as results:
        assert next(results) == 0
    assert not readers()
    assert len(began) <= 5
    assert list(results) == []


# a job in the background of a shell that is not interactive inherits a SIGINT that is ignored
SCRIPT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from functools import partial
from multiscope.training.prefetch import Prefetcher
def job(number):
    time.sleep(0.01)
    return number
results = Prefetcher((partial(job, i) for i in range(10**6)), threads=2)
if sys.argv[1] == "closed":
    with results:
        for number in results:
            print(number, flush=True)
for number in results:
    print(number, flush=True)
    if sys.argv[1] == "raise":
        raise SystemExit(3)
"""


@pytest.mark.parametrize(("how", "code"), [("raise", 3), ("closed", -signal.SIGINT), ("open", -signal.SIGINT)])
def test_a_process_ends_whether_or_not_the_threads_were_ended(how: str, code: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, how], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    with process.stdout as lines:
        lines.readline()
        if how != "raise":
            os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == code
