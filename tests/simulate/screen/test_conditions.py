"""Conditions of an exposure: what fields of one plate share and how far the others differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from multiscope.simulate.cells.geometry import CPU
from multiscope.simulate.screen.conditions import Exposure, camera_key, exposure
from multiscope.simulate.screen.proteins import Protein, proteins
from tests.simulate.drawn import screen

LARGE = {"proteins_per_complex": 10, "complexes_per_pathway": 10, "pathways_per_process": 1}


def config_and_proteins(**values: Any) -> tuple[Any, list[Protein]]:
    config = screen(**LARGE, **values)
    return config, proteins(config)


def test_by_themselves_fields_have_the_brightness_of_the_config() -> None:
    config, made = config_and_proteins(conditions={"field": 0, "plate": 0})
    for protein in made[::100]:
        under = exposure(config, protein, 1)
        assert under.brightness == pytest.approx(1)
        assert under.background == pytest.approx(config.camera.background)
        assert under.focus_um == 0 and under.loss == config.conditions.illumination


def test_fields_differ_by_the_stated_spread() -> None:
    config, made = config_and_proteins(conditions={"field": 0.3, "focus_um": 0.5})
    under = [exposure(config, protein, field) for protein in made for field in (0, 1)]
    n = len(under)
    bright, dark = np.log([one.brightness for one in under]), np.log([one.background / 8 for one in under])
    for values, spread in ((bright, 0.3), (dark, 0.3), (np.array([one.focus_um for one in under]), 0.5)):
        assert abs(values.mean()) < 5 * spread / np.sqrt(n)
        assert values.std() == pytest.approx(spread, rel=5 / np.sqrt(2 * n))
    assert abs(np.corrcoef(bright, dark)[0, 1]) < 5 / np.sqrt(n)


def test_fields_of_one_plate_share_its_conditions() -> None:
    config, made = config_and_proteins(replicates=2, conditions={"field": 0, "plate": 0.4, "focus_um": 1})
    by_plate: dict[str, set[tuple[float, float, tuple[float, float]]]] = {}
    for protein in made[::37]:
        for field in range(4):
            plate, _ = protein.well(field % 2, 2)
            under = exposure(config, protein, field)
            by_plate.setdefault(plate, set()).add((under.brightness, under.background, under.centre))
    assert len(by_plate) == 2 * 4, "1200 proteins are on four plates of 384, twice"
    assert all(len(found) == 1 for found in by_plate.values())
    assert len({found.copy().pop()[0] for found in by_plate.values()}) == len(by_plate)
    logs = np.log([found.copy().pop()[0] for found in by_plate.values()])
    assert 0.1 < logs.std() < 1.0


def test_another_seed_gives_other_conditions_and_noise() -> None:
    (config, made), (other, _) = (config_and_proteins(seed=seed, conditions={"plate": 0.2}) for seed in (0, 1))
    assert exposure(config, made[0], 0) == exposure(config, made[0], 0)
    assert exposure(config, made[0], 0).brightness != exposure(other, made[0], 0).brightness
    every = [camera_key(c, p, f, CPU) for c in (config, other) for p in made[:10] for f in range(5)]
    assert len(torch.unique(torch.cat(every), dim=0)) == 100


def test_a_field_has_its_conditions_in_a_screen_that_grows() -> None:
    config, made = config_and_proteins()
    larger = screen(**{**LARGE, "proteins_per_complex": 12}, fields_per_protein=20)
    after = {protein.place: protein for protein in proteins(larger)}
    for protein in made[:300:50]:
        assert exposure(config, protein, 2).focus_um == exposure(larger, after[protein.place], 2).focus_um
        assert torch.equal(camera_key(config, protein, 2, CPU), camera_key(larger, after[protein.place], 2, CPU))


def test_light_and_background_are_dimmed_by_the_illumination_alike() -> None:
    under = Exposure(brightness=2.0, background=10.0, focus_um=0, centre=(0.0, 0.0), loss=0.5)
    lit = under.lit(torch.full((2, 65, 65), 100.0))
    assert lit.shape == (2, 65, 65)
    assert float(lit[0, 32, 32]) == pytest.approx(210, rel=1e-3)
    assert float(lit[1, 0, 0]) == pytest.approx(105, rel=0.04)
    dark = Exposure(brightness=2.0, background=10.0, focus_um=0, centre=(0.0, 0.0), loss=0.0)
    torch.testing.assert_close(dark.lit(torch.zeros(4, 4)), torch.full((4, 4), 10.0))
