"""From light to counts: point spread function, shot noise, read noise, offset."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

PSF_UM = 0.14
"""Standard deviation of the in-focus point spread function (micrometres)."""
GLOW_UM, GLOW = 1.1, 0.10
"""Width (micrometres) and share of the light from out of focus."""
OFFSET, READ_NOISE, COUNTS_PER_PHOTON = 100.0, 2.5, 1.5
"""Counts without light, standard deviation of the read noise (counts), gain."""


def image_of(light: npt.NDArray[np.float64], *, pixel_size_um: float) -> npt.NDArray[np.float64]:
    """Expected counts above the offset of planes (C, Y, X) of light, seen through the microscope."""
    focused = gaussian_filter(light, (0, *2 * (PSF_UM / pixel_size_um,)))
    astray = gaussian_filter(light, (0, *2 * (GLOW_UM / pixel_size_um,)), truncate=3)
    return np.asarray((1 - GLOW) * focused + GLOW * astray)


def expose(expected: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.uint16]:
    """Counts of one exposure: offset, Poisson photons and Gaussian read noise, clipped to 16 bits."""
    photons = rng.poisson(np.maximum(expected, 0) / COUNTS_PER_PHOTON)
    counts = OFFSET + COUNTS_PER_PHOTON * photons + rng.normal(0, READ_NOISE, expected.shape)
    return np.clip(np.rint(counts), 0, 65535).astype(np.uint16)
