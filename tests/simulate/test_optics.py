"""The microscope: diffraction as textbooks have it, and what the use of it promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.special import j1
from torch import Tensor

from multiscope.config import Optics
from multiscope.simulate.cells.geometry import Grid
from multiscope.simulate.optics import point_spread, seen, transfer

Plane = npt.NDArray[np.float64]
MODES = ["widefield", "confocal"]


def optics(mode: str = "widefield", **values: Any) -> Optics:
    return Optics.model_validate({"mode": mode, **values})


def spread(settings_: Optics, *, z_um: float = 0.0, side: int = 512, pixel_um: float = 0.02) -> Plane:
    """Point spread function with its middle in the middle."""
    made = point_spread(settings_, height=side, width=side, pixel_um=pixel_um, z_um=z_um)
    return np.asarray(np.fft.fftshift(made))


def distances(side: int, pixel_um: float) -> Plane:
    axis = (np.arange(side) - side // 2) * pixel_um
    return np.hypot(axis[:, None], axis)


def airy(radius_um: Plane, settings_: Optics) -> Plane:
    """Intensity of the Airy pattern (Born and Wolf, 8.5.2), 1 in the middle."""
    v = np.maximum(2 * np.pi * settings_.na / (settings_.emission_nm / 1000) * radius_um, 1e-9)
    return np.asarray((2 * j1(v) / v) ** 2)


def full_width(image: Plane, pixel_um: float) -> float:
    """Full width at half maximum of the row through the middle."""
    middle = image.shape[0] // 2
    half = image[middle, middle:] / image[middle, middle]
    first = int((half < 0.5).argmax())
    part = (half[first - 1] - 0.5) / (half[first - 1] - half[first])
    return float(2 * pixel_um * (first - 1 + part))


def half_light_radius(image: Plane, pixel_um: float) -> float:
    """Radius of the circle that holds half of the light."""
    radius = distances(len(image), pixel_um).ravel()
    order = radius.argsort()
    light = image.ravel()[order].cumsum()
    return float(radius[order][np.searchsorted(light, light[-1] / 2)])


def random_light(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("na", "nm"), [(1.15, 520.0), (0.7, 600.0), (1.3, 450.0)])
def test_a_point_in_focus_is_an_airy_pattern(na: float, nm: float) -> None:
    settings_ = optics(na=na, emission_nm=nm, refractive_index=1.52)
    made = spread(settings_)
    expected = airy(distances(512, 0.02), settings_)
    near = distances(512, 0.02) < 1.5
    assert np.abs(made / made.max() - expected)[near].max() < 0.02
    assert full_width(made, 0.02) == pytest.approx(0.51 * nm / 1000 / na, rel=0.03)


def test_large_pixels_gather_the_light_that_falls_on_them() -> None:
    settings_ = optics()
    made = spread(settings_, side=64, pixel_um=0.16)
    fine = airy(distances(64 * 9 + 1, 0.16 / 9)[: 64 * 9, : 64 * 9], settings_)
    # nine by nine places in each pixel, the middle pixel around the middle
    rolled = np.roll(fine, (4, 4), (0, 1)).reshape(64, 9, 64, 9).sum((1, 3))
    middle = slice(26, 39)
    got, expected = made[middle, middle], rolled[middle, middle]
    np.testing.assert_allclose(got / got.sum(), expected / expected.sum(), atol=0.01)


@given(
    na=st.floats(0.3, 1.3),
    nm=st.floats(400, 800),
    z=st.floats(-4, 4),
    pixel=st.sampled_from([0.08, 0.16, 0.36]),
    shape=st.tuples(st.integers(12, 40), st.integers(12, 40)),
)
@settings(max_examples=40)
def test_widefield_keeps_the_light_of_a_point_at_any_distance(
    na: float, nm: float, z: float, pixel: float, shape: tuple[int, int]
) -> None:
    settings_ = optics(na=na, emission_nm=nm)
    made = point_spread(settings_, height=shape[0], width=shape[1], pixel_um=pixel, z_um=z)
    assert made.shape == shape and made.min() >= 0
    assert made.sum() == pytest.approx(1, rel=1e-9)


def test_confocal_light_falls_with_the_distance_and_widefield_light_does_not() -> None:
    sums = {
        mode: [spread(optics(mode), z_um=z, side=128, pixel_um=0.08).sum() for z in (0, 0.5, 1, 2)] for mode in MODES
    }
    confocal = np.array(sums["confocal"]) / sums["confocal"][0]
    assert np.all(np.diff(confocal) < 0) and confocal[2] < 0.2
    np.testing.assert_allclose(sums["widefield"], 1, rtol=1e-9)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("z", [0.0, 0.7, 2.0])
def test_a_point_looks_the_same_from_all_sides(mode: str, z: float) -> None:
    made = point_spread(optics(mode), height=63, width=63, pixel_um=0.16, z_um=z)
    for other in (made.T, np.roll(made[::-1], 1, 0), np.roll(made[:, ::-1], 1, 1)):
        np.testing.assert_allclose(other, made, atol=1e-12)
    below = point_spread(optics(mode), height=63, width=63, pixel_um=0.16, z_um=-z)
    np.testing.assert_allclose(below, made, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_a_point_is_wider_with_longer_waves_and_a_smaller_aperture(mode: str) -> None:
    by_wave = [full_width(spread(optics(mode, emission_nm=nm)), 0.02) for nm in (420, 520, 680)]
    by_aperture = [full_width(spread(optics(mode, na=na)), 0.02) for na in (1.3, 1.15, 0.8, 0.5)]
    assert np.all(np.diff(by_wave) > 0) and np.all(np.diff(by_aperture) > 0)


@pytest.mark.parametrize("mode", MODES)
def test_a_point_is_wider_out_of_focus(mode: str) -> None:
    widths = [half_light_radius(spread(optics(mode), z_um=z, side=256, pixel_um=0.05), 0.05) for z in (0, 0.6, 1.2, 2)]
    assert np.all(np.diff(widths) > 0)


def test_confocal_is_sharper_than_widefield() -> None:
    confocal, widefield = (full_width(spread(optics(mode)), 0.02) for mode in ("confocal", "widefield"))
    assert 0.65 * widefield < confocal < 0.95 * widefield


def test_light_on_the_axis_falls_as_the_squared_sinc_of_the_distance() -> None:
    # paraxial theory (Born and Wolf, 8.8.2), good for a small aperture
    settings_ = optics(na=0.4)
    first_zero = 2 * 1.33 * 0.52 / 0.4**2
    heights = np.linspace(0, first_zero, 9)
    peaks = np.array([spread(settings_, z_um=float(z), side=512, pixel_um=0.06).max() for z in heights[:-1]])
    middles = [spread(settings_, z_um=float(z), side=512, pixel_um=0.06)[256, 256] for z in heights]
    np.testing.assert_allclose(np.array(middles) / peaks[0], np.sinc(heights / first_zero) ** 2, atol=0.03)


def test_the_transfer_function_in_focus_is_that_of_a_circular_pupil() -> None:
    # the overlap of two discs (Goodman, 6-31)
    settings_ = optics(na=0.8)
    side, pixel = 512, 0.05
    otf = transfer(settings_, height=side, width=side, pixel_um=pixel, distances_um=((0.0,),))[0, 0].numpy()
    share = np.clip(np.fft.rfftfreq(side, pixel) / (2 * 0.8 / 0.52), 0, 1)
    np.testing.assert_allclose(otf, 2 / np.pi * (np.arccos(share) - share * np.sqrt(1 - share**2)), atol=0.02)


@pytest.mark.parametrize("blur_um", [0.0, 0.3])
def test_the_image_of_light_in_focus_has_all_of_it(blur_um: float) -> None:
    light = random_light(3, 2, 1, 48, 40)
    grid = Grid(48, 40, 0.16, (0.0,))
    for mode in MODES:
        image = seen(light, optics(mode, blur_um=blur_um), grid)
        assert image.shape == (3, 2, 48, 40)
        torch.testing.assert_close(image.sum((-1, -2)), light.sum((-1, -2, -3)), rtol=1e-4, atol=0)
        assert image.min() > -1e-4


@given(dy=st.integers(-30, 30), dx=st.integers(-30, 30), mode=st.sampled_from(MODES), focus=st.floats(-1, 1))
@settings(max_examples=30)
def test_light_that_is_moved_gives_the_image_moved(dy: int, dx: int, mode: str, focus: float) -> None:
    grid = Grid(32, 30, 0.16, (-0.5, 0.0, 0.5))
    light = random_light(1, 3, 32, 30)
    image = seen(light, optics(mode), grid, focus_um=focus)
    moved = seen(light.roll((dy, dx), (-2, -1)), optics(mode), grid, focus_um=focus)
    torch.testing.assert_close(moved, image.roll((dy, dx), (-2, -1)), rtol=1e-4, atol=1e-5)


def test_images_add_up() -> None:
    grid = Grid(32, 32, 0.16, (0.0, 1.2), mirrored=True)
    one, other = random_light(2, 2, 32, 32), random_light(2, 2, 32, 32, seed=1)
    both = seen(one + 3 * other, optics(), grid)
    torch.testing.assert_close(both, seen(one, optics(), grid) + 3 * seen(other, optics(), grid), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("focus", [0.0, 0.4, -1.5])
def test_a_mirrored_grid_stands_for_the_planes_below_too(mode: str, focus: float) -> None:
    light = random_light(2, 2, 40, 40)
    mirrored = seen(light, optics(mode), Grid(40, 40, 0.16, (0.0, 1.2), mirrored=True), focus_um=focus)
    whole = torch.stack([light[:, 1], light[:, 0], light[:, 1]], 1)
    unmirrored = seen(whole, optics(mode), Grid(40, 40, 0.16, (-1.2, 0.0, 1.2)), focus_um=focus)
    torch.testing.assert_close(mirrored, unmirrored, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_a_plane_is_sharpest_where_it_is_focused(mode: str) -> None:
    heights = (-1.0, 0.0, 1.0)
    grid = Grid(64, 64, 0.16, heights)
    light = torch.zeros(3, 3, 64, 64)
    light[0, 0, 32, 32] = light[1, 1, 32, 32] = light[2, 2, 32, 32] = 1
    for number, height in enumerate(heights):
        peaks = seen(light, optics(mode), grid, focus_um=height)[:, 32, 32]
        assert int(peaks.argmax()) == number


def test_each_cell_may_have_a_focus_of_its_own() -> None:
    grid = Grid(32, 32, 0.16, (0.0, 1.2), mirrored=True)
    light, focus = random_light(5, 2, 2, 32, 32), torch.tensor([0.0, 0.5, -0.5, 0.0, 1.3])
    together = seen(light, optics("confocal"), grid, focus_um=focus)
    for number in range(5):
        alone = seen(light[number : number + 1], optics("confocal"), grid, focus_um=float(focus[number]))[0]
        torch.testing.assert_close(together[number], alone, rtol=0, atol=0)


def test_blur_adds_in_quadrature() -> None:
    grid = Grid(64, 64, 0.1, (0.0,))
    light = random_light(1, 1, 64, 64)
    image = seen(light, optics(blur_um=0.3), grid)[0].double().numpy()
    blurred = gaussian_filter(image, 0.4 / 0.1, mode="wrap", truncate=6)
    np.testing.assert_allclose(seen(light, optics(blur_um=0.5), grid)[0].double().numpy(), blurred, rtol=1e-3)
    sharp = seen(light, optics(), grid)[0].double().numpy()
    np.testing.assert_allclose(gaussian_filter(sharp, 3, mode="wrap", truncate=6), image, rtol=1e-3)
