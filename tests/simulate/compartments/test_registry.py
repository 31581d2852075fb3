"""Compartments: every one is drawn, its light lies where its name says, and no two look alike."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from multiscope.config import Compartment, Morphology, Optics
from multiscope.config.screen import YEAST_ONLY
from multiscope.simulate import optics
from multiscope.simulate.cells.cell import Cells
from multiscope.simulate.cells.human import Human
from multiscope.simulate.cells.yeast import Yeast
from multiscope.simulate.compartments.registry import DRAWERS, draw_protein
from multiscope.simulate.factors import N_FACTORS, cell_factors
from tests.simulate.drawn import BODIES, cells_of, keys, refusal, usual

N, M = 28, 48
DRAWN: list[tuple[Morphology, Compartment]] = [(kind, name) for kind in DRAWERS for name in DRAWERS[kind]]
ALL = pytest.mark.parametrize(("morphology", "compartment"), DRAWN)
SPOTS: tuple[Compartment, ...] = ("punctate", "peroxisome", "lipid_particle", "endosome", "golgi", "spindle_pole")


@cache
def light_of(morphology: Morphology, compartment: Compartment) -> Tensor:
    """Light (N, 3, H, W) of the typical look, all of it in the compartment."""
    cells = cells_of(morphology, N, compartment=compartment)
    return draw_protein(morphology, compartment, cells, usual(N))


def scene(morphology: Morphology, compartment: Compartment) -> tuple[Cells, Tensor]:
    return cells_of(morphology, N, compartment=compartment), light_of(morphology, compartment)


def share(light: Tensor, where: Tensor) -> npt.NDArray[np.float64]:
    """Share of each cell's light that is somewhere."""
    return ((light * where).sum((1, 2, 3)) / light.sum((1, 2, 3))).double().numpy()


def half_area(light: Tensor, cells: Cells) -> npt.NDArray[np.float64]:
    """Share of a cell, seen from above, that holds half of the light."""
    flat = light.sum(1).flatten(1).sort(1, descending=True).values.cumsum(1)
    n = (flat < flat[:, -1:] / 2).sum(1)
    return (n / cells.mask.flatten(1).sum(1)).double().numpy()


def mean_edge(light: Tensor, cells: Cells) -> float:
    """Mean closeness of the light to the outline."""
    return float(((light * cells.from_edge).sum((1, 2, 3)) / light.sum((1, 2, 3))).mean())


def test_every_compartment_of_the_config_is_drawn() -> None:
    assert set(DRAWERS["yeast"]) == set(get_args(Compartment))
    assert set(DRAWERS["human"]) == set(get_args(Compartment)) - set(YEAST_ONLY)


@pytest.mark.parametrize("compartment", YEAST_ONLY)
def test_what_human_cells_do_not_have_is_refused_in_one_line(compartment: str) -> None:
    said = refusal(reader="virtual_screen", morphology="human", compartments=["er", compartment])
    assert f"human-like cells have no {compartment}: leave them out" in said


@ALL
def test_light_is_finite_not_negative_and_in_the_cell(morphology: Morphology, compartment: Compartment) -> None:
    cells, light = scene(morphology, compartment)
    assert light.shape == (N, 3, cells.grid.height, cells.grid.width) and light.dtype == torch.float32
    assert bool(light.isfinite().all()) and float(light.min()) >= -1e-5
    assert float(light.flatten(1).amax(1).min()) > 0.2, "brighter than nothing in every cell"
    within = share(light, cells.depth > -0.5)
    # the ring of the bud neck is as wide as the neck, and a little of it shows beside
    assert np.median(within) > 0.9 and within.min() > 0.75
    assert float(light[:, cells.grid.middle][:, [0, -1]].abs().max()) < 1e-3, "nothing on the border"


@ALL
@pytest.mark.parametrize("units", [-30.0, 30.0])
def test_light_is_in_order_at_any_factor(morphology: Morphology, compartment: Compartment, units: float) -> None:
    factors = cell_factors(np.full(N_FACTORS, units), keys(8))
    cells = Cells(BODIES[morphology](keys(8), compartment, factors, budded=0.6), cells_of(morphology, N).grid)
    light = draw_protein(morphology, compartment, cells, factors)
    assert bool(light.isfinite().all()) and float(light.min()) >= -1e-5
    assert float(light.flatten(1).amax(1).min()) > 0.05
    assert share(light, cells.depth > -0.5).min() > 0.7
    assert share(cells.cytosol, cells.depth > -0.5).min() > 0.99
    assert float(cells.depth[cells.nucleus > 0].min()) > -0.3, "the nucleus is in the cell at any size"


