"""The planted biology: compartment > process > complex > protein, and what each level does to a cell's image."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from multiscope.config import Compartment, Effects

CODES: dict[Compartment, str] = {
    "nucleus": "NUC",
    "cytoplasm": "CYT",
    "er": "ER",
    "mitochondrion": "MIT",
    "vacuole": "VAC",
    "cell_periphery": "PER",
    "punctate": "PUN",
}
"""Short names that processes, complexes and symbols begin with; their order is part of every random stream."""
_SHIFTS = 0


@dataclass(frozen=True)
class Factors:
    """What can be measured in the image of one cell; 1 (0 for `radial`) is the compartment's typical look."""

    abundance: float
    """Brightness, as a ratio."""
    partition: float
    """Share of the light that is in the compartment, 0 to 1; the rest is in the cytoplasm."""
    number: float
    """Number of structures, as a ratio."""
    size: float
    """Size of structures, as a ratio."""
    radial: float
    """From -1 (towards the middle of the cell or organelle) to 1 (towards its edge)."""
    grain: float
    """Contrast of the texture, as a ratio."""
    grain_scale: float
    """Coarseness of the texture, as a ratio."""


@dataclass(frozen=True)
class _Scale:
    """From units of the cell-to-cell spread to a factor; `limit` keeps compartments apart at any effect."""

    spread: float
    limit: float

    def __call__(self, units: float) -> float:
        return self.limit * float(np.tanh(units * self.spread / self.limit))


_SCALES = {
    "abundance": _Scale(0.12, 0.6),
    "partition": _Scale(0.30, 1.2),
    "number": _Scale(0.12, 0.75),
    "size": _Scale(0.05, 0.25),
    "radial": _Scale(0.15, 0.9),
    "grain": _Scale(0.15, 0.8),
    "grain_scale": _Scale(0.10, 0.5),
}
_USUAL_PARTITION = 2.0
N_FACTORS = len(_SCALES)


@dataclass(frozen=True)
class Place:
    """Where a protein stands in the hierarchy; every number counts from 0."""

    compartment: Compartment
    process: int
    complex: int
    member: int

    @property
    def process_name(self) -> str:
        """Term of the process, such as NUC1."""
        return f"{CODES[self.compartment]}{self.process + 1}"

    @property
    def complex_name(self) -> str:
        """Term of the complex, such as NUC1A."""
        return f"{self.process_name}{chr(ord('A') + self.complex)}"

    @property
    def symbol(self) -> str:
        """Symbol of the protein, such as NUC1A1."""
        return f"{self.complex_name}{self.member + 1}"

    @property
    def key(self) -> tuple[int, int, int, int]:
        """The place in numbers, for random streams: does not move when the screen grows."""
        return list(CODES).index(self.compartment), self.process, self.complex, self.member


def stream(seed: int, *key: int) -> np.random.Generator:
    """The random stream of one thing, independent of every other key's."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def protein_shift(place: Place, *, effects: Effects, seed: int) -> npt.NDArray[np.float64]:
    """Mean of a protein's cells in each factor (7,), in units of the cell-to-cell spread.

    The sum of one normal shift of its process, one of its complex and one of its own. Their variance is half the
    squared effect, so two groups differ by the effect (root mean square) in every factor.
    """
    sizes = (effects.process, effects.complex, effects.protein)
    keys = (place.key[:2], place.key[:3], place.key)
    shifts = [
        size / np.sqrt(2) * stream(seed, _SHIFTS, *key).normal(size=N_FACTORS)
        for size, key in zip(sizes, keys, strict=True)
    ]
    return np.asarray(np.sum(shifts, axis=0))


def cell_factors(shift: npt.NDArray[np.float64], rng: np.random.Generator) -> Factors:
    """One cell's factors: its protein's mean and a spread of one unit."""
    units = shift + rng.normal(size=N_FACTORS)
    scaled = {field.name: _SCALES[field.name](float(u)) for field, u in zip(fields(Factors), units, strict=True)}
    ratios = {name: float(np.exp(value)) for name, value in scaled.items()}
    ratios["radial"] = scaled["radial"]
    ratios["partition"] = float(1 / (1 + np.exp(-_USUAL_PARTITION - scaled["partition"])))
    return Factors(**ratios)
