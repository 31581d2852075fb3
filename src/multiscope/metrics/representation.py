"""What an embedding is like as a whole: how many dimensions it uses, how like another one it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.floating]


def effective_rank(x: Matrix) -> float:
    """How many dimensions `x` (n, d) uses, from 1 to min(n - 1, d): the exponential of the entropy of its spectrum.

    Of the shares of the singular values of the centred matrix (Roy and Vetterli, EUSIPCO 2007). An embedding of one
    point has none: 0.
    """
    singular = np.linalg.svd(_centred(x), compute_uv=False)
    total = singular.sum()
    # what rounding leaves of equal rows is no dimension
    if total <= 1e-9 * max(1.0, float(np.abs(x).max(initial=0))) * len(x):
        return 0.0
    shares = singular[singular > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def similarity(x: Matrix, y: Matrix) -> float:
    """Linear centred kernel alignment of two embeddings (n, d) and (n, e) of the same samples, 0 to 1.

    1 for embeddings that differ by a rotation, a scale and an offset (Kornblith et al., ICML 2019); 0 where one of them
    is a single point.
    """
    a, b = _centred(x), _centred(y)
    norms = np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)
    return float(np.linalg.norm(a.T @ b) ** 2 / norms) if norms > 0 else 0.0


def _centred(x: Matrix) -> npt.NDArray[np.float64]:
    wide = np.asarray(x, dtype=np.float64)
    return np.asarray(wide - wide.mean(axis=0))
