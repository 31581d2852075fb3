"""Light of cells before the microscope: what of it is biology, label fault, expression or marker."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from multiscope.config import Compartment, Screen
from multiscope.simulate.cells.geometry import CPU, SLAB_UM
from multiscope.simulate.screen.light import Drawn, cell_keys, draw, window
from multiscope.simulate.screen.proteins import Protein, proteins
from tests.simulate.drawn import FEW, crops_config, keys

N = 64
SIDE = 80
NONE = {level: 0.0 for level in ("process", "pathway", "complex", "protein")}
STEADY = {"conditions": {"expression": 0.0}, "camera": {"autofluorescence": 0.0}}


def config_of(**values: Any) -> Screen:
    return crops_config(**{**FEW, **STEADY, **values})


def of(config: Screen, compartment: Compartment) -> Protein:
    return next(protein for protein in proteins(config) if protein.place.compartment == compartment)


def drawn(config: Screen, compartment: Compartment, *, stack: bool = False, n: int = N) -> Drawn:
    """The same cells, whichever compartment is drawn."""
    return draw(config, of(config, compartment), keys(n), window(config, SIDE, CPU, stack=stack))


def total(light: Tensor) -> Tensor:
    return light.sum((-1, -2, -3))


def test_light_has_two_channels_and_is_not_negative() -> None:
    made = drawn(config_of(), "er", n=5)
    assert made.light.shape == (5, 2, 2, SIDE, SIDE)
    assert bool(made.light.isfinite().all()) and float(made.light.min()) >= 0
    assert len(made.height_um) == 5 and len(made.cells.mask) >= 5


def test_cells_are_the_same_alone_and_in_any_batch() -> None:
    config = config_of(labels={"weak": 0.5, "multi_localized": 1.0}, conditions={"heights_um": 0.5})
    grid = window(config, SIDE, CPU, stack=False)
    for compartment in ("nucleus", "mitochondrion"):
        protein = of(config, compartment)
        together = draw(config, protein, keys(70), grid)
        for first, last in ((0, 1), (7, 40), (69, 70)):
            some = draw(config, protein, keys(70)[first:last], grid)
            torch.testing.assert_close(some.light, together.light[first:last], rtol=0, atol=0)
            torch.testing.assert_close(some.height_um, together.height_um[first:last], rtol=0, atol=0)


def test_a_cell_is_a_function_of_seed_protein_field_and_number() -> None:
    config = config_of()
    protein, other = proteins(config)[:2]
    every = [
        cell_keys(config_of(seed=seed), one, field, 20, CPU)
        for seed in (0, 1)
        for one in (protein, other)
        for field in (0, 1)
    ]
    assert len(torch.unique(torch.cat(every), dim=0)) == 8 * 20
    assert torch.equal(cell_keys(config, protein, 0, 7, CPU), every[0][:7])
    assert torch.equal(cell_keys(config_of(**{"compartments": ["vacuole", "nucleus"]}), protein, 0, 20, CPU), every[0])


def test_at_no_effect_of_compartments_they_are_alike_to_the_last_photon() -> None:
    config = config_of(effects={**NONE, "compartment": 0.0})
    first = drawn(config, "cytoplasm")
    for compartment in ("er", "cell_periphery", "mitochondrion", "nucleus", "vacuole"):
        other = drawn(config, compartment)
        torch.testing.assert_close(other.light, first.light, rtol=1e-6, atol=1e-3, msg=compartment)


def test_between_no_effect_and_a_full_one_the_light_is_mixed() -> None:
    none, half, full = (drawn(config_of(effects={"compartment": share}), "er").light for share in (0.0, 0.5, 1.0))
    torch.testing.assert_close(half, (none + full) / 2, rtol=1e-4, atol=1e-2)
    assert float((none - full).abs().max()) > 100


def test_the_stated_share_of_cells_does_not_show_its_localization() -> None:
    n = 200
    shown, faulty, hidden = (
        drawn(config_of(labels={"weak": share}), "cell_periphery", n=n).light[:, 0] for share in (0.0, 0.3, 1.0)
    )
    as_shown, as_hidden = ((faulty - other).flatten(1).abs().amax(1) < 1e-2 for other in (shown, hidden))
    assert bool((as_shown ^ as_hidden).all()), "every cell is one or the other"
    assert abs(float(as_hidden.float().mean()) - 0.3) < 5 * np.sqrt(0.21 / n)
    torch.testing.assert_close(
        hidden, drawn(config_of(effects={"compartment": 0.0}), "cell_periphery", n=n).light[:, 0], rtol=1e-5, atol=1e-2
    )


def test_a_protein_in_two_compartments_shows_both() -> None:
    both = crops_config(**FEW, **STEADY, compartments=["nucleus", "cell_periphery"], labels={"multi_localized": 1.0})
    one = crops_config(**FEW, **STEADY, compartments=["nucleus", "cell_periphery"])

    def shares(config: Screen, compartment: Compartment) -> tuple[float, float]:
        made = drawn(config, compartment)
        light, cells = made.light[:, 0], made.cells
        parts = (cells.nucleus[:N] > 0), (cells.depth[:N].abs() < 0.4)
        return float((light * parts[0]).sum() / light.sum()), float((light * parts[1]).sum() / light.sum())

    nucleus, periphery = shares(one, "nucleus"), shares(one, "cell_periphery")
    for compartment in ("nucleus", "cell_periphery"):
        mixed = shares(both, compartment)
        assert 1.3 * periphery[0] < mixed[0] < nucleus[0] / 1.1
        assert 1.3 * nucleus[1] < mixed[1] < periphery[1] / 1.1


def test_expression_spreads_brightness_and_half_of_its_variance_is_shared() -> None:
    n = 1500
    grid = window(config_of(), 40, CPU, stack=False)
    steady, spread = (
        draw(config, of(config, "cytoplasm"), keys(n), grid).light.sum((2, 3, 4)).double().log()
        for config in (config_of(), config_of(conditions={"expression": 0.4}))
    )
    logs = (spread - steady).numpy()
    assert np.abs(logs.mean(0)).max() < 5 * 0.4 / np.sqrt(n)
    np.testing.assert_allclose(logs.std(0), 0.4, rtol=0.07)
    assert np.corrcoef(logs.T)[0, 1] == pytest.approx(0.5, abs=0.1)


def test_light_is_proportional_to_the_photons_of_its_channel() -> None:
    plain = drawn(config_of(), "er").light
    brighter = drawn(config_of(camera={"photons": 1600, "autofluorescence": 0.0}), "er").light
    torch.testing.assert_close(brighter[:, 0], 2 * plain[:, 0], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(brighter[:, 1], plain[:, 1])
    marker = drawn(config_of(camera={"marker_photons": 0, "autofluorescence": 0.0}), "er").light
    assert not marker[:, 1].any()


def test_autofluorescence_has_the_shape_of_the_cytosol_in_every_cell() -> None:
    made = drawn(config_of(camera={"autofluorescence": 0.5}), "nucleus")
    extra = made.light[:, 0] - drawn(config_of(), "nucleus").light[:, 0]
    expected = 0.5 * config_of().camera.photons * made.cells.cytosol[:N]
    torch.testing.assert_close(extra, expected, rtol=1e-3, atol=0.05)


def test_a_stack_holds_about_the_light_of_a_plain_image() -> None:
    plain, stack = (drawn(config_of(), "cytoplasm", stack=stack) for stack in (False, True))
    # the outer of the two planes stands for two
    whole = plain.light[:, :, 0].sum((-1, -2)) + 2 * plain.light[:, :, 1].sum((-1, -2))
    ratio = total(stack.light) / whole
    assert 0.85 < float(ratio.median()) < 1.15
    grid = stack.cells.grid
    assert grid.slab_um < SLAB_UM and grid.z_um[grid.middle] == 0 and sum(grid.z_um) == pytest.approx(0, abs=1e-6)


def test_heights_have_the_stated_spread() -> None:
    config = config_of(conditions={"heights_um": 0.8})
    found = draw(config, of(config, "er"), keys(2000), window(config, 16, CPU, stack=False)).height_um
    assert float(found.std()) == pytest.approx(0.8, rel=0.08) and abs(float(found.mean())) < 0.1
    assert not drawn(config_of(), "er").height_um.any()
