"""The planted biology: compartment > process > pathway > complex > protein, and how far each level moves factors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multiscope.config import Compartment, Effects
from multiscope.simulate.factors import N_FACTORS

CODES: dict[Compartment, str] = {
    "nucleus": "NUC",
    "cytoplasm": "CYT",
    "er": "ER",
    "mitochondrion": "MIT",
    "vacuole": "VAC",
    "cell_periphery": "PER",
    "punctate": "PUN",
    "nucleolus": "NOL",
    "nuclear_periphery": "NPC",
    "golgi": "GOL",
    "peroxisome": "PEX",
    "endosome": "END",
    "vacuolar_membrane": "VAM",
    "bud_neck": "NEC",
    "actin": "ACT",
    "microtubule": "MTB",
    "spindle_pole": "SPB",
    "lipid_particle": "LIP",
}
"""Short names that processes, complexes and symbols begin with; their order is part of every random stream."""
LEVELS = ("process", "pathway", "complex", "protein")
"""Levels whose groups differ by a planted shift, the coarsest first."""
_SHIFTS = 0


@dataclass(frozen=True)
class Place:
    """Where a protein stands in the hierarchy; every number counts from 0."""

    compartment: Compartment
    process: int
    pathway: int
    complex: int
    member: int

    @property
    def process_name(self) -> str:
        """Term of the process, such as NUC1."""
        return f"{CODES[self.compartment]}{self.process + 1}"

    @property
    def pathway_name(self) -> str:
        """Term of the pathway, such as NUC1A."""
        return f"{self.process_name}{_letters(self.pathway)}"

    @property
    def complex_name(self) -> str:
        """Term of the complex, such as NUC1A2."""
        return f"{self.pathway_name}{self.complex + 1}"

    @property
    def symbol(self) -> str:
        """Symbol of the protein, such as NUC1A2a."""
        return f"{self.complex_name}{_letters(self.member).lower()}"

    @property
    def key(self) -> tuple[int, int, int, int, int]:
        """The place in numbers, for random streams: does not move when the screen grows."""
        return list(CODES).index(self.compartment), self.process, self.pathway, self.complex, self.member


def stream(seed: int, *key: int) -> np.random.Generator:
    """The random stream of one thing, independent of every other key's."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def level_shifts(place: Place, effects: Effects) -> npt.NDArray[np.float64]:
    """What each of `LEVELS` adds to the mean of a protein's cells: (4, F), in units of the cell-to-cell spread.

    Normal shifts of its process, pathway, complex and its own. Their variance is half the squared effect, so two groups
    differ by the effect (root mean square) in every factor.
    """
    sizes = (effects.process, effects.pathway, effects.complex, effects.protein)
    keys = [place.key[: depth + 2] for depth in range(len(LEVELS))]
    return np.stack(
        [
            size / np.sqrt(2) * stream(effects.seed, _SHIFTS, *key).normal(size=N_FACTORS)
            for size, key in zip(sizes, keys, strict=True)
        ]
    )


def _letters(number: int) -> str:
    """A, B, ... Z, AA, AB, ..."""
    name = ""
    while number >= 0:
        number, letter = divmod(number, 26)
        name, number = chr(ord("A") + letter) + name, number - 1
    return name