@pytest.mark.parametrize("morphology", DRAWERS)
def test_nuclear_proteins_are_in_the_nucleus(morphology: Morphology) -> None:
    found: dict[Compartment, npt.NDArray[np.float64]] = {}
    for compartment in ("nucleus", "nucleolus"):
        cells, light = scene(morphology, compartment)
        assert share(light, cells.nucleus > -cells.grid.pixel_um).min() > 0.97
        found[compartment] = half_area(light, cells)
    assert np.median(found["nucleolus"]) < 0.5 * np.median(found["nucleus"])


@pytest.mark.parametrize("morphology", DRAWERS)
def test_membranes_are_thin_and_follow_their_surface(morphology: Morphology) -> None:
    near = 4 * cells_of(morphology, N).grid.pixel_um
    cells, light = scene(morphology, "nuclear_periphery")
    assert np.median(share(light, cells.nucleus.abs() < near)) > 0.9
    middle = share(light, cells.nucleus > 0.6 * cells.body.nucleus_radius.view(-1, 1, 1, 1))
    assert np.median(middle) < 0.15
    cells, light = scene(morphology, "cell_periphery")
    assert np.median(share(light, (cells.depth - 0.12).abs() < near)) > 0.9
    cells, light = scene(morphology, "er")
    assert np.median(share(light, cells.nucleus > near)) < 0.2, "not in the nucleus"


def test_the_vacuole_is_filled_and_its_membrane_is_not() -> None:
    cells, light = scene("yeast", "vacuole")
    assert share(light, cells.vacuole > -cells.grid.pixel_um).min() > 0.97
    cells, light = scene("yeast", "vacuolar_membrane")
    assert np.median(share(light, cells.vacuole.abs() < 0.4)) > 0.9
    at_rim, lumen = cells.vacuole.abs() < 0.1, cells.vacuole > 0.4
    assert float(light[lumen].mean()) < 0.4 * float(light[at_rim].mean())


def test_yeast_vacuoles_are_dark_for_other_proteins() -> None:
    for compartment in ("cytoplasm", "er", "punctate", "golgi"):
        cells, light = scene("yeast", compartment)
        lumen, elsewhere = cells.vacuole > 0.2, (cells.depth > 0.2) & (cells.vacuole < -0.2)
        assert float(light[lumen].mean()) < 0.75 * float(light[elsewhere].mean()), compartment


@pytest.mark.parametrize("morphology", DRAWERS)
def test_the_cytoplasm_is_where_the_marker_is(morphology: Morphology) -> None:
    cells, light = scene(morphology, "cytoplasm")
    for one, marker in zip(light.flatten(1), cells.cytosol.flatten(1), strict=True):
        assert np.corrcoef(one.numpy(), marker.numpy())[0, 1] > 0.75
    assert np.median(half_area(light, cells)) > 0.25


def test_a_bud_neck_is_a_patch_at_the_neck() -> None:
    cells, light = scene("yeast", "bud_neck")
    body = cells.body
    assert isinstance(body, Yeast)
    y, x, _, half = (part.view(-1, 1, 1, 1) for part in body.neck())
    away = ((cells.grid.places[1] - y).square() + (cells.grid.places[2] - x).square()).sqrt()
    assert share(light, away < half + 0.7).min() > 0.9
    bright = light.sum((1, 2, 3))
    assert float(bright[body.budded].mean()) > 1.2 * float(bright[~body.budded].mean())


@pytest.mark.parametrize("morphology", DRAWERS)
@pytest.mark.parametrize("compartment", SPOTS)
def test_spots_are_compact(morphology: Morphology, compartment: Compartment) -> None:
    cells, light = scene(morphology, compartment)
    whole = np.median(half_area(light_of(morphology, "cytoplasm"), cells_of(morphology, N, compartment="cytoplasm")))
    assert np.median(half_area(light, cells)) < 0.3 * whole


