"""Zernike moments against mahotas, and of patterns whose moments are known."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from multiscope.features.classic import classic_features
from multiscope.features.light import inside, light_of
from multiscope.features.regions import regions_of
from multiscope.features.zernike import DEGREE, reach, zernike
from tests.features.cells import XX, YY, Floats, Masks, disks, ellipses, noisy


def cut_by_the_border() -> Masks:
    return np.roll(ellipses(6), (-30, 22), (1, 2))


@pytest.mark.parametrize("masks", [ellipses(6), cut_by_the_border(), disks(2, radius=3)], ids=["whole", "cut", "small"])
def test_moments_are_those_of_mahotas(masks: Masks) -> None:
    import mahotas

    weights, regions = inside(light_of(noisy(masks)[:, 0], masks), masks), regions_of(masks)
    found = zernike(weights, regions)
    for at, (plane, radius, centre) in enumerate(zip(weights, reach(regions), regions.centre, strict=True)):
        # theirs leaves pixels out that rounding puts off the disk
        theirs = mahotas.features.zernike_moments(plane, radius + 1e-9, degree=DEGREE, cm=centre)
        np.testing.assert_allclose([values[at] for values in found.values()], theirs[1:], atol=1e-8)


def lobed(turn: float, side: int = 64) -> Floats:
    """A disk of light with two bright sides and one of them brighter, turned by radians, (1, side, side)."""
    grid = (np.arange(side) - (side - 1) / 2) / (side * 0.4)
    radius, angle = np.hypot(grid[:, None], grid), np.arctan2(grid[:, None], grid) - turn
    return np.where(radius < 1, 2 + radius**2 * np.cos(2 * angle) + 0.5 * radius * np.cos(angle), 0)[None]


def moments_of(light: Floats) -> dict[str, float]:
    masks = light > 0
    return {name: float(values[0]) for name, values in zernike(light, regions_of(masks)).items()}


def test_moments_are_the_shares_of_their_patterns() -> None:
    found = moments_of(lobed(0))
    # over the disk: |Z_nm| of a c_nm r^m cos(m angle) is (n + 1) / pi * a pi / (2 (n + 1)) over the light, 2 pi
    assert found["2_2"] == pytest.approx(1 / (4 * pi), rel=0.05)
    assert found["1_1"] == pytest.approx(0.5 / (4 * pi), rel=0.05)
    assert max(values for name, values in found.items() if name not in ("1_1", "2_2")) < 0.02


@pytest.mark.parametrize("turn", [0.3, pi / 4, 2.0])
def test_any_turn_and_any_size_change_little(turn: float) -> None:
    expected = moments_of(lobed(0))
    for other in (lobed(turn), lobed(turn, side=96)):
        np.testing.assert_allclose(list(moments_of(other).values()), list(expected.values()), atol=0.01)


def test_turns_by_90_degrees_and_flips_change_nothing() -> None:
    masks = ellipses(4)
    weights = noisy(masks)[:, 0] * masks
    expected = zernike(weights, regions_of(masks))
    for change in (lambda x: np.rot90(x, 1, (1, 2)), lambda x: x[:, ::-1], lambda x: x.transpose(0, 2, 1)):
        found = zernike(change(weights), regions_of(change(masks)))
        for name, values in found.items():
            np.testing.assert_allclose(values, expected[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_a_flat_disk_has_none_and_light_at_the_rim_has_some() -> None:
    masks = disks(2, radius=24)
    light = np.stack([masks[0], masks[0] & (np.hypot(YY - 31.5, XX - 31.5) > 16)]).astype(float)
    table = classic_features(light[:, None], masks, ["p"])["Zernike_2_0_p"]
    assert table[0] < 0.05 < 0.4 < table[1]
