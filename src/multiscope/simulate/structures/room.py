"""Who gets the room where two things want the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def first_come(overlapping: npt.NDArray[np.integer[Any]], n: int) -> npt.NDArray[np.bool_]:
    """Which of `n` things stay if they come one by one and each that overlaps one who is there is left out.

    This is random sequential adsorption (Widom 1966, J. Chem. Phys. 44:3888) for things in random order.

    Args:
        overlapping: (m, 2), pairs of things that cannot both stay, the earlier one first.
        n: number of things.
    """
    stays = np.ones(n, dtype=np.bool_)
    # by the later of each pair: what became of the earlier one is then known
    for earlier, later in overlapping[np.argsort(overlapping[:, 1], kind="stable")]:
        if stays[earlier]:
            stays[later] = False
    return stays