@pytest.mark.parametrize(
    ("morphology", "compartment"),
    [(kind, name) for kind in DRAWERS for name in ("punctate", "peroxisome")] + [("human", "mitochondrion")],
)
def test_structures_of_the_cytoplasm_keep_off_the_nucleus(morphology: Morphology, compartment: Compartment) -> None:
    cells, light = scene(morphology, compartment)
    assert np.mean(share(light, cells.nucleus > 0)) < 0.8 * np.mean(share(cells.whole, cells.nucleus > 0))


@pytest.mark.parametrize("morphology", DRAWERS)
def test_poles_are_at_the_nuclear_envelope(morphology: Morphology) -> None:
    cells, light = scene(morphology, "spindle_pole")
    flat = light.amax(1)
    place = flat.flatten(1).argmax(1)
    at = cells.nucleus[:, cells.grid.middle].flatten(1).gather(1, place[:, None])[:, 0]
    # beside a flat nucleus seen from above, it lies farther off
    assert float(at.abs().median()) < (0.3 if morphology == "yeast" else 1.0)
    assert np.median(half_area(light, cells)) < 0.02


def test_spindle_poles_double_with_the_cell_cycle() -> None:
    cells, light = scene("yeast", "spindle_pole")
    phase = cells.body.phase
    bright = light.sum((1, 2, 3))
    assert float(bright[phase > 0.7].mean()) > 1.4 * float(bright[phase < 0.3].mean())


def test_actin_of_yeast_is_cortical_and_gathers_in_the_bud() -> None:
    cells, light = scene("yeast", "actin")
    near = cells.depth.abs() < 0.35
    assert np.mean(share(light, near)) > 1.15 * np.mean(share(cells.whole, near))
    body = cells.body
    assert isinstance(body, Yeast)
    budded = body.budded.numpy()
    in_bud = body.bud.depth(cells.grid.places) > body.mother.depth(cells.grid.places)
    assert np.mean(share(light, in_bud)[budded]) > 1.5 * np.mean(share(cells.whole, in_bud)[budded])


def coherence(compartment: Compartment) -> float:
    """How far the gradients of a human cell's image share one direction, 0 to 1; of its flat part, off the rim."""
    cells, light = scene("human", compartment)
    images, inner = light.sum(1).numpy(), (cells.depth[:, cells.grid.middle] > 1.5).numpy()
    dy, dx = (ndimage.gaussian_filter(images, (0, 1, 1), order=(0, *order)) * inner for order in ((1, 0), (0, 1)))
    yy, xx, xy = ((a * b).sum((1, 2)) for a, b in ((dy, dy), (dx, dx), (dy, dx)))
    return float(np.median(np.hypot(yy - xx, 2 * xy) / (yy + xx)))


def test_stress_fibres_of_human_cells_run_side_by_side() -> None:
    fibres = coherence("actin")
    for compartment in ("microtubule", "mitochondrion", "er", "cytoplasm"):
        assert fibres > 1.5 * coherence(compartment), compartment


def test_a_spindle_lengthens_with_the_cell_cycle() -> None:
    cells, light = scene("yeast", "microtubule")
    assert np.median(share(light, cells.nucleus > -0.8)) > 0.5, "most of it is in or at the nucleus"
    y, x = cells.grid.places[1:]
    total = light.sum((1, 2, 3))
    spread = torch.zeros_like(total)
    for axis in (y, x):
        mean = (light * axis).sum((1, 2, 3)) / total
        spread += (light * (axis - mean.view(-1, 1, 1, 1)).square()).sum((1, 2, 3)) / total
    assert np.corrcoef(cells.body.phase.numpy(), spread.sqrt().numpy())[0, 1] > 0.5


def test_microtubules_of_human_cells_radiate_from_beside_the_nucleus() -> None:
    cells, light = scene("human", "microtubule")
    body = cells.body
    assert isinstance(body, Human)
    place = ndimage.gaussian_filter(light.sum(1).numpy(), (0, 2, 2)).reshape(N, -1).argmax(1)
    at = cells.nucleus[:, cells.grid.middle].flatten(1)[torch.arange(N), torch.from_numpy(place)]
    assert float(at.abs().median()) < 2.0
    reach = share(light, (cells.from_edge > 0.5) & (cells.nucleus < -2))
    assert np.mean(reach) > 0.1


