"""Forward models: their physics, and what every one of them promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio

from multiscope.config import VirtualScreen
from multiscope.errors import InputError
from multiscope.simulate import defects
from multiscope.simulate.defects import DEFECTS, degrade
from multiscope.simulate.screen.field import field
from multiscope.simulate.screen.proteins import proteins

NAMES = st.sampled_from(sorted(DEFECTS))
DTYPES = st.sampled_from(["uint8", "uint16", "uint32", "int16", "float32", "float64"])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def specimen(dtype: str = "uint16", *, height: int = 96, width: int = 96) -> npt.NDArray[Any]:
    """Smooth bumps on an offset, with detail of a few pixels in both directions."""
    bumps = gaussian_filter(rng(1).normal(size=(height, width)), 1.5, mode="wrap")
    light = np.clip(bumps / max(float(np.abs(bumps).max()), 1e-9), 0, None)
    top, offset = {"uint8": (200, 10), "float32": (0.8, 0.1), "float64": (0.8, 0.1)}.get(dtype, (2500, 100))
    return np.asarray(offset + top * light).astype(dtype)


def test_the_variance_of_noise_rises_linearly_with_the_light() -> None:
    levels = np.array([0.0, 200, 400, 800, 1600])
    offset, strength = 500.0, 0.5
    image = offset + np.repeat(levels, 4000)[None, :].repeat(4, axis=0)
    noisy = defects.noise(image, strength=strength, rng=rng(), offset=offset)
    groups = noisy.reshape(4, len(levels), 4000).swapaxes(0, 1).reshape(len(levels), -1)
    gain = levels[-1] * strength / defects.NOISE_PHOTONS
    np.testing.assert_allclose(groups.mean(axis=1), offset + levels, atol=5)
    expected = gain * levels + (gain * defects.READ_ELECTRONS) ** 2
    np.testing.assert_allclose(groups.var(axis=1), expected, rtol=0.06)


def power(image: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    window = np.hanning(image.shape[0])[:, None] * np.hanning(image.shape[1])
    return np.asarray(np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2)


def above(spectrum: npt.NDArray[np.float64], *, axis: int, frequency: float = 0.15) -> float:
    """Power of the frequencies (cycles a pixel) above `frequency` along one axis."""
    kept = np.abs(np.fft.fftfreq(spectrum.shape[axis])) > frequency
    return float(np.compress(kept, spectrum, axis=axis).sum())


def test_axial_loses_detail_along_the_rows_axis_only() -> None:
    image = specimen(height=128, width=128).astype(np.float64)
    rows_only = np.repeat(image[:1], 128, axis=0)
    degraded = defects.axial(image, strength=1, rng=rng(), offset=100)
    assert above(power(degraded), axis=0) < 0.05 * above(power(image), axis=0)
    np.testing.assert_allclose(defects.axial(rows_only, strength=1, rng=rng(), offset=100), rows_only)
    columns_only = rows_only.T
    assert above(power(defects.axial(columns_only, strength=1, rng=rng(), offset=100)), axis=0) < 0.05 * above(
        power(columns_only), axis=0
    )


def test_axial_is_blur_then_linear_interpolation_between_kept_rows() -> None:
    image = rng(2).uniform(100, 900, (31, 5))
    degraded = defects.axial(image, strength=1, rng=rng(), offset=100)
    kept = [*range(0, 30, int(defects.AXIAL_FACTOR)), 30]
    distance = np.arange(-60, 61)
    kernel = np.exp(-0.5 * (distance / defects.AXIAL_SIGMA) ** 2) * (np.abs(distance) <= 4 * defects.AXIAL_SIGMA)
    kernel /= kernel.sum()
    for column in range(5):
        mirrored = np.pad(image[:, column], 60, mode="symmetric")
        blurred = np.convolve(mirrored, kernel, mode="valid")
        np.testing.assert_allclose(degraded[:, column], np.interp(np.arange(31), kept, blurred[kept]), rtol=1e-9)


def test_blur_takes_fine_detail_and_adds_haze() -> None:
    image = specimen()
    degraded = degrade("blur", image, strength=1, rng=rng())
    lost = gaussian_filter(degraded.astype(float), 1.0)  # the shot noise is not the specimen's detail
    for axis in (0, 1):
        assert above(power(lost), axis=axis) < 0.1 * above(power(image.astype(float)), axis=axis)
    assert np.percentile(degraded, 5) > np.percentile(image, 5)


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_stronger_defect_is_farther_from_clean(name: str) -> None:
    image = specimen().astype(np.float64)
    errors = [
        np.mean((degrade(name, image, strength=strength, rng=rng()) - image) ** 2) for strength in (0.05, 0.3, 1, 2)
    ]
    assert np.all(np.diff(errors) > 0)


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_at_strength_one_a_defect_is_visible_and_restorable(name: str) -> None:
    config = VirtualScreen(reader="virtual_screen", field_size=128, cells_per_field=8)
    for protein in proteins(config)[::16]:
        clean = field(config, protein, 0).image[0]
        degraded = degrade(name, clean, strength=1, rng=rng())
        low, high = np.percentile(clean, [0.1, 99.9])
        assert 15 < peak_signal_noise_ratio(clean, degraded, data_range=high - low) < 31
        light = [gaussian_filter(image.astype(float), 3).ravel() for image in (clean, degraded)]
        assert np.corrcoef(light)[0, 1] > 0.85, "what is left must still show where the light was"


@given(
    name=NAMES,
    dtype=DTYPES,
    shape=st.lists(st.integers(1, 3), max_size=2).flatmap(
        lambda leading: st.tuples(st.integers(1, 40), st.integers(1, 40)).map(lambda yx: (*leading, *yx))
    ),
    strength=st.sampled_from([0.0, 1e-6, 0.3, 1.0, 10.0]),
    seed=st.integers(0, 5),
)
@settings(max_examples=150, deadline=None)
def test_shape_and_dtype_stay_and_the_random_state_decides(
    name: str, dtype: str, shape: tuple[int, ...], strength: float, seed: int
) -> None:
    image = np.broadcast_to(specimen(dtype, height=shape[-2], width=shape[-1]), shape)
    before = image.copy()
    first, again = (degrade(name, image, strength=strength, rng=rng(seed)) for _ in range(2))
    assert first.shape == shape and first.dtype == image.dtype
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(image, before)
    if strength == 0:
        np.testing.assert_array_equal(first, image)
        assert not np.shares_memory(first, image)


@pytest.mark.parametrize("name", sorted(DEFECTS))
@pytest.mark.parametrize("value", [0, 100, 255])
def test_a_plane_without_light_stays_as_it_is(name: str, value: int) -> None:
    image = np.full((20, 20), value, dtype=np.uint8)
    np.testing.assert_array_equal(degrade(name, image, strength=1, rng=rng()), image)


def test_integers_are_clipped_not_wrapped() -> None:
    image = np.full((64, 64), 5, dtype=np.uint8)
    image[16:48, 16:48] = 255
    degraded = degrade("noise", image, strength=1, rng=rng())
    assert degraded.min() == 0 and degraded.max() == 255
    assert degraded[20:44, 20:44].mean() > 200 and np.delete(degraded, np.s_[16:48], axis=0).mean() < 40


def test_defects_scale_with_the_image() -> None:
    image = specimen("float64")
    small = degrade("blur", image, strength=1, rng=rng())
    large = degrade("blur", image * 1000, strength=1, rng=rng())
    np.testing.assert_allclose(large, small * 1000, rtol=1e-6)


def test_noise_needs_another_random_state_to_differ() -> None:
    image = specimen()
    first, second = (degrade("noise", image, strength=1, rng=rng(seed)) for seed in (0, 1))
    assert np.mean(first != second) > 0.9


def test_real_nuclei_of_8_bits_are_degraded_visibly(real_data: Any) -> None:
    from skimage.io import imread

    paths = sorted((real_data / "dsb2018_nuclei" / "images").glob("*"))[:3]
    for path in paths:
        image = imread(path)
        image = image if image.ndim == 2 else image[..., 0]
        own = float(np.subtract(*np.percentile(image, [99.9, 0.1])))
        for name in DEFECTS:
            degraded = degrade(name, image, strength=1, rng=rng())
            assert degraded.dtype == image.dtype
            assert 15 < peak_signal_noise_ratio(image, degraded, data_range=own) < 40, (path.name, name)


@pytest.mark.parametrize(
    ("name", "image", "strength", "said"),
    [
        ("fog", np.zeros((4, 4)), 1.0, "expected one of noise, axial, blur"),
        ("noise", np.zeros(4), 1.0, "1 axes"),
        ("noise", np.zeros((4, 4), dtype=bool), 1.0, "bool"),
        ("noise", np.zeros((4, 4), dtype=complex), 1.0, "complex128"),
        ("noise", np.zeros((4, 4)), -1.0, "expected 0 or more"),
    ],
)
def test_bad_input_is_said_in_one_line(name: str, image: npt.NDArray[Any], strength: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        degrade(name, image, strength=strength, rng=rng())
