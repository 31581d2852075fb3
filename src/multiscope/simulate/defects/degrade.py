"""One defect put on an image or a batch; a forward model is one function and one line in `_MODELS`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from multiscope.config import Axial, Bleaching, Blur, Defect, HotPixels, Illumination, Mixture, Noise
from multiscope.errors import InputError
from multiscope.simulate import counter
from multiscope.simulate.defects.axial import axial
from multiscope.simulate.defects.bleaching import bleaching
from multiscope.simulate.defects.exposure import noise
from multiscope.simulate.defects.hot_pixels import hot_pixels
from multiscope.simulate.defects.illumination import illumination
from multiscope.simulate.defects.light import Acquisition, background
from multiscope.simulate.defects.widefield import blur
from multiscope.simulate.threads import one_thread

_Model = Callable[[Tensor, Any, Acquisition], Tensor]
_MODELS: dict[type[Any], _Model] = {
    Noise: noise,
    Axial: axial,
    Blur: blur,
    Illumination: illumination,
    Bleaching: bleaching,
    HotPixels: hot_pixels,
}
_LEAST = 1e-12
"""Strength that stands for 0 until the images are put back, so that nothing is divided by 0."""


def degrade(
    image: npt.NDArray[Any],
    defect: Defect,
    *,
    seed: int,
    offset: npt.ArrayLike | None = None,
    peak: npt.ArrayLike | None = None,
) -> npt.NDArray[Any]:
    """The image with one defect; shape and dtype stay, integers are rounded and clipped to their range.

    Computed in float64, plane by plane: channels differ in brightness, so each has its own peak and its own noise; hot
    pixels are in the same places in all planes.

    Args:
        image: (..., Y, X), integers or floats of any range.
        defect: the model and its settings; strength 0 gives an exact copy.
        seed: of all randomness; 0 or more.
        offset: count without light, broadcast to the planes (...); left out, the background (1 percent) of each.
        peak: light at the peak above the offset, broadcast likewise; left out, that of each plane (99.9 percent).

    Raises:
        InputError: an image that is not of real numbers with two axes or more.
    """
    if image.ndim < 2 or image.dtype.kind not in "iuf":
        raise InputError(
            f"defect '{defect.model}': image is {image.dtype} with {image.ndim} axes; expected integers or floats "
            "(..., Y, X)"
        )
    degraded = image.copy()
    if defect.strength == 0 or image.size == 0:
        return degraded
    planes = degraded.reshape(-1, *image.shape[-2:])
    keys, camera = plane_keys(seed, len(planes)), counter.as_tensor(counter.key(seed)[None])
    offsets, peaks = (_each_plane(value, image) for value in (offset, peak))
    for number, plane in enumerate(planes):
        batch = torch.from_numpy(plane.astype(np.float64))[None]
        own, dark, bright = keys[number, None], offsets[number], peaks[number]
        made = degrade_batch(batch, defect, own, camera=camera, offset=dark, peak=bright)
        plane[:] = _as_dtype(made[0].numpy(), image.dtype)
    return planes.reshape(image.shape)


def degrade_batch(
    batch: Tensor,
    defect: Defect,
    keys: Tensor,
    *,
    camera: Tensor | None = None,
    strength: Tensor | None = None,
    offset: Tensor | float | None = None,
    peak: Tensor | float | None = None,
) -> Tensor:
    """A batch of planes with one defect, on its device; no gradient is kept.

    An image is the same alone and in any batch: bit for bit on the CPU, where images are computed one by one with one
    thread, and to rounding on other devices. Computed in float64 if the batch is, else in float32.

    Args:
        batch: planes (N, Y, X) or (N, 1, Y, X), floats in any units.
        defect: the model and its settings.
        keys: (N, 2) int32 of `counter.as_tensor`, as `plane_keys` makes them; one an image.
        camera: (N, 2) or (1, 2), keys of the camera, whose pixels may be hot; left out, each image has its own.
        strength: (N,), 0 or more, instead of that of `defect`; images of strength 0 come back as they are.
        offset: value without light, one or (N,); left out, the background (1 percent) of each plane.
        peak: light at the peak above the offset, one or (N,); left out, that of each plane (99.9 percent). Give both
            for patches, which need not show the background or the peak of their field: `background` and `brightness`
            find them.
    """
    if batch.ndim == 4 and batch.shape[1] == 1:
        planes = batch[:, 0]
    elif batch.ndim == 3:
        planes = batch
    else:
        raise ValueError(f"batch is {tuple(batch.shape)}; expected (N, Y, X) or (N, 1, Y, X)")
    n = len(planes)
    if keys.shape != (n, 2):
        raise ValueError(f"keys are {tuple(keys.shape)}; expected ({n}, 2)")
    if planes.numel() == 0:
        return batch.clone()
    planes = planes if planes.dtype == torch.float64 else planes.float()
    strengths = _each(defect.strength if strength is None else strength, planes)
    on_cpu = planes.device.type == "cpu"
    with torch.no_grad(), torch.autocast(planes.device.type, enabled=False), one_thread() if on_cpu else nullcontext():
        dark = background(planes).view(-1, 1, 1) if offset is None else _each(offset, planes)
        taken = Acquisition(
            keys=keys,
            camera=keys if camera is None else camera.expand(n, 2),
            strength=strengths.clamp(min=_LEAST),
            offset=dark,
            given_peak=None if peak is None else _each(peak, planes),
        )
        parts = [slice(i, i + 1) for i in range(n)] if on_cpu else [slice(None)]
        made = torch.cat([_apply(planes[part], defect, _part_of(taken, part)) for part in parts])
        return torch.where(strengths > 0, made, planes).to(batch.dtype).view(batch.shape)


def plane_keys(seed: int, n: int) -> Tensor:
    """Keys (n, 2) of the planes of the image with that `seed`."""
    return counter.as_tensor(counter.key(seed, np.arange(n)))


def part_keys(keys: Tensor, number: int) -> Tensor:
    """Keys of the part `number` of a mixture: two parts of one model share no random numbers."""
    return keys ^ counter.as_tensor(counter.key(number), keys.device)


def _apply(planes: Tensor, defect: Defect, taken: Acquisition) -> Tensor:
    if not isinstance(defect, Mixture):
        return _MODELS[type(defect)](planes, defect, taken)
    for number, part in enumerate(defect.parts):
        if part.strength:
            keys, camera = part_keys(taken.keys, number), part_keys(taken.camera, number)
            strength = taken.strength * part.strength
            planes = _apply(planes, part, replace(taken, keys=keys, camera=camera, strength=strength))
    return planes


def _part_of(taken: Acquisition, part: slice) -> Acquisition:
    return Acquisition(
        keys=taken.keys[part],
        camera=taken.camera[part],
        strength=taken.strength[part],
        offset=taken.offset[part],
        given_peak=None if taken.given_peak is None else taken.given_peak[part],
    )


def _each_plane(value: npt.ArrayLike | None, image: npt.NDArray[Any]) -> Sequence[float | None]:
    """One number, or None, for each plane of an image (..., Y, X)."""
    leading = image.shape[:-2]
    if value is None:
        return [None] * math.prod(leading)
    return [float(one) for one in np.broadcast_to(np.asarray(value, dtype=np.float64), leading).ravel()]


def _each(value: Tensor | float, planes: Tensor) -> Tensor:
    """One number an image, (N, 1, 1), in the type of the planes."""
    return torch.as_tensor(value, dtype=planes.dtype, device=planes.device).expand(len(planes)).view(-1, 1, 1)


def _as_dtype(plane: npt.NDArray[np.float64], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if dtype.kind == "f":
        return plane.astype(dtype)
    bounds = np.iinfo(dtype)
    return np.clip(np.rint(plane), bounds.min, bounds.max).astype(dtype)
