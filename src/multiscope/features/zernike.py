"""Zernike moments of the light of a cell: how it is arranged in the disk around the cell, at any turn of it.

A moment is a polynomial in y and x, so all of them are sums of the moments of the single powers, which two products of
matrices give for a whole batch of cells.
"""

from __future__ import annotations

from functools import cache
from math import comb, factorial, pi

import numpy as np
import numpy.typing as npt
from numpy.polynomial.polynomial import polyvander

from multiscope.features.regions import Floats, Regions, ratio

DEGREE = 8
_ORDERS = [(n, m) for n in range(1, DEGREE + 1) for m in range(n % 2, n + 1, 2)]


def zernike(weights: Floats, regions: Regions) -> dict[str, Floats]:
    """Magnitudes |Z_nm| of degree n 1 to 8 and repetition m, by `n_m`; each (n,), 0 where there is no light.

    Khotanzad and Hong (IEEE PAMI 12:489, 1990), of light that adds up to 1, with the factor (n + 1) / pi, as mahotas
    has them. The disk is around the centroid of the mask and as large as its farthest pixel is away. Z_00 is left out,
    it is the same for all cells. `weights` (n, S, S) are at least 0, and 0 outside of the cell.
    """
    radius = reach(regions)[:, None]
    rows, columns = (
        polyvander(ratio(np.arange(side) - regions.centre[:, axis, None], radius), DEGREE)
        for axis, side in enumerate(weights.shape[1:])
    )
    powers = rows.transpose(0, 2, 1) @ weights @ columns
    magnitudes = np.abs(powers.reshape(len(weights), -1) @ _polynomials())
    shares = ratio(magnitudes, weights.sum(axis=(1, 2))[:, None])
    return {f"{n}_{m}": shares[:, at] for at, (n, m) in enumerate(_ORDERS)}


def reach(regions: Regions) -> Floats:
    """Distance from the centroid to the farthest pixel of the mask, in pixels (n,)."""
    return np.asarray((regions.distance * regions.masks).max(axis=(1, 2), initial=0))


@cache
def _polynomials() -> npt.NDArray[np.complex128]:
    """Coefficients of every order in the powers of y and x, (powers of y * powers of x, orders)."""
    found = np.zeros((DEGREE + 1, DEGREE + 1, len(_ORDERS)), np.complex128)
    for at, (n, m) in enumerate(_ORDERS):
        for s in range((n - m) // 2 + 1):
            q = (n - m) // 2 - s
            sign = (-1) ** s * (n + 1) / pi
            share = sign * factorial(n - s) / (factorial(s) * factorial((n + m) // 2 - s) * factorial(q))
            # r^(n - 2s) e^(i m theta) is (x + iy)^m (y^2 + x^2)^q
            for j in range(m + 1):
                for k in range(q + 1):
                    found[j + 2 * k, m - j + 2 * (q - k), at] += share * comb(m, j) * 1j**j * comb(q, k)
    return found.reshape(-1, len(_ORDERS))
