"""What every forward model promises, on arrays and on batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from multiscope.config import Axial, Blur, Defect, HotPixels, Mixture, Noise, VirtualScreen
from multiscope.errors import InputError
from multiscope.simulate.defects import background, brightness, degrade, degrade_batch, light_of, part_keys, plane_keys
from multiscope.simulate.screen.field import field
from multiscope.simulate.screen.proteins import proteins
from tests.simulate.defects.specimens import MODELS, specimen

NAMES = sorted(MODELS)
DTYPES = ["uint8", "uint16", "uint32", "int16", "float32", "float64"]


def at(name: str, strength: float) -> Defect:
    return MODELS[name].model_copy(update={"strength": strength})


def batch(n: int = 5, *, size: tuple[int, int] = (37, 53)) -> Tensor:
    """Patches in -1 ... 1, of other brightness each."""
    planes = [specimen("float32", height=size[0], width=size[1]) * (0.4 + 0.2 * i) for i in range(n)]
    return torch.from_numpy(np.stack(planes).astype(np.float32)) * 2 - 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_strength_zero_is_the_image_itself(name: str, dtype: str) -> None:
    image = specimen(dtype)
    same = degrade(image, at(name, 0), seed=3)
    assert same.dtype == image.dtype and same.tobytes() == image.tobytes()
    assert not np.shares_memory(same, image)


@pytest.mark.parametrize("name", NAMES)
def test_a_stronger_defect_is_farther_from_clean(name: str) -> None:
    image = specimen("float64")
    strengths = (1e-6, 0.05, 0.3, 1, 2)
    errors = [np.mean((degrade(image, at(name, strength), seed=0) - image) ** 2) for strength in strengths]
    assert np.all(np.diff(errors) > 0)
    if name != "noise, binned":  # a camera bins or it does not
        assert errors[0] < 1e-4 * errors[3], "a defect grows from nothing"


@given(
    name=st.sampled_from(NAMES),
    dtype=st.sampled_from(DTYPES),
    shape=st.lists(st.integers(1, 3), max_size=2).flatmap(
        lambda leading: st.tuples(st.integers(1, 40), st.integers(1, 40)).map(lambda yx: (*leading, *yx))
    ),
    strength=st.sampled_from([0.0, 1e-6, 0.3, 1.0, 10.0]),
    seed=st.integers(0, 5),
)
@settings(max_examples=120, deadline=None)
def test_shape_and_dtype_stay_and_the_seed_decides(
    name: str, dtype: str, shape: tuple[int, ...], strength: float, seed: int
) -> None:
    image = np.broadcast_to(specimen(dtype, height=shape[-2], width=shape[-1]), shape)
    before = image.copy()
    first, again = (degrade(image, at(name, strength), seed=seed) for _ in range(2))
    assert first.shape == shape and first.dtype == image.dtype
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "axial"])
def test_another_seed_gives_another_image_and_channels_differ(name: str) -> None:
    image = specimen()
    stack = np.stack([image, image])
    first, second = (degrade(stack, at(name, 1), seed=seed) for seed in (0, 1))
    assert np.any(first[0] != second[0])
    if not name.startswith("hot_pixels"):
        assert np.any(first[0] != first[1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 3])
def test_an_image_is_the_same_alone_and_in_any_batch(name: str, n: int) -> None:
    planes, keys = batch(), plane_keys(7, 5)
    whole = degrade_batch(planes, MODELS[name], keys, offset=-1.0)
    assert not torch.equal(whole, planes)
    for start in range(0, 5, n):
        part = slice(start, start + n)
        assert torch.equal(degrade_batch(planes[part], MODELS[name], keys[part], offset=-1.0), whole[part])
    turned = degrade_batch(planes.flip(0), MODELS[name], keys.flip(0), offset=-1.0)
    assert torch.equal(turned.flip(0), whole)
    with_channel = degrade_batch(planes[:, None], MODELS[name], keys, offset=-1.0)
    assert torch.equal(with_channel, whole[:, None])


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_has_the_numbers_of_the_arrays(name: str) -> None:
    image = np.stack([specimen("float64"), 2 * specimen("float64")])
    camera = plane_keys(0, 1)
    made = degrade_batch(torch.from_numpy(image), MODELS[name], plane_keys(4, 2), camera=camera).numpy()
    alike = degrade(image, MODELS[name], seed=4)
    if name.startswith("hot_pixels"):
        assert np.mean(made != alike) < 0.2, "another camera"
    else:
        np.testing.assert_array_equal(made, alike)


@pytest.mark.parametrize("name", NAMES)
def test_each_sample_has_its_own_strength(name: str) -> None:
    planes, keys = batch(4), plane_keys(1, 4)
    strengths = [0.0, 0.2, 1.0, 3.0]
    together = degrade_batch(planes, MODELS[name], keys, strength=torch.tensor(strengths))
    assert torch.equal(together[0], planes[0])
    for i, strength in enumerate(strengths):
        alone = degrade_batch(planes[i : i + 1], at(name, strength), keys[i : i + 1])
        assert torch.equal(together[i : i + 1], alone)


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_change_nothing(threads: int) -> None:
    planes = batch(2, size=(200, 331))
    expected = degrade_batch(planes, MODELS["mixture"], plane_keys(1, 2))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        assert torch.equal(degrade_batch(planes, MODELS["mixture"], plane_keys(1, 2)), expected)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


@given(strength=st.floats(0.1, 2), seed=st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_a_mixture_is_its_parts_in_their_order(strength: float, seed: int) -> None:
    parts = [Blur(strength=0.5), Axial(), Noise(strength=2, photons=300), Noise(), HotPixels(hot=0.01)]
    planes, keys = batch(2), plane_keys(seed, 2)
    made = degrade_batch(planes, Mixture(parts=parts, strength=strength), keys, offset=-1.0)
    expected = planes
    for number, part in enumerate(parts):
        weaker = part.model_copy(update={"strength": float(np.float32(strength)) * part.strength})
        expected = degrade_batch(expected, weaker, part_keys(keys, number), offset=-1.0)
    torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-5)
    turned = degrade_batch(planes, Mixture(parts=parts[::-1], strength=strength), keys, offset=-1.0)
    assert not torch.allclose(made, turned, atol=1e-3)


def test_two_parts_of_one_model_draw_apart() -> None:
    image = torch.full((1, 64, 64), 100.0)
    keys, part = plane_keys(0, 1), Noise(photons=100, read_noise=0)
    made = [degrade_batch(image, part, part_keys(keys, i), offset=0, peak=100) - image for i in range(2)]
    assert abs(np.corrcoef(made[0].flatten(), made[1].flatten())[0, 1]) < 0.05


@pytest.mark.parametrize("name", NAMES)
def test_patches_are_degraded_by_the_light_of_their_field(name: str) -> None:
    """A dim patch with the field's offset and peak is not taken for a bright one."""
    dim = batch(1) * 0.01 - 0.97
    own = degrade_batch(dim, MODELS[name], plane_keys(0, 1))
    as_field = degrade_batch(dim, MODELS[name], plane_keys(0, 1), offset=-1.0, peak=torch.tensor([2.0]))
    if name != "axial":
        assert (as_field - dim).square().mean() > 3 * (own - dim).square().mean()
    field_of = batch(1)
    offset = background(field_of)
    given_light = degrade_batch(
        field_of, at(name, 1), plane_keys(0, 1), offset=offset, peak=brightness(field_of, offset)
    )
    if name in ("noise", "illumination", "bleaching", "hot_pixels"):  # these estimate the light of the clean image only
        assert torch.equal(given_light, degrade_batch(field_of, at(name, 1), plane_keys(0, 1)))


