"""Nuclei in an isotropic volume: chromatin with a bright rim and dark nucleoli; images are sections along z."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from multiscope.config import VirtualStructures
from multiscope.simulate.structures.ellipsoids import LONGEST_UM, Ellipsoid, FloatArray, scattered

IntArray = npt.NDArray[np.intp]

PSF_UM = 0.12
"""Standard deviation of the point spread function of the clean volume in each direction (micrometres)."""
SPREAD = 0.25
"""Standard deviation of the logarithm of the brightness between nuclei."""
CHROMATIN = 0.5
"""Light of chromatin inside a nucleus, so that its brightest grains have about 1."""
FINE, FINE_UM = 0.3, 0.25
COARSE, COARSE_UM = 0.25, 0.7
"""Chromatin texture: standard deviation of its logarithm, and size of its grains (micrometres)."""
RIM, RIM_UM = 0.7, 0.3
"""Heterochromatin at the envelope: how much brighter it is, and how deep it reaches (micrometres)."""
NUCLEOLI = (1, 4)
"""Least number of nucleoli, and the number that there never is."""
NUCLEOLUS_UM = (0.5, 1.0)
"""Radius of a nucleolus (micrometres)."""
UNEVEN_UM = 0.1
"""How far its surface departs from a sphere (micrometres)."""
NUCLEOLUS_LIGHT = 0.2
"""Light in a nucleolus against that of chromatin."""


def nuclei(config: VirtualStructures, rng: np.random.Generator, *, section: int) -> FloatArray:
    """Light (Z, X) of one section of a volume, rows along the optical axis, 1 in its bright grains."""
    y = int((section + 0.5) * config.section_um / config.pixel_size_um)
    return Volume(config, rng).planes(y, y + 1)[:, 0]


class Volume:
    """An isotropic volume (Z, Y, X) of nuclei, of which only the planes that are looked at are drawn."""

    def __init__(self, config: VirtualStructures, rng: np.random.Generator) -> None:
        """Draw where nuclei are, and chromatin of which each of them gets a piece."""
        self._pixel = config.pixel_size_um
        depth_um = config.sections_per_volume * config.section_um
        side_um = config.image_size * self._pixel
        self.shape = (config.image_size, int(np.ceil(depth_um / self._pixel)), config.image_size)
        low, high = -np.full(3, LONGEST_UM), np.array([side_um, depth_um, side_um]) + LONGEST_UM
        self.placed = scattered(rng, low=low, high=high, density=config.density)
        self._streams = rng.integers(0, 2**63, len(self.placed))
        n = int(np.ceil(2 * (LONGEST_UM + 4 * PSF_UM) / self._pixel)) + 2
        self._grains = [_grains(rng, n, grain / self._pixel) for grain in (COARSE_UM, FINE_UM)]

    def planes(self, first: int, end: int) -> FloatArray:
        """Light (Z, end - first, X) of the planes y from `first` to below `end`."""
        # what lies outside lights them through the point spread function
        margin = int(np.ceil(4 * PSF_UM / self._pixel))
        start = np.array([0, first - margin, 0])
        light = np.zeros((self.shape[0], end - first + 2 * margin, self.shape[2]))
        for ellipsoid, stream in zip(self.placed, self._streams, strict=True):
            # half a voxel beyond the surface there is nothing
            low = np.floor((ellipsoid.middle - ellipsoid.extent) / self._pixel).astype(np.intp)
            high = np.ceil((ellipsoid.middle + ellipsoid.extent) / self._pixel).astype(np.intp) + 1
            low, high = np.maximum(low, start), np.minimum(high, start + light.shape)
            if (low < high).all():
                window = tuple(map(slice, low - start, high - start))
                light[window] += self._nucleus(ellipsoid, np.random.default_rng(stream), low, high)
        return np.asarray(gaussian_filter(light, PSF_UM / self._pixel)[:, margin:-margin])

    def _nucleus(self, ellipsoid: Ellipsoid, rng: np.random.Generator, low: IntArray, high: IntArray) -> FloatArray:
        """Light of one nucleus on the voxels from `low` to below `high` (z, y, x)."""
        axes = list(map(np.arange, low, high))
        voxels = np.stack(np.meshgrid(*axes, indexing="ij"))
        offsets = np.asarray(voxels * self._pixel - ellipsoid.middle[:, None, None, None], dtype=np.float64)
        n = len(self._grains[0])
        piece = np.ix_(*((axis + shift) % n for axis, shift in zip(axes, rng.integers(0, n, 3), strict=True)))
        coarse, fine = (grains[piece] for grains in self._grains)
        depth = ellipsoid.depth(offsets)
        outside = _outside_nucleoli(ellipsoid, offsets, rng) + UNEVEN_UM * coarse
        dense = np.exp(-np.abs(depth) / RIM_UM) + np.exp(-np.abs(outside) / RIM_UM) / 2
        chromatin = np.exp(COARSE * coarse + FINE * fine) * (1 + RIM * dense)
        hole = np.clip(0.5 - outside / self._pixel, 0, 1)
        inside = np.clip(0.5 + depth / self._pixel, 0, 1)
        brightness = CHROMATIN * np.exp(rng.normal(0, SPREAD))
        return np.asarray(brightness * inside * (chromatin * (1 - hole) + NUCLEOLUS_LIGHT * hole))


def _grains(rng: np.random.Generator, n: int, size: float) -> FloatArray:
    """Smooth noise (n, n, n) of mean 0 and variance 1, its grains of `size` (standard deviation, voxels), periodic."""
    noise = gaussian_filter(rng.normal(size=(n, n, n)), size, mode="wrap", truncate=3)
    return np.asarray((noise - noise.mean()) / noise.std())


def _outside_nucleoli(ellipsoid: Ellipsoid, offsets: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Distance of points at `offsets` (3, ...) to the nearest nucleolus, negative inside one, in micrometres."""
    nearest = np.full(offsets.shape[1:], np.inf)
    for _ in range(rng.integers(*NUCLEOLI)):
        way = rng.normal(size=3)
        middle = ellipsoid.axes.T @ (way / np.linalg.norm(way) * rng.uniform(0, 0.55))
        squares = sum((offset - at) ** 2 for offset, at in zip(offsets, middle, strict=True))
        nearest = np.minimum(nearest, np.sqrt(squares) - rng.uniform(*NUCLEOLUS_UM))
    return nearest
