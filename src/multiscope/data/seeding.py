"""Random streams that belong to a name, so that adding one thing leaves what the others draw untouched."""

from __future__ import annotations

import hashlib

import numpy as np


def stable_rng(seed: int, *words: str) -> np.random.Generator:
    """A generator that depends on `seed` and `words` only, the same in every process and version of Python."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence([seed, *np.frombuffer(digest[:16], dtype="<u4").tolist()]))


def stable_seed(seed: int, *words: str) -> int:
    """A seed of 63 bits that depends on `seed` and `words` only."""
    return int(stable_rng(seed, *words).integers(2**63))