@pytest.mark.parametrize("name", NAMES)
def test_units_do_not_matter(name: str) -> None:
    image = specimen("float64")
    small = degrade(image, MODELS[name], seed=0)
    large = degrade(image * 1024 - 5, MODELS[name], seed=0)
    # a count of photons may differ where rounding meets it
    assert np.mean(np.abs(large - (small * 1024 - 5)) > 1e-6 * 1024) < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_computed_in_single(name: str) -> None:
    planes = batch(1).bfloat16()
    made = degrade_batch(planes, MODELS[name], plane_keys(0, 1), offset=-1.0)
    assert made.dtype == torch.bfloat16
    exact = degrade_batch(planes.float(), MODELS[name], plane_keys(0, 1), offset=-1.0)
    assert torch.equal(made, exact.bfloat16())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, 100, 255])
def test_a_plane_without_light_stays_as_it_is(name: str, value: int) -> None:
    image = np.full((20, 20), value, dtype=np.uint8)
    np.testing.assert_array_equal(degrade(image, MODELS[name], seed=0), image)


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_image_above_the_offset_is_light(name: str) -> None:
    made = degrade(np.full((64, 64), 1000.0), MODELS[name], seed=0, offset=100)
    assert np.isfinite(made).all() and made.min() > -1000
    assert 300 < np.median(made) < 1500


