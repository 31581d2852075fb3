"""On a virtual screen each scale is recovered where it has an effect, and only there."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from multiscope.config import VirtualCrops
from multiscope.evaluate.scores.coannotation import coannotation, coannotation_within
from multiscope.evaluate.scores.members import ProfiledTerms, profiled_terms
from multiscope.evaluate.scores.score import Score
from multiscope.features.classic import classic_features
from multiscope.simulate.screen.crops import crops
from multiscope.simulate.screen.proteins import SCALES, in_part, proteins, table
from multiscope.standards.standard import Standard

FINE = list(SCALES[1:])
SETTINGS = {"n_bootstrap": 300, "confidence": 0.95}


@cache
def profiled(n_on: int) -> tuple[pd.DataFrame, npt.NDArray[np.float64]]:
    """Terms of proteins, and classic features of their cells, where the coarsest `n_on` of the fine scales show."""
    effects = {scale: 4.0 if number < n_on else 0.0 for number, scale in enumerate([*FINE, "protein"])}
    config = VirtualCrops.model_validate(
        {
            "reader": "virtual_crops",
            "compartments": ["nucleus", "mitochondrion", "cell_periphery"],
            "cells_per_field": 16,
            "neighbours": 0,
            "effects": effects,
        }
    )
    means = []
    for protein in in_part(config):
        made = crops(config, protein, [0])
        measured = classic_features(made.image[:, :1].numpy(), made.mask.numpy(), ["protein"]).to_numpy(dtype=float)
        means.append(measured.mean(axis=0))
    x = np.stack(means)
    varying = x.std(axis=0) > 1e-9
    terms = table(proteins(config))
    return terms, (x[:, varying] - x[:, varying].mean(axis=0)) / x[:, varying].std(axis=0)


def limits_of(terms: pd.DataFrame, scale: str) -> ProfiledTerms:
    names = [f"p{row:03d}" for row in range(len(terms))]
    members = {str(term): frozenset(names[row] for row in rows) for term, rows in terms.groupby(scale).indices.items()}
    standard = Standard(scale, scale, members, "none (generated)", "protein", "1", "CC0", "")
    return profiled_terms(standard, names, min_term_size=2, max_term_size=300)


def beyond_parent(terms: pd.DataFrame, x: npt.NDArray[np.float64], scale: str) -> Score:
    """Among proteins of one term of the next coarser scale only."""
    parent = SCALES[SCALES.index(scale) - 1]
    return coannotation_within(x, limits_of(terms, scale), [str(term) for term in terms[parent]], **SETTINGS)


@pytest.mark.slow
@pytest.mark.parametrize("n_on", range(len(FINE) + 1))
def test_a_scale_is_above_chance_if_and_only_if_it_has_an_effect(n_on: int) -> None:
    terms, x = profiled(n_on)
    whole = coannotation(x, limits_of(terms, "compartment"), **SETTINGS)
    assert whole.ci_low > 1.5 * whole.chance
    for number, scale in enumerate(FINE):
        found = beyond_parent(terms, x, scale)
        if number < n_on:
            assert found.ci_low > 1.15 * found.chance, scale
        else:
            assert found.ci_low < 1.05 * found.chance and found.value < 1.3 * found.chance, scale


@pytest.mark.slow
def test_over_all_pairs_a_finer_scale_gains_most_by_its_own_effect() -> None:
    """Over all pairs a scale is above chance by what its parents show: its own effect adds to that."""
    for number, scale in enumerate(FINE):
        off, on = (
            coannotation(x, limits_of(terms, scale), **SETTINGS)
            for terms, x in (profiled(number), profiled(number + 1))
        )
        assert on.value > off.value, scale
