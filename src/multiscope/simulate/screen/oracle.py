"""Profiles of an oracle that knows what was planted: the best that any representation could do at a scale."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from multiscope.config import Scale, Screen
from multiscope.simulate.biology import level_shifts
from multiscope.simulate.screen.proteins import SCALES, Protein, proteins


def oracle(config: Screen, scale: Scale) -> npt.NDArray[np.float64]:
    """Profiles (n proteins, F) in the order of `proteins`: what members of a term of that scale have in common.

    The compartments, as far as they show, and the shifts of the levels down to the scale. Members of one term have the
    same profile, so co-annotation scores 1; where the effect of the scale is 0, so have those of the terms beside it.
    """
    made = proteins(config)
    shown = np.array([[name in _where(protein, scale) for name in config.compartments] for protein in made])
    levels = np.stack([level_shifts(protein.place, config.effects) for protein in made])
    shared = levels[:, : SCALES.index(scale)].sum(axis=1)
    same = np.ones((len(made), 1))  # without it, proteins that show nothing would have no direction
    return np.concatenate([same, config.effects.compartment * shown, shared], axis=1)


def _where(protein: Protein, scale: Scale) -> tuple[str, ...]:
    """A process lies in one compartment; its proteins may be in another one too."""
    return protein.compartments if scale == "compartment" else protein.compartments[:1]
