"""Forward models of the imaging defects: what makes a degraded image of a clean one.

The defects are those of three published CARE data sets (Weigert et al. 2018, Nat. Methods 15:1090, with its CSBDeep
recipes): photon noise, axial undersampling, diffraction blur. At strength 1 each is plainly visible and restorable; at
0 it is the identity. Light is measured in units of the image itself, so 8-bit nuclei and 16-bit camera counts are
degraded alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from multiscope.errors import InputError

FloatArray = npt.NDArray[np.float64]

DARK, BRIGHT = 1.0, 99.9
"""Percentiles of a plane taken as its background and its peak."""
NOISE_PHOTONS = 20.0
"""Photons at the peak under `noise` of strength 1."""
READ_ELECTRONS = 1.6
"""Standard deviation of the read noise, in photo-electrons."""
AXIAL_SIGMA, AXIAL_FACTOR = 3.0, 6.0
"""PSF along the axis (pixels) and subsampling factor of `axial` at strength 1."""
BLUR_SIGMA = 2.5
"""PSF of `blur` at strength 1 (pixels)."""
HAZE_SIGMA, HAZE_SHARE, HAZE_LEVEL = 14.0, 0.2, 0.06
"""Out-of-focus light under `blur` of strength 1: its width (pixels), share of the light, and level of the peak."""
BLUR_PHOTONS = 400.0
"""Photons at the peak under `blur` of strength 1."""
_MOST_PHOTONS = 1e12


class ForwardModel(Protocol):
    """One defect: image (..., Y, X) in camera units to the degraded one of the same shape."""

    def __call__(self, image: FloatArray, *, strength: float, rng: np.random.Generator, offset: float) -> FloatArray:
        """Degrade; `offset` is the camera's count without light, `strength` is above 0."""
        ...


def noise(image: FloatArray, *, strength: float, rng: np.random.Generator, offset: float) -> FloatArray:
    """Photon-limited exposure: Poisson shot noise, then Gaussian read noise.

    The peak (99.9 percent) of each plane (Y, X) receives `NOISE_PHOTONS / strength` photons, so the variance is
    gain * (mean - offset) + (gain * READ_ELECTRONS)^2 with gain = peak * strength / NOISE_PHOTONS counts a photon.
    """
    return _each_plane(lambda plane: _expose(plane, NOISE_PHOTONS / strength, READ_ELECTRONS, rng, offset), image)


def axial(image: FloatArray, *, strength: float, rng: np.random.Generator, offset: float) -> FloatArray:
    """Poor axial sampling, shown on the rows (axis Y) as in a section along the optical axis.

    The CARE recipe: anisotropic Gaussian PSF (sigma `AXIAL_SIGMA * strength` along Y only), every s-th row kept
    (s = 1 + (`AXIAL_FACTOR` - 1) * strength), linear interpolation back to the rows there were. The last row is always
    kept, so any height comes out as it went in. Its optional shot noise is left to `noise`: `rng` is not used.
    """
    height = image.shape[-2]
    blurred = gaussian_filter1d(image, AXIAL_SIGMA * strength, axis=-2, mode="reflect")
    step = 1 + (AXIAL_FACTOR - 1) * strength
    kept = np.unique(np.append(np.rint(np.arange(0, height - 1, step)), height - 1)).astype(np.intp)
    if len(kept) == 1:
        return np.asarray(blurred)
    upper = np.clip(np.searchsorted(kept, np.arange(height)), 1, len(kept) - 1)
    low, high = kept[upper - 1], kept[upper]
    weight = ((np.arange(height) - low) / (high - low))[:, None]
    return np.asarray(blurred[..., low, :] * (1 - weight) + blurred[..., high, :] * weight)


def blur(image: FloatArray, *, strength: float, rng: np.random.Generator, offset: float) -> FloatArray:
    """Widefield instead of sectioned imaging: broad PSF, smooth haze, mild shot noise.

    A Gaussian PSF of sigma `BLUR_SIGMA * strength` takes the fine detail; the share `HAZE_SHARE * strength` (at most
    0.9) of the light goes out of focus (sigma `HAZE_SIGMA`); medium and depth add a smooth random background of up to
    2 * `HAZE_LEVEL * strength` of the peak; the peak receives `BLUR_PHOTONS / strength` photons.
    """
    return _each_plane(lambda plane: _widefield(plane, strength, rng, offset), image)


