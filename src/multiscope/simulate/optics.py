"""From light in a few planes to the image at one focal height: the point spread function and its use.

Scalar diffraction theory (Goodman, Introduction to Fourier Optics): the pupil passes spatial frequencies up to
NA / wavelength, a plane at distance z from the focus adds the phase 2 pi z sqrt((n / wavelength)^2 - f^2), and the
intensity is the squared modulus. No aberrations, so the function is symmetric in z.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from multiscope.config import Optics
from multiscope.simulate.cells.geometry import Grid

_FINEST_UM = 0.06
_FINEST_FOCUS_UM = 0.001
_EXCITATION = 0.93
"""Wavelength that excites beside the one that is seen."""


def point_spread(optics: Optics, *, height: int, width: int, pixel_um: float, z_um: float) -> npt.NDArray[np.float64]:
    """Light of a point in each pixel (H, W), its middle at [0, 0], `z_um` from the focus.

    Widefield: the sum is 1 at any height. Confocal: the sum falls with the distance from the focus, for the pinhole
    keeps light from elsewhere out; `transfer` takes it for 1 in focus.
    """
    seen = _intensity(optics, optics.emission_nm, height, width, pixel_um, z_um)
    if optics.mode == "widefield":
        return np.asarray(seen / seen.sum())
    lit = _intensity(optics, _EXCITATION * optics.emission_nm, height, width, pixel_um, z_um)
    return np.asarray(lit * _through_pinhole(optics, seen, pixel_um))


def _through_pinhole(optics: Optics, seen: npt.NDArray[np.float64], pixel_um: float) -> npt.NDArray[np.float64]:
    """Share of the light of each place that reaches the detector through the pinhole."""
    radius = optics.pinhole * 0.61 * optics.emission_nm / 1000 / optics.na
    y, x = (np.fft.fftfreq(n) * n * pixel_um for n in seen.shape)
    hole = np.clip((radius - np.hypot(y[:, None], x[None])) / pixel_um + 0.5, 0, 1)
    return np.asarray(np.fft.irfft2(np.fft.rfft2(seen / seen.sum()) * np.fft.rfft2(hole), s=seen.shape).clip(0))


def _intensity(
    optics: Optics, nm: float, height: int, width: int, pixel_um: float, z_um: float
) -> npt.NDArray[np.float64]:
    """Intensity (H, W) of a point, computed on pixels fine enough for it and summed into the given ones."""
    finer = max(1, int(np.ceil(pixel_um / _FINEST_UM))) | 1  # odd, so that the middle stays in the middle
    fy, fx = (np.fft.fftfreq(n * finer, pixel_um / finer) for n in (height, width))
    squared = fy[:, None] ** 2 + fx[None] ** 2
    wave = 1000 / nm
    upright = np.sqrt(np.maximum((optics.refractive_index * wave) ** 2 - squared, 0))
    pupil = np.where(squared <= (optics.na * wave) ** 2, np.exp(2j * np.pi * z_um * upright), 0)
    fine = np.abs(np.fft.ifft2(pupil)) ** 2
    half = finer // 2
    rolled = np.roll(fine, (half, half), (0, 1))
    return np.asarray(rolled.reshape(height, finer, width, finer).sum((1, 3)))


def transfer(
    optics: Optics, *, height: int, width: int, pixel_um: float, distances_um: tuple[tuple[float, ...], ...]
) -> Tensor:
    """Transfer functions (L, H, W // 2 + 1) of L planes, each seen at one or more distances from the focus."""
    tables = [
        [_spectrum(optics, height, width, pixel_um, distance) for distance in distances] for distances in distances_um
    ]
    return torch.stack([torch.stack(each).sum(0) for each in tables])


@lru_cache(maxsize=256)
def _spectrum(optics: Optics, height: int, width: int, pixel_um: float, distance_um: float) -> Tensor:
    """Transfer function of one distance, 1 for all light in focus."""
    size = {"height": height, "width": width, "pixel_um": pixel_um}
    in_focus = point_spread(optics, **size, z_um=0.0).sum()  # type: ignore[arg-type]
    spectrum = np.fft.rfft2(point_spread(optics, **size, z_um=distance_um) / in_focus).real  # type: ignore[arg-type]
    fy, fx = np.fft.fftfreq(height, pixel_um), np.fft.rfftfreq(width, pixel_um)
    blur = np.exp(-2 * (np.pi * optics.blur_um) ** 2 * (fy[:, None] ** 2 + fx[None] ** 2))
    return torch.from_numpy((spectrum * blur).astype(np.float32))


def seen(light: Tensor, optics: Optics, grid: Grid, *, focus_um: Tensor | float = 0.0) -> Tensor:
    """Images (B, ..., H, W) of light (B, ..., L, H, W) in the planes of a grid.

    Each of the B is focused at its own height `focus_um` (B,), or all at one; every height needs a table of its own, so
    there should be few. The window is taken as periodic: leave a
    margin.
    """
    focus = torch.as_tensor(focus_um, dtype=torch.float64).cpu().expand(len(light))
    steps, which = torch.unique((focus / _FINEST_FOCUS_UM).round().long(), return_inverse=True)
    table = torch.stack([_transfer_at(optics, grid, int(step) * _FINEST_FOCUS_UM) for step in steps])
    spectrum = torch.fft.rfft2(light)
    otf = table[which].to(light.device) if len(steps) > 1 else table.to(light.device)
    spectrum *= otf.view(len(otf), *([1] * (light.ndim - 4)), *otf.shape[1:])
    image: Tensor = torch.fft.irfft2(spectrum.sum(-3), s=light.shape[-2:])
    return image


def _transfer_at(optics: Optics, grid: Grid, focus_um: float) -> Tensor:
    """Transfer functions of the planes of a grid, which may stand for two heights."""
    heights = [(z, -z) if grid.mirrored and z else (z,) for z in grid.z_um]
    distances = tuple(tuple(round(abs(z - focus_um), 6) for z in each) for each in heights)
    return transfer(optics, height=grid.height, width=grid.width, pixel_um=grid.pixel_um, distances_um=distances)
