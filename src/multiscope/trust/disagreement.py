"""Where restorers of several seeds disagree, and whether that foretells their errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata  # type: ignore[import-untyped, unused-ignore]

Image = npt.NDArray[np.float32]


def disagreement(restored: npt.NDArray[Any]) -> Image | None:
    """Standard deviation over seeds of every pixel: restored (S, ..., Y, X) to (..., Y, X); None for one seed.

    An ensemble of networks from other starts (Lakshminarayanan et al. 2017, arXiv:1612.01474). What all of them learned
    wrongly, they agree on.
    """
    if len(restored) < 2:
        return None
    return np.asarray(restored.astype(np.float64).std(axis=0, ddof=1), dtype=np.float32)


def rank_correlation(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """Spearman's correlation of two arrays of one shape, -1 to 1; NaN where one of them is constant."""
    ranks = [rankdata(values.ravel()) for values in (one, other)]
    ranks = [values - values.mean() for values in ranks]
    norm = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float((ranks[0] * ranks[1]).sum()) / norm if norm > 0 else float("nan")
