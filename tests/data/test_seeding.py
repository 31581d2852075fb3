"""Random streams by name."""

from __future__ import annotations

import subprocess
import sys

from multiscope.data.seeding import stable_rng, stable_seed


def test_a_stream_is_the_same_in_another_process() -> None:
    code = "from multiscope.data.seeding import stable_rng; print(stable_rng(3, 'a', 'b').integers(2**62))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == stable_rng(3, "a", "b").integers(2**62)


def test_words_and_seeds_tell_streams_apart() -> None:
    streams = [(0, "a", "b"), (0, "ab"), (0, "b", "a"), (0, "a"), (1, "a", "b"), (0,)]
    assert len({int(stable_rng(seed, *words).integers(2**62)) for seed, *words in streams}) == len(streams)


def test_a_seed_is_the_first_number_of_its_stream() -> None:
    assert stable_seed(3, "a", "b") == stable_rng(3, "a", "b").integers(2**63)
    assert stable_seed(3, "a", "b") != stable_seed(3, "a", "c")
