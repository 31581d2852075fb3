"""What drawings are made of: light that is counted, widths that are kept, points where they are allowed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from multiscope.config import Morphology
from multiscope.simulate.cells.geometry import SLAB_UM, Grid
from multiscope.simulate.compartments.marks import brightness, chosen, counted, curves, shell, spots, tilt, tubes
from tests.simulate.drawn import MORPHOLOGIES, cells_of, keys, usual

PIXEL = 0.1
GRID = Grid(64, 64, PIXEL, (-1.2, 0.0, 1.2))
N = 60


def column(*values: float) -> Tensor:
    return torch.tensor([values])


def test_a_spot_has_the_light_of_a_gaussian_wherever_it_lies() -> None:
    expected = 2 * np.pi * 0.2**2 / PIXEL**2
    for z, y, x in ((0.0, 0.0, 0.0), (0.37, 0.51, -0.83), (-1.2, 1.0, 1.0), (1.9, 0.0, 0.03)):
        made = spots(GRID, (column(z), column(y), column(x)), column(3.0), column(0.2))
        assert made.shape == (1, 3, 64, 64)
        assert float(made.sum()) == pytest.approx(3 * expected, rel=0.01)
        rows, columns = (made.sum(axes) for axes in ((0, 1, 3), (0, 1, 2)))
        assert float((rows * GRID.rows).sum() / rows.sum()) == pytest.approx(y, abs=0.01)
        assert float((columns * GRID.columns).sum() / columns.sum()) == pytest.approx(x, abs=0.01)
        planes = made.sum((0, 2, 3))
        height = float((planes * torch.tensor(GRID.z_um)).sum() / planes.sum())
        assert height == pytest.approx(np.clip(z, -1.2, 1.2), abs=0.01)


def test_spots_add_up_and_thin_slabs_have_their_share() -> None:
    at = (column(0.1, -0.4), column(0.5, -0.5), column(0.0, 1.0))
    both = spots(GRID, at, column(1.0, 2.0), column(0.2))
    single = [
        spots(GRID, (at[0][:, k : k + 1], at[1][:, k : k + 1], at[2][:, k : k + 1]), column(1.0 + k), column(0.2))
        for k in (0, 1)
    ]
    torch.testing.assert_close(both, single[0] + single[1])
    fine = Grid(64, 64, PIXEL, tuple(0.5 * k for k in range(-4, 5)))
    # a plane that is half as thick is meant for half of the light, which `draw` then scales
    ratio = spots(fine, at, column(1.0, 2.0), column(0.2)).sum() / both.sum()
    assert float(ratio) == pytest.approx(SLAB_UM / 0.5, rel=0.01)


def test_a_mirrored_grid_shares_a_spot_with_the_plane_below() -> None:
    mirrored = Grid(64, 64, PIXEL, (0.0, 1.2), mirrored=True)
    at = (column(0.5), column(0.2), column(0.4))
    made = spots(mirrored, at, column(1.0), column(0.2)).sum((0, 2, 3))
    whole = spots(GRID, at, column(1.0), column(0.2)).sum()
    assert float(made[0] + 2 * made[1]) == pytest.approx(float(whole), rel=1e-4)


def test_a_tube_is_about_as_bright_as_its_weight() -> None:
    step = column(0.05)
    x = torch.arange(-2, 2, 0.05)[None]
    made = tubes(GRID, (0 * x, 0 * x, x), torch.ones_like(x), column(0.2), step_um=step)
    assert float(made[0, 1, 31:33, 24:40].mean()) == pytest.approx(1, abs=0.06)


def test_a_shell_is_brightest_at_the_surface() -> None:
    depth = torch.linspace(-1, 1, 201)
    made = shell(depth, 0.1)
    assert float(made.max()) == pytest.approx(1) and float(depth[made.argmax()]) == pytest.approx(0, abs=1e-6)
    assert float(made[depth.abs() > 0.5].max()) < 1e-4
    torch.testing.assert_close(made, made.flip(0))


def test_tilt_moves_weight_towards_the_edge_and_keeps_it_without_a_radial_factor() -> None:
    edge = torch.linspace(0, 1, 11).view(1, 1, 1, 11)
    assert torch.equal(tilt(edge, torch.zeros(1)), torch.ones_like(edge))
    assert bool((tilt(edge, torch.ones(1)).diff() > 0).all()) and bool((tilt(edge, -torch.ones(1)).diff() < 0).all())


@pytest.mark.parametrize("mean", [0.3, 1.0, 2.5, 7.2, 50.0])
def test_structures_are_as_many_as_their_mean_at_least_one_and_not_too_many(mean: float) -> None:
    cells = cells_of("yeast", 2000)
    made = counted(cells, "x", torch.full((2000,), mean), 12)
    n = made.sum(1)
    assert set(made.unique().tolist()) <= {0.0, 1.0}
    assert float(n.min()) >= 1 and float(n.max()) <= 12
    assert float(n.mean()) == pytest.approx(min(max(mean, 1), 12), abs=0.05)
    assert float(n.max() - n.min()) <= 1
    bright = brightness(cells, "x", 12, (0.5, 1.5))
    assert bright.shape == (2000, 12) and float(bright.min()) >= 0.5 and float(bright.max()) <= 1.5
    assert float(bright.mean()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("morphology", MORPHOLOGIES)
def test_points_in_the_cytoplasm_keep_off_what_is_not_it(morphology: Morphology) -> None:
    cells = cells_of(morphology, N)
    body = cells.body
    found = {}
    for radial in (-3.0, 0.0, 3.0):
        at = chosen(cells, "x", 30, radial=torch.full((N,), radial), margin=0.2)
        depth, nucleus = body.depth(at), body.nucleus(at)
        assert at[0].shape == (N, 30)
        assert float((depth > 0).float().mean()) > 0.95
        assert float((depth > 0.1).float().mean()) > (0.7 if radial else 0.9)
        assert float((nucleus < 0).float().mean()) > 0.85
        if body.has_vacuole:
            assert float((body.vacuole(at, depth=depth, nucleus=nucleus) < 0).float().mean()) > 0.85
        found[radial] = float((depth / body.radius[:, None]).mean())
    assert found[-3.0] > found[0.0] > found[3.0]


@pytest.mark.parametrize("morphology", MORPHOLOGIES)
def test_curves_stay_in_the_cell_and_go_on_step_by_step(morphology: Morphology) -> None:
    cells = cells_of(morphology, N)
    start = cells.body.inside("start", 5)
    step, margin = torch.full((N, 1), 0.2), torch.full((N, 1), 0.3)
    at = curves(cells, "x", start, steps=12, step_um=step, bend=0.3, margin=margin)
    assert at[0].shape == (N, 60)
    assert float(cells.body.depth(at).min()) > -1e-3
    parts = [part.view(N, 5, 12).diff(dim=2) for part in at]
    length = (parts[1].square() + parts[2].square()).sqrt()
    deep = cells.body.depth(at).view(N, 5, 12)[:, :, :-1] > 0.6
    assert float(length[deep].median()) == pytest.approx(0.2, abs=0.01)
    assert float(length.quantile(0.99)) < 0.5, "even where they are drawn back from the outline"


def test_marks_are_the_same_alone_and_in_any_batch() -> None:
    many, few = cells_of("yeast", 64), cells_of("yeast", 32)
    assert torch.equal(many.keys[:32], keys(32))
    for one, other in (
        (counted(many, "x", usual(64).number * 3.4, 9), counted(few, "x", usual(32).number * 3.4, 9)),
        (brightness(many, "x", 9), brightness(few, "x", 9)),
        (
            chosen(many, "x", 9, radial=usual(64).radial, margin=0.2)[1],
            chosen(few, "x", 9, radial=usual(32).radial, margin=0.2)[1],
        ),
    ):
        torch.testing.assert_close(one[:32], other, rtol=0, atol=0)
