"""The planted hierarchy."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.config import Compartment, Effects
from multiscope.simulate.biology import CODES, LEVELS, Place, level_shifts
from multiscope.simulate.compartments.registry import DRAWERS
from multiscope.simulate.factors import N_FACTORS

HERE = Place("er", 0, 0, 0, 0)
NEIGHBOURS = {
    "protein": Place("er", 0, 0, 0, 1),
    "complex": Place("er", 0, 0, 1, 0),
    "pathway": Place("er", 0, 1, 0, 0),
    "process": Place("er", 1, 0, 0, 0),
}
SIZES = {"process": 3.0, "pathway": 2.5, "complex": 2.0, "protein": 0.5}
PLACES = st.builds(
    Place,
    st.sampled_from(get_args(Compartment)),
    *(st.integers(0, 19) for _ in LEVELS),
)


def difference(first: Place, second: Place, **sizes: float) -> float:
    """How far the means of two proteins are apart in a factor (root mean square over screens)."""
    every = [Effects(seed=seed, **sizes) for seed in range(300)]
    apart = [level_shifts(first, effects).sum(0) - level_shifts(second, effects).sum(0) for effects in every]
    return float(np.sqrt(np.mean(np.square(apart))))


def test_every_compartment_of_the_config_can_be_named_and_drawn() -> None:
    assert set(CODES) == set(DRAWERS["yeast"]) == set(get_args(Compartment))
    assert len(set(CODES.values())) == len(CODES)


def test_names_say_the_place() -> None:
    place = Place("nucleus", 1, 0, 2, 3)
    names = place.process_name, place.pathway_name, place.complex_name, place.symbol
    assert names == ("NUC2", "NUC2A", "NUC2A3", "NUC2A3d")
    assert Place("er", 0, 26, 0, 27).symbol == "ER1AA1ab"


@given(first=PLACES, second=PLACES)
def test_no_two_places_share_a_symbol_or_a_key(first: Place, second: Place) -> None:
    assert (first == second) == (first.symbol == second.symbol) == (first.key == second.key)


@pytest.mark.parametrize("level", LEVELS)
def test_groups_differ_by_the_effects_of_their_level_and_the_finer_ones(level: str) -> None:
    finer = LEVELS[LEVELS.index(level) :]
    expected = np.sqrt(sum(SIZES[name] ** 2 for name in finer))
    assert difference(HERE, NEIGHBOURS[level], **SIZES) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_alone_moves_what_differs_at_it(level: str) -> None:
    sizes = {name: 2.0 if name == level else 0.0 for name in LEVELS}
    assert difference(HERE, NEIGHBOURS[level], **sizes) == pytest.approx(2.0, rel=0.06)
    for finer in LEVELS[LEVELS.index(level) + 1 :]:
        assert difference(HERE, NEIGHBOURS[finer], **sizes) == 0


def test_members_of_a_group_share_its_shift() -> None:
    effects = Effects()
    own = level_shifts(HERE, effects)
    assert own.shape == (len(LEVELS), N_FACTORS)
    for number, level in enumerate(LEVELS):
        other = level_shifts(NEIGHBOURS[level], effects)
        np.testing.assert_array_equal(own[:number], other[:number])
        assert (own[number:] != other[number:]).all()


def test_shifts_are_normal_and_independent_between_factors_groups_and_compartments() -> None:
    effects = Effects(process=2.0)
    made = np.array([level_shifts(Place(name, p, 0, 0, 0), effects)[0] for name in CODES for p in range(20)])
    scale = np.sqrt(2)
    assert made.mean() == pytest.approx(0, abs=5 * scale / np.sqrt(made.size))
    assert made.std() == pytest.approx(scale, rel=0.06)
    between = np.corrcoef(made.T)[np.triu_indices(N_FACTORS, 1)]
    assert np.abs(between).max() < 5 / np.sqrt(len(made))


def test_without_effects_proteins_are_alike() -> None:
    none = Effects(process=0, pathway=0, complex=0, protein=0)
    np.testing.assert_array_equal(level_shifts(Place("er", 1, 1, 1, 1), none), np.zeros((len(LEVELS), N_FACTORS)))


def test_twice_the_effect_is_twice_the_shift() -> None:
    one, two = (level_shifts(HERE, Effects(pathway=size)) for size in (1.5, 3.0))
    np.testing.assert_allclose(two[1], 2 * one[1])
    np.testing.assert_array_equal(two[[0, 2, 3]], one[[0, 2, 3]])
