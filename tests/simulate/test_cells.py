"""Shapes of cells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from multiscope.simulate.cells import LONG_AXIS_UM, Cell, Ellipse, draw_cell

CELLS = [draw_cell(np.random.default_rng(seed), pixel_size_um=0.16) for seed in range(40)]


def test_depth_is_the_distance_to_the_outline() -> None:
    ellipse = Ellipse(y=30.0, x=30.0, a=18.0, b=13.0, angle=0.6)
    yy, xx = np.mgrid[:61, :61].astype(float)
    depth = ellipse.depth(yy, xx)
    exact = ndimage.distance_transform_edt(depth > 0) - 0.5
    near = (depth > 0) & (depth < 4)
    assert np.abs(depth - exact)[near].max() < 0.8
    assert (depth > 0).sum() == pytest.approx(np.pi * 18 * 13, rel=0.01)


def test_points_lie_on_the_outline() -> None:
    ellipse = Ellipse(y=3.0, x=-2.0, a=18.0, b=13.0, angle=0.6)
    ys, xs = ellipse.point(np.linspace(0, 6, 20), np.zeros(20))
    np.testing.assert_allclose(ellipse.depth(ys, xs), 0, atol=1e-4)


def test_cells_have_the_size_of_yeast_and_some_have_a_bud() -> None:
    areas = np.array([cell.mask.sum() for cell in CELLS if cell.bud is None]) * 0.16**2
    assert areas.min() > np.pi / 4 * LONG_AXIS_UM[0] ** 2 * 0.7
    assert areas.max() < np.pi / 4 * LONG_AXIS_UM[1] ** 2
    assert 0.1 < np.mean([cell.bud is not None for cell in CELLS]) < 0.6


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_is_one_piece_inside_its_window(cell: Cell) -> None:
    assert ndimage.label(cell.mask)[1] == 1
    edge = np.concatenate([cell.mask[0], cell.mask[-1], cell.mask[:, 0], cell.mask[:, -1]])
    assert not edge.any()


@pytest.mark.parametrize("cell", CELLS)
def test_organelles_are_inside_the_cell_and_apart(cell: Cell) -> None:
    nucleus, vacuole = cell.nucleus_depth > 0, cell.vacuole_depth > 0
    assert nucleus.any() and vacuole.any()
    assert cell.mask[nucleus].all() and cell.mask[vacuole].all()
    assert not (nucleus & vacuole).any()