def test_a_human_golgi_is_on_one_side_of_the_nucleus() -> None:
    cells, light = scene("human", "golgi")
    towards = (light * cells.angle.cos()).sum((1, 2, 3)), (light * cells.angle.sin()).sum((1, 2, 3))
    one_sided = torch.hypot(*towards) / light.sum((1, 2, 3))
    assert float(one_sided.median()) > 0.7
    cells, light = scene("human", "endosome")
    towards = (light * cells.angle.cos()).sum((1, 2, 3)), (light * cells.angle.sin()).sum((1, 2, 3))
    assert float((torch.hypot(*towards) / light.sum((1, 2, 3))).median()) < 0.6


def changed(morphology: Morphology, compartment: Compartment, **factors: float) -> tuple[Cells, Tensor]:
    """The same cells and light with other factors."""
    made = usual(N, **factors)
    cells = Cells(BODIES[morphology](keys(N), compartment, made, budded=0.6), cells_of(morphology, N).grid)
    return cells, draw_protein(morphology, compartment, cells, made)


@ALL
def test_abundance_is_brightness(morphology: Morphology, compartment: Compartment) -> None:
    cells, light = scene(morphology, compartment)
    brighter = draw_protein(morphology, compartment, cells, usual(N, abundance=2.5))
    torch.testing.assert_close(brighter, 2.5 * light, rtol=1e-4, atol=1e-5)
    late = draw_protein(morphology, compartment, cells, usual(N, cycle=0.8))
    expected = light * (0.8 * (cells.body.phase - 0.5)).exp().view(-1, 1, 1, 1)
    torch.testing.assert_close(late, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("morphology", "compartment"), [pair for pair in DRAWN if pair[1] != "cytoplasm"])