def test_offset_and_peak_may_be_those_of_a_stack() -> None:
    """A plane of a stack is exposed as the stack is, whatever light it has itself."""
    stack = np.stack([specimen("float64"), 0.1 + 0.01 * (specimen("float64") - 0.1)])
    dark, peak = light_of(stack)
    assert dark == np.percentile(stack, 1) and peak == np.percentile(stack, 99.9) - dark
    made = degrade(stack, Noise(), seed=0, offset=dark, peak=[peak, peak])
    assert np.std(made[1] - stack[1]) > 0.1 * np.std(made[0] - stack[0])
    own = degrade(stack, Noise(), seed=0)
    assert np.std(own[1] - stack[1]) < 0.02 * np.std(own[0] - stack[0])
    assert light_of(np.full((3, 3), 7)) == (7, 0)


def test_one_dark_channel_does_not_hinder_the_other() -> None:
    image = np.stack([np.full((32, 32), 7), specimen(height=32, width=32)]).astype(np.uint16)
    made = degrade(image, Noise(), seed=0)
    assert (made[0] == 7).all() and (made[1] != image[1]).mean() > 0.8


def test_integers_are_clipped_not_wrapped() -> None:
    for dtype in ("uint8", "uint16", "int16"):
        top = np.iinfo(dtype).max
        image = np.full((64, 64), 5, dtype=dtype)
        image[16:48, 16:48] = top
        made = degrade(image, Noise(), seed=0)
        assert made.max() == top and made.min() == max(np.iinfo(dtype).min, made.min())
        assert made[20:44, 20:44].mean() > 0.8 * top
        assert np.delete(made, np.s_[16:48], axis=0).mean() < 0.15 * top


def test_16_bit_counts_are_right_to_rounding() -> None:
    image = np.random.default_rng(0).integers(60_000, 65_536, (40, 40)).astype(np.uint16)
    made = degrade(image, Axial(sigma_px=0, factor=2), seed=0)
    exact = image.astype(np.float64)
    exact[1:-1:2] = (exact[:-2:2] + exact[2::2])[: len(exact[1:-1:2])] / 2
    exact[39] = image[39]
    np.testing.assert_array_equal(made, np.rint(exact))


@pytest.mark.parametrize("name", NAMES)
def test_at_strength_one_a_defect_is_visible_and_restorable(name: str) -> None:
    config = VirtualScreen(reader="virtual_screen", field_size=128, cells_per_field=8)
    for protein in proteins(config)[::24]:
        clean = field(config, protein, 0).image[0]
        # so many hot pixels are needed in the other tests
        degraded = degrade(clean, HotPixels() if isinstance(MODELS[name], HotPixels) else MODELS[name], seed=0)
        low, high = np.percentile(clean, [0.1, 99.9])
        assert 12 < peak_signal_noise_ratio(clean, degraded, data_range=high - low) < 32


def test_real_nuclei_of_8_bits_are_degraded_visibly(real_data: Any) -> None:
    from skimage.io import imread

    paths = sorted((real_data / "dsb2018_nuclei" / "images").glob("*"))[:2]
    for path in paths:
        image = imread(path)
        image = image if image.ndim == 2 else image[..., 0]
        own = float(np.subtract(*np.percentile(image, [99.9, 0.1])))
        for name, defect in MODELS.items():
            degraded = degrade(image, defect, seed=0)
            assert degraded.dtype == image.dtype
            assert 10 < peak_signal_noise_ratio(image, degraded, data_range=own) < 40, (path.name, name)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros(4), "1 axes"),
        (np.zeros((4, 4), dtype=bool), "bool"),
        (np.zeros((4, 4), dtype=complex), "complex128"),
    ],
)
def test_bad_input_is_said_in_one_line(image: npt.NDArray[Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as fault:
        degrade(image, Noise(), seed=0)
    assert "\n" not in str(fault.value) and "defect 'noise'" in str(fault.value)


def test_a_batch_of_another_shape_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"expected \(N, Y, X\)"):
        degrade_batch(torch.zeros(2, 3, 8, 8), Noise(), plane_keys(0, 2))
    with pytest.raises(ValueError, match=r"expected \(2, 2\)"):
        degrade_batch(torch.zeros(2, 8, 8), Noise(), plane_keys(0, 3))
    assert degrade_batch(torch.zeros(0, 8, 8), Noise(), plane_keys(0, 0)).shape == (0, 8, 8)
