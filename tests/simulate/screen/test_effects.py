"""What is planted can be measured: factors by classic features, levels by profiles of them, all of it by an oracle."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch

from multiscope.config import Compartment, Scale, Screen, VirtualCrops
from multiscope.data.readers.virtual_screen import write_truth
from multiscope.evaluate.scores.coannotation import coannotation
from multiscope.evaluate.scores.members import profiled_terms
from multiscope.features.classic import classic_features
from multiscope.simulate import camera, counter, optics
from multiscope.simulate.cells import yeast
from multiscope.simulate.cells.cell import Cells
from multiscope.simulate.cells.geometry import SLAB_UM, Grid
from multiscope.simulate.compartments.registry import draw_protein
from multiscope.simulate.factors import N_FACTORS, NAMES, cell_factors
from multiscope.simulate.screen.crops import crops
from multiscope.simulate.screen.oracle import oracle
from multiscope.simulate.screen.proteins import SCALES, in_part, proteins, table
from multiscope.standards.gmt import read_gmt

MEASURED: dict[str, tuple[Compartment, str, int]] = {
    "abundance": ("cytoplasm", "Intensity_mean_protein", 1),
    "partition": ("punctate", "Intensity_q50_protein", -1),
    "number": ("punctate", "Spots_number_protein", 1),
    "size": ("mitochondrion", "Texture_correlation_1_protein", 1),
    "radial": ("mitochondrion", "Radial_mean_4_protein", 1),
    "grain": ("cytoplasm", "Radial_cv_4_protein", 1),
    "grain_scale": ("cytoplasm", "Granularity_1_protein", -1),
}
"""Where each factor is looked for, by which feature, and whether that rises or falls."""
SIZES = (0.0, 1.0, 2.0, 3.0, 4.0)
N = 64


def test_every_factor_is_measured() -> None:
    assert {*MEASURED, "cycle"} == set(NAMES)


@lru_cache(maxsize=4)
def seen(compartment: Compartment, factor: str, units: float, first: int = 0) -> pd.DataFrame:
    """Classic features, and the phase, of cells from number `first` on, of which one factor is moved."""
    keys = counter.as_tensor(counter.key(7, np.arange(first, first + N)))
    shift = np.zeros(N_FACTORS)
    shift[NAMES.index(factor)] = units
    factors = cell_factors(shift, keys)
    grid = Grid(72, 72, 0.16, (0.0, SLAB_UM), mirrored=True)
    cells = Cells(yeast.of_factors(keys, compartment, factors, budded=0.6), grid)
    settings = VirtualCrops(reader="virtual_crops")
    light = torch.stack([draw_protein("yeast", compartment, cells, factors), cells.cytosol], 1)
    photons = settings.camera.photons * optics.seen(light, settings.optics, grid) + settings.camera.background
    images = camera.expose(photons, keys, settings.camera)
    found = classic_features(images.numpy(), cells.mask.numpy(), ["protein", "cytosol"])
    return found.assign(phase=cells.body.phase.numpy())


@pytest.mark.parametrize("factor", MEASURED)
def test_a_factor_can_be_measured_and_grows_with_the_effect(factor: str) -> None:
    compartment, feature, sign = MEASURED[factor]
    # the same cells in two groups `size` apart: what differs is the effect alone
    apart = [
        sign
        * float((seen(compartment, factor, size / 2)[feature] - seen(compartment, factor, -size / 2)[feature]).mean())
        for size in SIZES
    ]
    assert apart[0] == 0
    assert np.all(np.diff(apart) > 0), apart
    # and by other cells: nothing at zero, something at four
    spread = float(seen(compartment, factor, 0)[feature].std())
    for size, expected in ((0.0, False), (4.0, True)):
        high, low = seen(compartment, factor, size / 2, 1000), seen(compartment, factor, -size / 2, 2000)
        found = sign * float(high[feature].mean() - low[feature].mean()) / spread
        assert (found > 2.5 * np.sqrt(2 / N)) == expected, (size, found)


def test_the_cell_cycle_moves_brightness_by_the_effect() -> None:
    def dependence(units: float, first: int) -> float:
        found = seen("cytoplasm", "cycle", units, first)
        return float(np.polyfit(found["phase"], np.log(found["Intensity_integrated_protein"]), 1)[0])

    slopes = [dependence(size / 2, 0) - dependence(-size / 2, 0) for size in SIZES]
    assert slopes[0] == 0 and np.all(np.diff(slopes) > 0)
    assert slopes[-1] == pytest.approx(1.4, abs=0.4)


def screen(effects: dict[str, float]) -> VirtualCrops:
    return VirtualCrops.model_validate(
        {
            "reader": "virtual_crops",
            "compartments": ["nucleus", "mitochondrion", "cell_periphery"],
            "cells_per_field": 16,
            "neighbours": 0,
            "effects": effects,
        }
    )


def profiles(config: VirtualCrops) -> npt.NDArray[np.float64]:
    """Mean classic features of each protein, in units of the spread between cells of one protein."""
    cells = []
    for protein in in_part(config):
        made = crops(config, protein, [0])
        found = classic_features(made.image[:, :1].numpy(), made.mask.numpy(), ["protein"])
        cells.append(found.to_numpy(dtype=float))
    spread = np.sqrt(np.mean([one.var(axis=0) for one in cells], axis=0))
    kept = spread > 1e-9
    return np.stack([one.mean(axis=0)[kept] / spread[kept] for one in cells])


def told_apart(config: Screen, found: npt.NDArray[np.float64], scale: str) -> float:
    """Chance that two proteins of one term are nearer than two of one parent term, but of two terms of `scale`."""
    named = table(proteins(config))
    parent = SCALES[SCALES.index(scale) - 1] if scale != "compartment" else None
    near, far = [], []
    for i, j in combinations(range(len(named)), 2):
        if parent is None or named[parent][i] == named[parent][j]:
            distance = float(np.linalg.norm(found[i] - found[j]))
            (near if named[scale][i] == named[scale][j] else far).append(distance)
    return float((np.array(near)[:, None] < np.array(far)).mean())


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
def test_a_level_is_seen_if_and_only_if_it_has_an_effect(scale: str) -> None:
    weak = {"process": 0.3, "pathway": 0.3, "complex": 0.3, "protein": 0.3}
    alone = screen(weak | ({scale: 4.0} if scale != "compartment" else {}))
    assert told_apart(alone, profiles(alone), scale) > 0.9
    without = screen({"process": 4.0, "pathway": 4.0, "complex": 4.0, "protein": 0.3} | {scale: 0.0})
    # a few dozen pairs of proteins: chance lies between 0.3 and 0.7
    assert 0.3 < told_apart(without, profiles(without), scale) < 0.7


def scored(config: Screen, scale: Scale, folder: Path) -> float:
    """Co-annotation AP of the oracle against the standards as they are written."""
    write_truth(folder, config)
    names = [protein.name for protein in proteins(config)]
    standard = read_gmt(folder / f"{scale}.gmt", name=scale)
    limits = profiled_terms(standard, names, min_term_size=2, max_term_size=300)
    profiles = oracle(config, scale)[[names.index(name) for name in limits.proteins]]
    return float(coannotation(profiles, limits, n_bootstrap=10, confidence=0.95).value)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("labels", [{}, {"multi_localized": 0.3, "wrong": 0.2, "unlabelled": 0.2, "weak": 0.5}])
def test_an_oracle_scores_one_at_every_scale_that_has_an_effect(
    scale: Scale, labels: dict[str, float], tmp_path: Path
) -> None:
    config = VirtualCrops.model_validate({"reader": "virtual_crops", "labels": labels})
    assert scored(config, scale, tmp_path / "on") == pytest.approx(1.0, abs=1e-12)
    off = VirtualCrops.model_validate({"reader": "virtual_crops", "labels": labels, "effects": {scale: 0.0}})
    assert scored(off, scale, tmp_path / "off") < 0.9
