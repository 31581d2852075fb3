"""One thread inside, whatever there was outside."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from multiscope.simulate.threads import one_thread


def test_there_is_one_thread_inside_and_as_many_as_before_after_it() -> None:
    torch.set_num_threads(2)
    with one_thread():
        assert torch.get_num_threads() == 1
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_an_error_gives_the_threads_back() -> None:
    torch.set_num_threads(2)
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2


def test_threads_of_python_that_overlap_leave_what_there_was() -> None:
    torch.set_num_threads(2)
    met = Barrier(3)

    def inside(_: int) -> int:
        with one_thread():
            met.wait(timeout=30)
            return torch.get_num_threads()

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(inside, range(3))) == [1, 1, 1]
    assert torch.get_num_threads() == 2
