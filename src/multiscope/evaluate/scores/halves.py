"""Two halves of names: what is chosen is chosen on one and reported on the other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from multiscope.evaluate.scores.ranking import Bools


def tuning_half(names: Sequence[str]) -> Bools:
    """Which of `names` (n,) are in the half on which cuts and the like are chosen; each with probability one half.

    It is the first bit of the name's sha256, so a name is in the same half for every encoder, in any order and
    whatever else is there. Few names may therefore all be in one half.
    """
    first_bytes = (hashlib.sha256(name.encode()).digest()[0] for name in names)
    return np.array([byte >= 128 for byte in first_bytes], dtype=np.bool_)
