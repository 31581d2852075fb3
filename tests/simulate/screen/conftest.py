"""What four other processes make of small screens, a quarter each."""

from __future__ import annotations

import multiprocessing

import pytest
import torch

from tests.simulate.drawn import SHARED, Digests, digests


def _quarter(number: int) -> Digests:
    """Digests of a quarter, made with 1 or 2 threads."""
    torch.set_num_threads(1 + number % 2)
    return digests(f"{number}/4")


@pytest.fixture(scope="session")
def elsewhere() -> Digests:
    """Digests of everything in `SHARED`, made by four new processes."""
    # not of a fork server: there is one for all tests, and those of the stores need what they preload
    context = multiprocessing.get_context("spawn")
    with context.Pool(4, maxtasksperchild=1) as pool:
        quarters = pool.map(_quarter, (1, 2, 3, 4), chunksize=1)
    made: Digests = {name: {} for name in SHARED}
    for quarter in quarters:
        for name, found in quarter.items():
            assert not made[name].keys() & found.keys()
            made[name] |= found
    return made
