"""Solids: depths are distances, points lie where they are said to lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from multiscope.simulate.cells.geometry import SLAB_UM, Ellipsoid, Grid, Sphere, ball, either, sphere

PIXEL = 0.1
HEIGHTS = tuple(round(PIXEL * (k - 30), 6) for k in range(61))


def tensor(*values: float) -> Tensor:
    return torch.tensor(values)


def ellipsoids(
    *, height: float = 2.0, long: float = 2.4, short: float = 1.8, angle: float = 0.6, z: float = 0.0
) -> Ellipsoid:
    """One ellipsoid off the middle."""
    return Ellipsoid(*(tensor(value) for value in (z, 0.3, -0.2, height, long, short, angle)))


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_the_middle_of_a_grid_is_the_origin() -> None:
    for height, width in ((5, 8), (4, 4), (7, 3)):
        grid = Grid(height, width, PIXEL, (-1.0, 0.0, 1.0))
        assert float(grid.rows.mean()) == pytest.approx(0, abs=1e-6) and len(grid.rows) == height
        assert float(grid.columns.mean()) == pytest.approx(0, abs=1e-6) and len(grid.columns) == width
        assert float(grid.rows.diff().mean()) == pytest.approx(PIXEL)
        assert [part.shape for part in grid.places] == [(1, 3, 1, 1), (1, 1, height, 1), (1, 1, 1, width)]
        assert grid.middle == 1 and grid.slab_um == 1.0
    assert Grid(4, 4, PIXEL, (0.0,)).slab_um == SLAB_UM


@pytest.mark.parametrize("values", [{}, {"long": 2.8, "short": 1.2}, {"height": 1.2, "angle": 2.2}, {"z": 0.4}])
def test_depth_is_the_distance_to_the_surface_near_it(values: dict[str, float]) -> None:
    depth = ellipsoids(**values).depth(Grid(64, 64, PIXEL, HEIGHTS).places)[0].double().numpy()
    inside = depth > 0
    within = ndimage.distance_transform_edt(inside) * PIXEL - PIXEL / 2
    beyond = ndimage.distance_transform_edt(~inside) * PIXEL - PIXEL / 2
    exact = np.where(inside, within, -beyond)
    # a voxel's corner for the transform, and what is lost to first order in the square of the distance
    for near, tolerance in ((0.15, 0.09), (0.4, 0.16)):
        close = np.abs(exact) < near
        assert np.abs(depth - exact)[close].max() < tolerance
    volume = 4 / 3 * np.pi * float(ellipsoids(**values).volume)
    assert inside.sum() * PIXEL**3 == pytest.approx(volume, rel=0.02)


@given(
    axes=st.tuples(st.floats(0.3, 3), st.floats(0.3, 3), st.floats(0.3, 3)),
    angle=st.floats(0, 2 * np.pi),
    centre=st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1)),
)
@settings(max_examples=50)
def test_depth_on_a_grid_is_depth_at_its_points(
    axes: tuple[float, float, float], angle: float, centre: tuple[float, float, float]
) -> None:
    height, long, short = axes
    body = Ellipsoid(*(tensor(value, value + 0.1) for value in (*centre, height, long, short, angle)))
    grid = Grid(9, 12, 0.5, (-1.2, 0.0, 1.2))
    z, y, x = (part.expand(2, 3, 9, 12).flatten(1) for part in grid.places)
    on_grid, at_points = body.depth(grid.places), body.depth((z, y, x))
    assert bool(on_grid.isfinite().all())
    torch.testing.assert_close(on_grid.flatten(1), at_points, rtol=1e-3, atol=1e-3)


@given(
    long=st.floats(0.5, 4),
    ratio=st.floats(0.3, 1),
    height=st.floats(0.3, 3),
    angle=st.floats(0, 7),
    seed=st.integers(0, 99),
)
@settings(max_examples=40)
def test_points_on_the_unit_sphere_are_placed_on_the_surface(
    long: float, ratio: float, height: float, angle: float, seed: int
) -> None:
    body = ellipsoids(long=long, short=ratio * long, height=height, angle=angle)
    on = body.placed(sphere(*uniform(2, 1, 50, seed=seed)))
    assert float(body.depth(on).abs().max()) < 1e-3
    within = ball(*uniform(3, 1, 50, seed=seed))
    assert float(body.depth(body.placed(within)).min()) > -1e-3
    for back, before in zip(body.scaled(body.placed(within)), within, strict=True):
        torch.testing.assert_close(back, before, rtol=1e-3, atol=1e-4)


def test_points_of_the_ball_and_the_sphere_are_even() -> None:
    z, y, x = ball(*uniform(3, 1, 100_000))
    radius = (z**2 + y**2 + x**2).sqrt()
    assert float((radius < 0.5).float().mean()) == pytest.approx(1 / 8, abs=0.005)
    assert float(radius.max()) <= 1 + 1e-6
    for parts in ((z, y, x), sphere(*uniform(2, 1, 100_000, seed=1))):
        assert all(abs(float(part.mean())) < 0.01 for part in parts)
        spread = [float(part.square().mean()) for part in parts]
        assert max(spread) == pytest.approx(min(spread), rel=0.03)
    z, y, x = sphere(*uniform(2, 1, 1000, seed=2))
    torch.testing.assert_close(z**2 + y**2 + x**2, torch.ones(1, 1000), rtol=0, atol=1e-5)


@pytest.mark.parametrize("angle", [0.0, 0.6, 2.0])
def test_extent_is_how_far_the_outline_reaches(angle: float) -> None:
    body = ellipsoids(angle=angle)
    directions = torch.linspace(0, 2 * torch.pi, 17)
    grid = Grid(128, 128, 0.05, (0.0,))
    inside = (body.depth(grid.places) > 0)[0, 0]
    y, x = (part.expand(1, 1, 128, 128)[0, 0][inside] for part in grid.places[1:])
    for direction, reach in zip(directions, body.extent(directions[None])[0], strict=True):
        found = float((x * direction.cos() + y * direction.sin()).max())
        assert found == pytest.approx(float(reach), abs=0.06)


def test_a_sphere_is_as_deep_as_its_radius() -> None:
    ball_ = Sphere(tensor(0.5, 0.0), tensor(-0.3, 0.0), tensor(0.2, 0.0), tensor(1.5, 0.7))
    depth = ball_.depth((tensor(0.5)[None], tensor(-0.3)[None], tensor(0.2)[None]))
    assert float(depth[0, 0]) == pytest.approx(1.5, abs=1e-4)
    away = ball_.depth((tensor(0.0)[None], tensor(3.0)[None], tensor(4.0)[None]))
    assert float(away[1, 0]) == pytest.approx(0.7 - 5, abs=1e-4)


def test_one_of_two_places_is_chosen() -> None:
    first, second = tuple(uniform(3, 2, 4)), tuple(uniform(3, 2, 4, seed=1))
    chosen = torch.tensor([[True, False, True, False]] * 2)
    made = either(chosen, (first[0], first[1], first[2]), (second[0], second[1], second[2]))
    for part, one, other in zip(made, first, second, strict=True):
        assert torch.equal(part[chosen], one[chosen]) and torch.equal(part[~chosen], other[~chosen])
