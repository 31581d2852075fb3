"""Classical filters in the place of networks: no weights, one setting a condition, kept in the constructor's arguments.

So they are saved, loaded, tiled and scored like networks. A setting of 0 (a median of 1) is the identity. They work on
the CPU, whatever the device.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor, nn

Images = npt.NDArray[np.float32]
Number = TypeVar("Number", int, float)
_TRUNCATE = 4.0  # scipy's default: a Gaussian ends at 4 standard deviations
_PATCH, _DISTANCE = 5, 6
_EPS = 1e-6
_WIDEST, _MOST_ITERATIONS = 100, 1000
_MAD = 0.6744897501960817  # median of the absolute value of a standard normal variable


class Filter(nn.Module, ABC):
    """Applies to each image the setting that its condition names."""

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Filter x (N, 1, H, W), meant to be in [-1, 1], each by the setting of its condition (N,) int64."""
        if condition.shape != x.shape[:1]:
            raise ValueError(f"condition has shape {tuple(condition.shape)}; expected one number a sample ({len(x)},)")
        images = x.detach().cpu().numpy()[:, 0].astype(np.float32)
        made = np.empty_like(images)
        numbers = condition.cpu().numpy()
        for number in np.unique(numbers):
            made[numbers == number] = self.filtered(images[numbers == number], int(number))
        return torch.from_numpy(made[:, None]).to(x)

    @abstractmethod
    def filtered(self, images: Images, condition: int) -> Images:
        """Filter images (N, H, W) by one setting."""

    @property
    @abstractmethod
    def receptive(self) -> int:
        """How far, in pixels, an output sees, the farthest of all conditions."""


class GaussianFilter(Filter):
    """Gaussian filter, edges reflected."""

    def __init__(self, *, sigma: Sequence[float]) -> None:
        """Standard deviation in pixels of each condition."""
        super().__init__()
        self.sigma = _checked("sigma", sigma, _WIDEST)

    def filtered(self, images: Images, condition: int) -> Images:
        """Filter images (N, H, W)."""
        return _gaussian(images, (self.sigma[condition], self.sigma[condition]))

    @property
    def receptive(self) -> int:
        """Four standard deviations."""
        return max(_radius(sigma) for sigma in self.sigma)


class MedianFilter(Filter):
    """Median of a square window, edges reflected."""

    def __init__(self, *, size: Sequence[int]) -> None:
        """Side of the window in pixels of each condition, odd."""
        super().__init__()
        self.size = _checked("size", size, _WIDEST)

    def filtered(self, images: Images, condition: int) -> Images:
        """Filter images (N, H, W)."""
        size = self.size[condition]
        return images if size == 1 else ndimage.median_filter(images, size=(1, size, size))

    @property
    def receptive(self) -> int:
        """Half of the window."""
        return max(self.size) // 2


class NonLocalMeans(Filter):
    """Non-local means (Buades et al. 2005), scikit-image's, patches of 5 x 5 pixels within 6 pixels.

    The noise's standard deviation is a setting and not measured in each image: measured in each tile, it would leave
    seams.
    """

    def __init__(self, *, sigma: Sequence[float], strength: Sequence[float]) -> None:
        """Noise of each condition (in units of x) and the filter's strength h as a share of it."""
        super().__init__()
        self.sigma = _checked("sigma", sigma, _WIDEST)
        self.strength = _checked("strength", strength, _WIDEST)

    def filtered(self, images: Images, condition: int) -> Images:
        """Filter images (N, H, W)."""
        from skimage.restoration import denoise_nl_means  # slow to import: only where it is used

        sigma, h = self.sigma[condition], self.sigma[condition] * self.strength[condition]
        if h == 0:
            return images
        return np.stack(
            [
                denoise_nl_means(image, patch_size=_PATCH, patch_distance=_DISTANCE, h=h, sigma=sigma, fast_mode=True)
                for image in images
            ]
        )

    @property
    def receptive(self) -> int:
        """The farthest patch."""
        return _DISTANCE + _PATCH // 2


class RichardsonLucy(Filter):
    """Richardson-Lucy deconvolution (Richardson 1972; Lucy 1974) with a Gaussian point spread function.

    Light is x less the dark level, cut to what is not negative. Edges are reflected, for which the blur is its own
    transpose: no light is lost there. (scikit-image pads with zeros, which brightens the edges.)
    """

    def __init__(
        self, *, sigma_y: Sequence[float], sigma_x: Sequence[float], iterations: Sequence[int], dark: Sequence[float]
    ) -> None:
        """Of each condition: the spread along both axes in pixels, the iterations, the value of x without light."""
        super().__init__()
        along_y, along_x = _checked("sigma_y", sigma_y, _WIDEST), _checked("sigma_x", sigma_x, _WIDEST)
        self.sigma = list(zip(along_y, along_x, strict=True))
        self.iterations = _checked("iterations", iterations, _MOST_ITERATIONS)
        self.dark = list(dark)

    def filtered(self, images: Images, condition: int) -> Images:
        """Deconvolve images (N, H, W)."""
        if not self.iterations[condition]:
            return images
        sigma, dark = self.sigma[condition], self.dark[condition]
        light = np.maximum(images - dark, 0)
        estimate = light.copy()
        for _ in range(self.iterations[condition]):
            expected = _gaussian(estimate, sigma)
            estimate *= _gaussian(light / np.maximum(expected, _EPS), sigma)
        found: Images = (estimate + dark).astype(np.float32)
        return found

    @property
    def receptive(self) -> int:
        """Two blurs an iteration."""
        return max(2 * n * _radius(max(sigma)) for n, sigma in zip(self.iterations, self.sigma, strict=True))


FILTERS: dict[str, Callable[..., Filter]] = {
    "gaussian_filter": GaussianFilter,
    "median_filter": MedianFilter,
    "non_local_means": NonLocalMeans,
    "richardson_lucy": RichardsonLucy,
}
"""Filters by the names of their architectures."""


def noise_level(images: Images) -> float:
    """Standard deviation of white noise in images (N, H, W): the median over images of a robust estimate.

    The estimate is that of Donoho & Johnstone 1994 on the finest diagonal details, here of Haar's wavelet.
    """
    height, width = images.shape[1] // 2 * 2, images.shape[2] // 2 * 2
    a, b = images[:, 0:height:2, 0:width:2], images[:, 0:height:2, 1:width:2]
    c, d = images[:, 1:height:2, 0:width:2], images[:, 1:height:2, 1:width:2]
    details = np.abs(a - b - c + d) / 2
    return float(np.median(np.median(details, axis=(1, 2)) / _MAD))


def _checked(name: str, values: Sequence[Number], most: float) -> list[Number]:
    """Settings from 0 to `most`: those of a file from elsewhere could take for ever."""
    if not all(0 <= value <= most for value in values):
        raise ValueError(f"{name} is {list(values)}; expected numbers from 0 to {most}")
    return list(values)


def _gaussian(images: Images, sigma: tuple[float, float]) -> Images:
    """Blur images (N, H, W) along Y and X, edges reflected."""
    blurred: Images = ndimage.gaussian_filter(images, (0, *sigma), mode="reflect", truncate=_TRUNCATE)
    return blurred


def _radius(sigma: float) -> int:
    return int(_TRUNCATE * sigma + 0.5)
