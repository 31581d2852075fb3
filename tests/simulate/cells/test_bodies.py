"""Bodies of yeast and human-like cells: whole, of the right size, with organelles where they belong."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from multiscope.config import Morphology
from multiscope.config.screen import REACH_UM
from multiscope.simulate.cells.body import Body
from multiscope.simulate.cells.cell import Cells
from multiscope.simulate.cells.geometry import Grid, Places
from multiscope.simulate.cells.yeast import Yeast
from multiscope.simulate.cells.yeast import of_factors as yeast_of
from tests.simulate.drawn import BODIES, MORPHOLOGIES, PIXEL_UM, SIDE, cells_of, keys, point, usual

BOTH = pytest.mark.parametrize("morphology", MORPHOLOGIES)
N = 120
MANY = 20_000
SPAN_UM = {"yeast": (2.5, 9.0), "human": (14.0, 36.0)}
"""Lengths that cells of these kinds have under the microscope."""


def bodies(morphology: Morphology, n: int, *, budded: float = 0.6, seed: int = 0) -> Body:
    return BODIES[morphology](keys(n, seed), "cytoplasm", usual(n), budded=budded)


def yeast(n: int, *, budded: float = 0.6) -> Yeast:
    made = bodies("yeast", n, budded=budded)
    assert isinstance(made, Yeast)
    return made


def in_plane(at: Places) -> Places:
    """The places, seen from above."""
    return 0 * at[0], at[1], at[2]


def directions(n: int, k: int = 48) -> Tensor:
    return torch.linspace(0, 2 * torch.pi, k + 1)[None, :-1].expand(n, -1)


@BOTH
def test_a_mask_is_one_piece_without_holes_inside_its_window(morphology: Morphology) -> None:
    for mask in cells_of(morphology, N).mask.numpy():
        assert ndimage.label(mask)[1] == 1
        # pixels of the medium that meet at a corner hang together
        assert (ndimage.binary_fill_holes(mask, np.ones((3, 3))) == mask).all()
        assert not np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).any()


@BOTH
def test_cells_have_the_size_of_their_kind(morphology: Morphology) -> None:
    reach = bodies(morphology, MANY, budded=0).extent(directions(MANY))
    length = (reach[:, :24] + reach[:, 24:]).amax(1)
    low, high = SPAN_UM[morphology]
    assert float(((length > low) & (length < high)).float().mean()) > 0.99
    assert 0.05 < float(length.std() / length.mean()) < 0.3


@BOTH
def test_cells_fit_within_their_reach(morphology: Morphology) -> None:
    reach = bodies(morphology, MANY).extent(directions(MANY)).amax(1)
    beyond = float((reach > REACH_UM[morphology]).float().mean())
    # one of a thousand, within three times its sampling error
    assert beyond < 0.001 + 3 * math.sqrt(0.001 / MANY)


@BOTH
def test_depth_is_the_distance_to_the_outline_near_it(morphology: Morphology) -> None:
    cells = cells_of(morphology, N)
    pixel = PIXEL_UM[morphology]
    errors = []
    for depth, mask in zip(cells.depth[:, cells.grid.middle].numpy(), cells.mask.numpy(), strict=True):
        exact = ndimage.distance_transform_edt(mask) * pixel - pixel / 2
        near = mask & (exact < 2.5 * pixel)
        errors.append(np.abs(depth - exact)[near] / pixel)
    worst = np.concatenate(errors)
    # where bud and mother meet, the outline has a corner
    assert np.percentile(worst, 95) < 0.9 and np.median(worst) < 0.4


@BOTH
def test_extent_is_how_far_the_mask_reaches(morphology: Morphology) -> None:
    cells = cells_of(morphology, N)
    pixel = PIXEL_UM[morphology]
    turns = directions(N, 16)
    reach = cells.body.extent(turns).numpy()
    rows, columns = cells.grid.rows.numpy(), cells.grid.columns.numpy()
    for number, mask in enumerate(cells.mask.numpy()):
        y, x = (axis[where] for axis, where in zip((rows, columns), mask.nonzero(), strict=True))
        for turn, expected in zip(turns[number].numpy(), reach[number], strict=True):
            assert (x * np.cos(turn) + y * np.sin(turn)).max() == pytest.approx(expected, abs=1.2 * pixel)


@BOTH
def test_cells_set_apart_by_their_extents_do_not_overlap(morphology: Morphology) -> None:
    cells = cells_of(morphology, N)
    pixel, side = PIXEL_UM[morphology], SIDE[morphology]
    numbers = np.random.default_rng(0).uniform(0, 2 * np.pi, N - 1)
    masks = cells.mask.numpy()
    for (one, other), turn in zip(pairwise(range(N)), numbers, strict=True):
        there = torch.full((N, 1), float(turn))
        reach, back = cells.body.extent(there)[one], cells.body.extent(there + torch.pi)[other]
        distance = float(reach + back) + 1.5 * pixel
        dy, dx = (round(distance / pixel * part) for part in (math.sin(turn), math.cos(turn)))
        field = np.zeros((3 * side, 3 * side), dtype=int)
        field[side : 2 * side, side : 2 * side] += masks[one]
        field[side + dy : 2 * side + dy, side + dx : 2 * side + dx] += masks[other]
        assert field.max() == 1
        # and not farther than needed: they all but touch along that direction
        along = np.cos(turn) * np.arange(side)[None] + np.sin(turn) * np.arange(side)[:, None]
        gap = (along[masks[other]].min() + dy * np.sin(turn) + dx * np.cos(turn)) - along[masks[one]].max()
        assert 0 < gap < 5


@BOTH
def test_points_inside_are_inside_and_the_whole_body_has_some(morphology: Morphology) -> None:
    body = bodies(morphology, 500)
    at = body.inside("points", 200)
    assert at[0].shape == (500, 200)
    depth = body.depth(at)
    assert float(depth.min()) > -1e-4
    assert float((depth < 0.15 * body.radius[:, None]).float().mean()) > 0.15, "and near the outline"
    assert float((at[0] > 0).float().mean()) == pytest.approx(0.5, abs=0.02)


def test_points_inside_yeast_are_even() -> None:
    body = yeast(3000)
    w, u, v = body.mother.scaled(body.inside("points", 100))
    radius = (w**2 + u**2 + v**2).sqrt()[~body.budded]
    assert float((radius < 0.5).float().mean()) == pytest.approx(1 / 8, abs=0.01)
    at = body.inside("points", 100)
    in_bud = (body.bud.depth(at) > body.mother.depth(at))[body.budded].float().mean(1)
    share = (body.bud.volume / (body.bud.volume + body.mother.volume))[body.budded]
    assert float((in_bud - share).mean()) == pytest.approx(0, abs=0.02)
    assert np.corrcoef(in_bud.numpy(), share.numpy())[0, 1] > 0.9


def test_points_inside_human_cells_are_even_from_above() -> None:
    body = bodies("human", 300)
    depth = body.depth(in_plane(body.inside("points", 200)))
    on_grid = body.depth(Grid(112, 112, 0.36, (0.0,)).places).flatten(1)
    middle = torch.where(on_grid > 0, on_grid, torch.nan).nanmedian(1).values
    assert float((depth > middle[:, None]).float().mean()) == pytest.approx(0.5, abs=0.03)


@BOTH
@pytest.mark.parametrize("inward", [0.0, 0.3, 0.6])
def test_points_of_the_cortex_are_as_deep_as_asked(morphology: Morphology, inward: float) -> None:
    body = bodies(morphology, 500)
    depth = body.depth(in_plane(body.cortex("points", 60, torch.full((500, 1), inward))))
    if morphology == "yeast":
        depth = body.depth(body.cortex("points", 60, torch.full((500, 1), inward)))
    # towards the middle is not straight inward everywhere
    assert float(depth.min()) > 0.4 * inward - 1e-4
    # a little deeper where mother and bud lie within one another
    assert float(depth.median()) == pytest.approx(inward, abs=0.1)
    assert float((depth - inward).abs().mean()) < 0.12


@BOTH
@pytest.mark.parametrize("margin", [0.0, 0.2, 0.5])
def test_points_that_are_confined_keep_the_margin(morphology: Morphology, margin: float) -> None:
    body = bodies(morphology, 500)
    numbers = torch.randn((3, 500, 60), generator=torch.Generator().manual_seed(0))
    at = (0.0 * numbers[0], 2 * float(body.radius.mean()) * numbers[1], 2 * float(body.radius.mean()) * numbers[2])
    before = body.depth(at)
    moved = body.confined(at, torch.full((500, 1), margin))
    depth = body.depth(moved)
    assert float((before < 0).float().mean()) > 0.1
    assert float(depth.min()) > 0.4 * margin - 1e-3
    assert float(depth[before < margin].median()) == pytest.approx(margin, abs=0.05)
    deep = before > 1.5 * margin + 0.2
    distance = sum((a - b).square() for a, b in zip(at, moved, strict=True))
    assert isinstance(distance, Tensor) and float(distance[deep].max()) < 1e-4, "those farther inside stay"


@BOTH
def test_points_above_a_cell_are_confined_too(morphology: Morphology) -> None:
    body = bodies(morphology, 300)
    z, y, x = body.inside("points", 40)
    moved = body.confined((4 * z, y, x), torch.full((300, 1), 0.1))
    assert float(body.depth(moved).min()) > -1e-3


@BOTH
def test_nucleus_and_vacuole_are_inside_the_cell_and_apart(morphology: Morphology) -> None:
    cells = cells_of(morphology, 300)
    nucleus, vacuole, inside = cells.nucleus > 0, cells.vacuole > 0, cells.depth > 0
    assert bool(nucleus[:, cells.grid.middle].flatten(1).any(1).all()), "every cell has a nucleus"
    assert not (nucleus & ~inside).any() and not (vacuole & ~inside).any()
    assert not (nucleus & vacuole).any()
    there = float(vacuole.flatten(1).any(1).float().mean())
    assert there > 0.9 if cells.body.has_vacuole else there == 0
    share = nucleus.float().sum((1, 2, 3)) / inside.float().sum((1, 2, 3))
    assert 0.02 < float(share.mean()) < 0.25
    z, y, x = cells.body.nucleus_centre()
    assert bool((cells.body.nucleus(point(z, y, x)) > 0).all())
    assert bool((cells.body.depth(point(z, y, x))[:, 0] > 0.3 * cells.body.nucleus_radius).all())


@pytest.mark.parametrize("budded", [0.0, 0.3, 0.6, 0.95])
def test_the_share_of_budded_cells_is_as_stated(budded: float) -> None:
    found = yeast(MANY, budded=budded).budded
    assert abs(float(found.float().mean()) - budded) <= 5 * math.sqrt(budded * (1 - budded) / MANY)


def test_buds_grow_with_the_cell_cycle_and_then_the_nucleus_divides() -> None:
    body = yeast(MANY)
    size = (body.bud.volume / body.mother.volume)[body.budded].numpy()
    phase = body.phase[body.budded].numpy()
    assert np.corrcoef(phase, size)[0, 1] > 0.95
    assert bool((body.phase[body.budded].min() > body.phase[~body.budded].max()).all())
    divided = (body.nuclei[0].x - body.nuclei[1].x).abs() + (body.nuclei[0].y - body.nuclei[1].y).abs() > 0.2
    assert not divided[~body.budded].any()
    assert 0.02 < float(divided.float().mean()) < 0.4
    assert float(body.phase[divided].min()) > float(body.phase[~divided].quantile(0.5))
    second = point(body.nuclei[1].z, body.nuclei[1].y, body.nuclei[1].x)
    assert bool((body.bud.depth(second)[divided] > 0).all()), "the second nucleus is in the bud"


def test_a_bud_is_joined_to_its_mother_at_the_neck() -> None:
    body = yeast(1000)
    y, x, direction, half = body.neck()
    at = point(torch.zeros_like(y), y, x)
    for part in (body.mother, body.bud):
        assert float(part.depth(at)[body.budded].abs().quantile(0.99)) < 0.6
    ends = [(y + step * direction.sin(), x + step * direction.cos()) for step in (-0.5, 0.5)]
    mother, bud = (point(torch.zeros_like(y), *end) for end in ends)
    assert bool((body.mother.depth(mother) > body.mother.depth(bud)).all())
    assert bool((half > 0).all())


@BOTH
def test_cells_lie_in_all_directions_around_the_middle(morphology: Morphology) -> None:
    reach = bodies(morphology, MANY).extent(directions(MANY, 8))
    by_direction = reach.mean(0)
    assert float(by_direction.max() / by_direction.min()) < 1.02
    off = (reach[:, :4] - reach[:, 4:]).abs().mean() / 2
    assert float(off) < 0.12 * float(reach.mean()), "the origin is near the middle"


def areas(morphology: Morphology, what: str, compartment: str, **factors: float) -> Tensor:
    """Pixels of an organelle at half height of each cell."""
    made = BODIES[morphology](keys(N), compartment, usual(N, **factors), budded=0.5)
    side = SIDE[morphology]
    cells = Cells(made, Grid(side, side, PIXEL_UM[morphology], (0.0,)))
    depth: Tensor = getattr(cells, what)
    return (depth > 0).float().sum((1, 2, 3))


@pytest.mark.parametrize(
    ("morphology", "what", "compartment"),
    [
        ("yeast", "nucleus", "nucleus"),
        ("yeast", "nucleus", "nuclear_periphery"),
        ("yeast", "vacuole", "vacuole"),
        ("yeast", "vacuole", "vacuolar_membrane"),
        ("human", "nucleus", "nucleus"),
    ],
)
def test_the_organelle_of_a_protein_has_the_size_of_its_factor(
    morphology: Morphology, what: str, compartment: str
) -> None:
    small, usual_, large = (areas(morphology, what, compartment, size=size) for size in (0.8, 1.0, 1.2))
    assert float(small.mean()) < 0.9 * float(usual_.mean()) < 0.9 * 0.9 * float(large.mean()) * 1.05
    others = [areas(morphology, what, "cytoplasm", size=size) for size in (0.8, 1.2)]
    assert torch.equal(*others), "and that of other proteins does not follow"


def test_the_number_of_lobes_follows_the_factor_of_vacuolar_proteins() -> None:
    made = [
        yeast_of(keys(2000), compartment, usual(2000, number=number), budded=0.5)
        for compartment, number in (("vacuole", 0.6), ("vacuole", 1.0), ("vacuole", 1.8), ("cytoplasm", 1.8))
    ]
    few, typical, many, other = (
        float(torch.stack([lobe.radius > 0 for lobe in body.lobes]).float().sum(0).mean()) for body in made
    )
    assert few < typical < many and other == pytest.approx(typical)
    assert few >= 1


@BOTH
def test_a_body_is_the_same_alone_and_in_any_batch(morphology: Morphology) -> None:
    together, alone = bodies(morphology, 96), BODIES[morphology](keys(96)[32:64], "er", usual(32), budded=0.6)
    grid = Grid(40, 40, 3 * PIXEL_UM[morphology], (0.0, 1.2), mirrored=True)
    for what in ("depth", "nucleus", "vacuole", "cytosol"):
        torch.testing.assert_close(
            getattr(Cells(together, grid), what)[32:64], getattr(Cells(alone, grid), what), rtol=0, atol=0
        )


@BOTH
def test_the_marker_fills_the_cell_but_not_its_vacuole(morphology: Morphology) -> None:
    cells = cells_of(morphology, N)
    marker = cells.cytosol
    assert float(marker[cells.depth < -PIXEL_UM[morphology]].abs().max()) < 1e-6
    deep = (cells.depth > 3 * PIXEL_UM[morphology]) & (cells.vacuole < -0.2)
    assert float(marker[deep].mean()) == pytest.approx(1, abs=0.05)
    assert float(marker[deep].min()) > 0.5
    if cells.body.has_vacuole:
        lumen = cells.vacuole > 0.2
        assert float(marker[lumen].mean()) < 0.5 * float(marker[deep].mean())