DEFECTS: dict[str, ForwardModel] = {"noise": noise, "axial": axial, "blur": blur}
"""Every defect by its name; a new one is one function and one line here."""


def degrade(
    name: str,
    image: npt.NDArray[Any],
    *,
    strength: float,
    rng: np.random.Generator,
    offset: float | None = None,
) -> npt.NDArray[Any]:
    """The image with one defect; shape and dtype stay, integers are rounded and clipped to their range.

    Args:
        name: one of `DEFECTS`.
        image: (..., Y, X), integers or floats of any range.
        strength: 0 gives an exact copy, 1 is the documented setting.
        rng: source of all randomness.
        offset: count without light; left out, the background (1 percent) of each plane.

    Raises:
        InputError: no such defect, or an image that is not of real numbers with two axes or more.
    """
    if name not in DEFECTS:
        raise InputError(f"defect '{name}': is unknown; expected one of {', '.join(DEFECTS)}: correct the name")
    if image.ndim < 2 or image.dtype.kind not in "iuf":
        raise InputError(
            f"defect '{name}': image is {image.dtype} with {image.ndim} axes; expected integers or floats (..., Y, X)"
        )
    if strength < 0:
        raise InputError(f"defect '{name}': strength is {strength:g}; expected 0 or more")
    if strength == 0 or image.size == 0:
        return image.copy()
    model = DEFECTS[name]

    def apply(plane: FloatArray) -> FloatArray:
        dark = float(np.percentile(plane, DARK)) if offset is None else offset
        return model(plane, strength=strength, rng=rng, offset=dark)

    return _as_dtype(_each_plane(apply, image.astype(np.float64)), image.dtype)


def _each_plane(model: Callable[[FloatArray], FloatArray], image: FloatArray) -> FloatArray:
    """`model` on every plane (Y, X): channels differ in brightness, so each has its own peak."""
    planes = image.reshape(-1, *image.shape[-2:])
    return np.stack([model(plane) for plane in planes]).reshape(image.shape)


def _peak(plane: FloatArray, offset: float) -> float:
    """Light at the bright end; where fewer pixels than 0.1 percent are lit, the brightest."""
    peak = float(np.percentile(plane, BRIGHT)) - offset
    return peak if peak > 0 else float(plane.max()) - offset


def _expose(plane: FloatArray, photons: float, read: float, rng: np.random.Generator, offset: float) -> FloatArray:
    """Shot and read noise with `photons` at the peak; a plane without light comes back as it is."""
    peak = _peak(plane, offset)
    if peak <= 0:
        return plane
    gain = peak / min(photons, _MOST_PHOTONS)
    electrons = rng.poisson(np.maximum(plane - offset, 0) / gain) + rng.normal(0, read, plane.shape)
    return np.asarray(offset + gain * electrons)


def _widefield(plane: FloatArray, strength: float, rng: np.random.Generator, offset: float) -> FloatArray:
    peak = _peak(plane, offset)
    if peak <= 0:
        return plane
    light = plane - offset
    share = min(HAZE_SHARE * strength, 0.9)
    focused = gaussian_filter(light, BLUR_SIGMA * strength, mode="reflect")
    astray = gaussian_filter(light, HAZE_SIGMA, mode="reflect")
    medium = HAZE_LEVEL * strength * peak * _clouds(plane.shape, rng)
    received = offset + (1 - share) * focused + share * astray + medium
    return _expose(received, BLUR_PHOTONS / strength, READ_ELECTRONS, rng, offset)


def _clouds(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """A smooth random field (Y, X) from 0 to 2 with mean near 1: a few random plane waves longer than the plane is."""
    rows, columns = (np.linspace(0, 1, n) for n in shape)
    waves = np.zeros(shape)
    for _ in range(4):
        ky, kx = rng.uniform(-4, 4, 2)
        waves += np.cos(ky * rows[:, None] + kx * columns[None, :] + rng.uniform(0, 2 * np.pi))
    return np.asarray(1 + waves / 4)


def _as_dtype(image: FloatArray, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if dtype.kind == "f":
        return image.astype(dtype)
    bounds = np.iinfo(dtype)
    return np.clip(np.rint(image), bounds.min, bounds.max).astype(dtype)
