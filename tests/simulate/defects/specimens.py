"""What the forward models are tried on, and how detail is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from multiscope.config import Axial, Bleaching, Blur, Defect, HotPixels, Illumination, Mixture, Noise

Plane = npt.NDArray[np.float64]

MODELS: dict[str, Defect] = {
    "noise": Noise(),
    "noise, binned": Noise(binning=2),
    "noise, saturated": Noise(saturation=0.9),
    "axial": Axial(),
    "axial, noisy": Axial(photons=100),
    "blur": Blur(),
    "illumination": Illumination(),
    "bleaching": Bleaching(),
    "hot_pixels": HotPixels(hot=5e-3, dead=2e-3),
    "hot_pixels, lines": HotPixels(hot=5e-3, columns=0.03, rows=0.03),
    "mixture": Mixture(parts=[Blur(strength=0.7), Illumination(), Noise(photons=60)]),
}
"""Every model, some of them with other settings; hot pixels so many that a small image has some."""


def specimen(dtype: str = "uint16", *, height: int = 96, width: int = 96) -> npt.NDArray[Any]:
    """Smooth bumps on an offset, with detail of a few pixels in both directions."""
    bumps = gaussian_filter(np.random.default_rng(1).normal(size=(height, width)), 1.5, mode="wrap")
    light = np.clip(bumps / max(float(np.abs(bumps).max()), 1e-9), 0, None)
    top, offset = {"uint8": (200, 10), "float32": (0.8, 0.1), "float64": (0.8, 0.1)}.get(dtype, (2500, 100))
    return np.asarray(offset + top * light).astype(dtype)


def power(image: npt.NDArray[Any]) -> Plane:
    """Spectrum of a windowed image."""
    window = np.hanning(image.shape[0])[:, None] * np.hanning(image.shape[1])
    return np.asarray(np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2)


def above(spectrum: Plane, *, axis: int, frequency: float = 0.15) -> float:
    """Power of the frequencies (cycles a pixel) above `frequency` along one axis."""
    kept = np.abs(np.fft.fftfreq(spectrum.shape[axis])) > frequency
    return float(np.compress(kept, spectrum, axis=axis).sum())