def test_light_that_is_not_in_the_compartment_is_in_the_cytoplasm(
    morphology: Morphology, compartment: Compartment
) -> None:
    cells, light = scene(morphology, compartment)
    none, half = (draw_protein(morphology, compartment, cells, usual(N, partition=part)) for part in (0.0, 0.5))
    ratio = (none / cells.cytosol)[cells.cytosol > 0.3]
    assert float(ratio.min()) > 0 and float(ratio.max() - ratio.min()) < 1e-3
    torch.testing.assert_close(half, (light + none) / 2, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("morphology", DRAWERS)
def test_grain_is_contrast_that_keeps_the_light(morphology: Morphology) -> None:
    cells, _ = scene(morphology, "cytoplasm")
    flat = draw_protein(morphology, "cytoplasm", cells, usual(N, grain=0.0))
    contrasts = []
    for grain in (0.5, 1.0, 2.0):
        made = draw_protein(morphology, "cytoplasm", cells, usual(N, grain=grain))
        ratio = (made / flat)[flat > 0.3]
        assert float(ratio.mean()) == pytest.approx(1, abs=0.06)
        contrasts.append(float(ratio.log().std()))
    assert contrasts[1] == pytest.approx(2 * contrasts[0], rel=0.02)
    assert contrasts[2] == pytest.approx(4 * contrasts[0], rel=0.02)
    coarse, fine = (draw_protein(morphology, "cytoplasm", cells, usual(N, grain_scale=s)) / flat for s in (1.6, 0.8))
    inside = (flat > 0.3)[..., 1:] & (flat > 0.3)[..., :-1]
    assert float(coarse.diff(dim=-1)[inside].square().mean()) < float(fine.diff(dim=-1)[inside].square().mean())


@pytest.mark.parametrize(
    ("morphology", "compartment"),
    [(kind, name) for kind in DRAWERS for name in SPOTS if name != "spindle_pole"] + [("human", "mitochondrion")],
)
def test_number_is_how_many_there_are(morphology: Morphology, compartment: Compartment) -> None:
    few, many = (changed(morphology, compartment, number=number)[1].sum() for number in (0.6, 1.6))
    assert float(many) > 1.4 * float(few)


@pytest.mark.parametrize(
    ("morphology", "compartment"),
    [("yeast", "cytoplasm"), ("yeast", "punctate"), ("yeast", "er"), ("yeast", "mitochondrion"), ("yeast", "nucleus"),
     ("human", "cytoplasm"), ("human", "punctate"), ("human", "mitochondrion"), ("human", "actin")],
)  # fmt: skip
def test_radial_moves_light_towards_the_edge(morphology: Morphology, compartment: Compartment) -> None:
    made = [changed(morphology, compartment, radial=radial) for radial in (-0.8, 0.0, 0.8)]
    if compartment == "nucleus":
        edges = [-float((light * cells.nucleus).sum() / light.sum()) for cells, light in made]
    else:
        edges = [mean_edge(light, cells) for cells, light in made]
    assert edges[0] < edges[1] < edges[2]


@ALL
def test_a_compartment_is_drawn_the_same_in_any_batch(morphology: Morphology, compartment: Compartment) -> None:
    grid = replace(cells_of(morphology, N).grid, height=64, width=64, z_um=(0.0, 1.2), mirrored=True)

    def drawn(first: int, last: int) -> Tensor:
        some = keys(96)[first:last]
        factors = cell_factors(np.zeros(N_FACTORS), some)
        cells = Cells(BODIES[morphology](some, compartment, factors, budded=0.6), grid)
        return draw_protein(morphology, compartment, cells, factors)

    torch.testing.assert_close(drawn(0, 96)[32:64], drawn(32, 64), rtol=0, atol=0)


@cache
def features(morphology: Morphology, compartment: Compartment) -> npt.NDArray[np.float64]:
    """Where the light of each cell is and how it is cut up, as the microscope sees it: (M, 12)."""
    cells = cells_of(morphology, M, compartment=compartment)
    light = draw_protein(morphology, compartment, cells, usual(M))
    image = optics.seen(light, Optics(), cells.grid).clamp(min=0)[:, None]
    middle = slice(cells.grid.middle, cells.grid.middle + 1)
    near = 4 * cells.grid.pixel_um
    maps = (cells.nucleus[:, middle], cells.vacuole[:, middle], cells.depth[:, middle])
    shares = [share(image, each > 0) for each in maps[:2]]
    rims = [share(image, each.abs() < near) for each in maps]
    marker = optics.seen(cells.cytosol, Optics(), cells.grid)
    alike = [np.corrcoef(a.flatten(), b.flatten())[0, 1] for a, b in zip(image.numpy(), marker.numpy(), strict=True)]
    pieces = np.array([spotted(one[0], cells.grid.pixel_um) for one in image.numpy()])
    return np.concatenate([np.stack([*shares, *rims, half_area(image, cells), np.array(alike)], 1), pieces], 1)


def spotted(image: npt.NDArray[np.float32], pixel_um: float) -> list[float]:
    """Number of peaks (its logarithm), how sharp the sharpest is at three scales, and the grain of it all."""
    smooth = ndimage.gaussian_filter(image, 0.1 / pixel_um)
    highest = ndimage.maximum_filter(smooth, size=2 * int(0.35 / pixel_um) + 1)
    peaks = ((smooth == highest) & (smooth > 0.3 * smooth.max())).sum()
    widths = [um / pixel_um for um in (0.15, 0.3, 0.6)]
    sharp = [np.abs(ndimage.gaussian_laplace(image, width)).max() * width**2 / image.max() for width in widths]
    return [np.log(peaks), *sharp, ndimage.gaussian_laplace(image, 2).std() / image.std()]


def told_apart(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    """Share of cells that a linear discriminant made of the other half puts where they belong."""
    right = []
    for half in (0, 1):
        groups = [made[half::2] for made in (first, second)]
        one, other = (group.mean(0) for group in groups)
        left = np.concatenate([groups[0] - one, groups[1] - other])
        spread = left.T @ left / len(left) + np.diag(0.1 * left.var(0) + 1e-6)
        weight = np.linalg.solve(spread, other - one)
        scores = [(made[1 - half :: 2] - (one + other) / 2) @ weight for made in (first, second)]
        right += [(scores[0] < 0).mean(), (scores[1] > 0).mean()]
    return float(np.mean(right))


@pytest.mark.parametrize("morphology", DRAWERS)
def test_any_two_compartments_can_be_told_apart_by_single_cells(morphology: Morphology) -> None:
    found = {
        (one, other): told_apart(features(morphology, one), features(morphology, other))
        for one, other in combinations(DRAWERS[morphology], 2)
    }
    # round bodies of one size, such as those of lipids and of Golgi, are alike in life too
    assert {pair: right for pair, right in found.items() if right < 0.6} == {}
    assert np.mean(list(found.values())) > 0.95
