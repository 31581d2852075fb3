"""One image of a data set of structures, a function of seed, structure and number alone."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from multiscope.config import Structure, VirtualStructures
from multiscope.simulate.structures.granules import granules
from multiscope.simulate.structures.nuclei import nuclei
from multiscope.simulate.structures.points import FloatArray
from multiscope.simulate.structures.tubules import tubules

OFFSET = 100.0
"""Counts of the camera without light."""
BACKGROUND = 0.005
"""Light everywhere, against that of a usual structure."""
_SPECIMEN, _CAMERA = 0, 1


class Drawing(Protocol):
    """One structure: random numbers to its light (size, size), 1 where a usual structure is bright."""

    def __call__(self, config: VirtualStructures, rng: np.random.Generator, *, section: int) -> FloatArray:
        """Draw the plane number `section`, from 0, of the specimen that `rng` makes."""
        ...


DRAWINGS: dict[Structure, Drawing] = {"tubules": tubules, "granules": granules, "nuclei": nuclei}
"""Every structure by its name; their order is part of every random stream."""


def field(config: VirtualStructures, number: int) -> npt.NDArray[np.uint16]:
    """Image `number`, from 0, as counts (1, Y, X); it may pass `n_images`.

    Raises:
        IndexError: the number is negative.
    """
    if number < 0:
        raise IndexError(f"image {number}")
    specimen, section = divmod(number, config.sections_per_volume)
    light = DRAWINGS[config.structure](config, stream(config, _SPECIMEN, specimen), section=section)
    return _expose(config.peak_photons * (light + BACKGROUND), stream(config, _CAMERA, number))[None]


def stream(config: VirtualStructures, *key: int) -> np.random.Generator:
    """The random stream of one thing of this structure, independent of every other key's."""
    structure = list(DRAWINGS).index(config.structure)
    return np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(structure, *key)))


def _expose(photons: FloatArray, rng: np.random.Generator) -> npt.NDArray[np.uint16]:
    """Counts of a good camera: offset, and a count a photon (Poisson), clipped to 16 bits."""
    counts = np.minimum(OFFSET + rng.poisson(photons), np.iinfo(np.uint16).max)
    return np.asarray(counts, dtype=np.uint16)
