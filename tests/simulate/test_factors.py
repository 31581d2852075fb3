"""Image factors: their typical values, their spread and their limits."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multiscope.simulate.factors import N_FACTORS, NAMES, Factors, cell_factors
from tests.simulate.drawn import keys

SIGNED = ("radial", "cycle")
RATIOS = [name for name in NAMES if name not in (*SIGNED, "partition")]


def made_of(units: float | list[float], n: int = 64) -> Factors:
    return cell_factors(np.full(N_FACTORS, units) if isinstance(units, float) else np.array(units), keys(n))


def test_every_factor_has_a_name() -> None:
    assert tuple(field.name for field in fields(Factors)) == NAMES and len(NAMES) == N_FACTORS


def test_without_a_shift_factors_spread_around_the_typical_look() -> None:
    made = made_of(0.0, 20_000)
    for name in RATIOS:
        logs = getattr(made, name).log()
        assert float(logs.median()) == pytest.approx(0, abs=0.01)
        assert 0.02 < float(logs.std()) < 0.5, name
    for name in SIGNED:
        assert float(getattr(made, name).median()) == pytest.approx(0, abs=0.01)
    assert 0.7 < float(made.partition.median()) < 0.99


def test_a_shift_moves_the_mean_by_so_many_spreads() -> None:
    for number, name in enumerate(NAMES):
        shift = [0.0] * N_FACTORS
        shift[number] = 1.0
        before, after = (getattr(made_of(units, 20_000), name) for units in ([0.0] * N_FACTORS, shift))
        if name in RATIOS:
            before, after = before.log(), after.log()
        if name == "partition":
            before, after = before.logit(), after.logit()
        assert float((after.mean() - before.mean()) / before.std()) == pytest.approx(1, abs=0.12), name
        for other in set(NAMES) - {name}:
            unmoved = getattr(made_of(shift, 64), other), getattr(made_of(0.0, 64), other)
            assert torch.equal(*unmoved), "and nothing else"


def test_factors_of_a_cell_are_independent() -> None:
    made = made_of(0.0, 20_000)
    between = np.corrcoef(np.stack([getattr(made, name).numpy() for name in NAMES]))
    assert np.abs(between[np.triu_indices(N_FACTORS, 1)]).max() < 5 / np.sqrt(20_000)


@given(units=st.lists(st.floats(-1000, 1000), min_size=N_FACTORS, max_size=N_FACTORS))
def test_factors_stay_in_their_limits(units: list[float]) -> None:
    made = made_of(units)
    for name in NAMES:
        assert bool(getattr(made, name).isfinite().all())
    assert float(made.radial.min()) > -1 and float(made.radial.max()) < 1
    assert float(made.partition.min()) > 0.3 and float(made.partition.max()) < 1
    assert float(made.size.min()) > 0.6 and float(made.size.max()) < 1.5
    assert float(made.abundance.min()) > 0.2 and float(made.abundance.max()) < 5


def test_each_cell_may_have_a_shift_of_its_own() -> None:
    shift = np.random.default_rng(0).normal(size=(32, N_FACTORS))
    together = cell_factors(shift, keys(32))
    alone = cell_factors(shift[5], keys(32))
    for name in NAMES:
        assert float(getattr(together, name)[5]) == float(getattr(alone, name)[5])
