"""The planted hierarchy."""

from __future__ import annotations

from dataclasses import astuple
from typing import get_args

import numpy as np
import pytest

from multiscope.config import Compartment, Effects
from multiscope.simulate.biology import CODES, N_FACTORS, Place, cell_factors, protein_shift
from multiscope.simulate.compartments import DRAWERS


def test_every_compartment_of_the_config_can_be_named_and_drawn() -> None:
    assert set(CODES) == set(DRAWERS) == set(get_args(Compartment))
    assert len(set(CODES.values())) == len(CODES)


def test_groups_differ_by_the_effect() -> None:
    effects = Effects(process=3.0, complex=2.0, protein=0.5)

    def distance(first: Place, second: Place) -> float:
        shifts = [
            [protein_shift(place, effects=effects, seed=seed) for place in (first, second)] for seed in range(300)
        ]
        return float(np.sqrt(np.mean([(a - b) ** 2 for a, b in shifts])))

    here = Place("er", 0, 0, 0)
    assert distance(here, Place("er", 0, 0, 1)) == pytest.approx(0.5, rel=0.1)
    assert distance(here, Place("er", 0, 1, 0)) == pytest.approx(np.hypot(2, 0.5), rel=0.1)
    assert distance(here, Place("er", 1, 0, 0)) == pytest.approx(np.sqrt(9 + 4 + 0.25), rel=0.1)


def test_without_effects_proteins_are_alike() -> None:
    none = Effects(process=0, complex=0, protein=0)
    np.testing.assert_array_equal(protein_shift(Place("er", 1, 1, 1), effects=none, seed=3), np.zeros(N_FACTORS))


@pytest.mark.parametrize("units", [-50.0, 0.0, 50.0])
def test_factors_stay_in_their_limits(units: float) -> None:
    factors = cell_factors(np.full(N_FACTORS, units), np.random.default_rng(0))
    assert np.isfinite(astuple(factors)).all()
    assert -0.9 <= factors.radial <= 0.9
    assert 0.6 < factors.partition < 0.98
    assert 0.75 < factors.size < 1.3
