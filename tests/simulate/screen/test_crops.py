"""Generated crops: a planted cell in the middle, others around it, and the image without noise behind each."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from multiscope.config import Compartment, VirtualCrops
from multiscope.simulate.biology import CODES
from multiscope.simulate.screen.crops import Crops, crops
from multiscope.simulate.screen.proteins import Protein, proteins
from tests.simulate.drawn import FEW, SHARED, Digests, cell_features, crops_config, digests, refusal

HUMAN: dict[str, Any] = {
    "morphology": "human", "compartments": ["er", "nucleus", "actin", "golgi"], "crop_size": 112,
}  # fmt: skip
BOTH = pytest.mark.parametrize("values", [{}, HUMAN], ids=["yeast", "human"])
QUIET: dict[str, Any] = {"conditions": {"field": 0.0, "illumination": 0.0}}


def config_of(**values: Any) -> VirtualCrops:
    return crops_config(**{**FEW, "cells_per_field": 24, **values})


def first_of(config: VirtualCrops, compartment: str | None = None) -> Protein:
    return next(p for p in proteins(config) if compartment in (None, p.place.compartment))


def made_of(compartment: str | None = None, *, fields: tuple[int, ...] = (0,), **values: Any) -> Crops:
    config = config_of(**values)
    return crops(config, first_of(config, compartment), fields)


def light(images: torch.Tensor) -> npt.NDArray[np.float64]:
    """Counts above the offset."""
    return np.asarray(images.numpy().astype(float) - 100)


def assert_same(first: Crops, second: Crops) -> None:
    for name in ("image", "clean", "mask"):
        assert torch.equal(getattr(first, name), getattr(second, name)), name


@BOTH
def test_crops_have_shapes_and_types(values: dict[str, Any]) -> None:
    made = made_of(fields=(0, 3), **values)
    side = values.get("crop_size", 64)
    assert made.image.shape == made.clean.shape == (48, 2, side, side)
    assert made.image.dtype == made.clean.dtype == torch.uint16
    assert made.mask.shape == (48, side, side) and made.mask.dtype == torch.bool


def test_a_seed_gives_the_same_bytes_in_other_processes_that_share_the_work(elsewhere: Digests) -> None:
    assert digests("1/1") == {name: elsewhere[name] for name in SHARED}


@pytest.mark.parametrize("threads", [1, 2])
@BOTH
def test_crops_of_a_field_are_the_same_with_others_or_alone(values: dict[str, Any], threads: int) -> None:
    torch.set_num_threads(threads)
    values = {**values, "cells_per_field": 7, "conditions": {"focus_um": 0.2, "heights_um": 0.1, "plate": 0.2}}
    together = made_of(fields=(2, 0, 5), **values)
    for place, number in enumerate((2, 0, 5)):
        alone, rows = made_of(fields=(number,), **values), slice(7 * place, 7 * place + 7)
        assert_same(alone, Crops(together.image[rows], together.clean[rows], together.mask[rows]))
    assert torch.get_num_threads() == threads


def test_another_seed_gives_other_cells() -> None:
    first, second = (made_of(seed=seed) for seed in (0, 1))
    assert float((first.mask != second.mask).float().mean()) > 0.05
    assert len({one.numpy().tobytes() for made in (first, second) for one in made.mask}) == 48


def test_a_field_with_more_crops_has_those_it_had() -> None:
    few, many = (made_of(cells_per_field=n, neighbours=0) for n in (9, 40))
    assert_same(few, Crops(many.image[:9], many.clean[:9], many.mask[:9]))


@given(
    compartment=st.sampled_from(list(CODES)),
    morphology=st.sampled_from(["yeast", "human"]),
    size=st.sampled_from([32, 64, 96]),
    n=st.integers(1, 9),
    neighbours=st.sampled_from([0.0, 1.5, 5.0]),
    pixel=st.sampled_from([0.08, 0.16, 0.36]),
    effect=st.sampled_from([0.0, 10.0]),
    seed=st.integers(0, 2**40),
)
@settings(max_examples=30)
def test_any_configuration_gives_whole_crops(
    compartment: Compartment,
    morphology: str,
    size: int,
    n: int,
    neighbours: float,
    pixel: float,
    effect: float,
    seed: int,
) -> None:
    if morphology == "human" and compartment in ("vacuole", "vacuolar_membrane", "bud_neck"):
        compartment = "golgi"
    config = config_of(
        compartments=[compartment, "nucleus" if compartment != "nucleus" else "er"],
        morphology=morphology,
        crop_size=size,
        cells_per_field=n,
        neighbours=neighbours,
        pixel_size_um=pixel,
        effects={level: effect for level in ("process", "pathway", "complex", "protein")},
        seed=seed,
    )
    made = crops(config, first_of(config), [0])
    assert made.image.shape == (n, 2, size, size)
    assert bool(made.mask[:, size // 2 - 4 : size // 2 + 4, size // 2 - 4 : size // 2 + 4].flatten(1).any(1).all())
    assert int(made.clean.to(torch.int32).min()) >= 100, "no darker than the camera's offset"


@BOTH
def test_the_planted_cell_is_in_the_middle(values: dict[str, Any]) -> None:
    made = made_of(fields=(0, 1), **values)
    half = values.get("crop_size", 64) / 2
    middles = np.array([ndimage.center_of_mass(mask) for mask in made.mask.numpy()]) + 0.5
    assert np.abs(middles - half).max() < 0.3 * half
    assert np.abs(middles.mean(0) - half).max() < 0.06 * half
    for mask in made.mask.numpy():
        assert ndimage.label(mask)[1] == 1


@BOTH
def test_the_mask_is_the_cell_that_is_seen(values: dict[str, Any]) -> None:
    made = made_of(neighbours=0, **values)
    overlap = []
    for marker, mask in zip(light(made.clean)[:, 1], made.mask.numpy(), strict=True):
        seen = marker > 0.25 * np.percentile(marker[mask], 90)
        overlap.append((seen & mask).sum() / (seen | mask).sum())
    assert np.min(overlap) > 0.7 and np.mean(overlap) > 0.85


@BOTH
def test_without_neighbours_there_is_nothing_else(values: dict[str, Any]) -> None:
    made = made_of(neighbours=0, **values, **QUIET)
    background = 1.5 * config_of().camera.background
    for channel in (0, 1):
        for image, mask in zip(light(made.clean)[:, channel], made.mask.numpy(), strict=True):
            far = ndimage.distance_transform_edt(~mask) > 10
            brightest = image[mask].max()
            assert np.abs(image[far] - background).max() < 2 + 0.05 * brightest
            assert np.median(np.abs(image[far] - background)) < 2 + 0.01 * brightest


def outside(made: Crops) -> float:
    """Mean light of the marker farther than a few pixels from the planted cell."""
    far = np.array([ndimage.distance_transform_edt(~mask) > 5 for mask in made.mask.numpy()])
    return float(light(made.clean)[:, 1][far].mean())


@BOTH
def test_more_neighbours_give_more_light_around_the_cell(values: dict[str, Any]) -> None:
    around = [outside(made_of(fields=(0, 1), neighbours=n, **values)) for n in (0, 1, 2.5, 5)]
    assert np.all(np.diff(around) > 0)
    gained = np.array(around[1:]) - around[0]
    np.testing.assert_allclose(gained / gained[-1], [0.2, 0.5, 1.0], atol=0.12)


@BOTH
def test_neighbours_do_not_overlap_the_cell(values: dict[str, Any]) -> None:
    alone, crowded = (made_of(neighbours=n, **values) for n in (0, 5))
    assert torch.equal(alone.mask, crowded.mask)
    added = light(crowded.clean)[:, 1] - light(alone.clean)[:, 1]
    assert added.min() >= -2, "and take nothing away"
    for extra, image, mask in zip(added, light(alone.clean)[:, 1], alone.mask.numpy(), strict=True):
        deep = ndimage.binary_erosion(mask, iterations=3)
        assert extra[deep].mean() < 0.1 * image[deep].mean()


def test_neighbours_are_cells_of_the_same_field_seen_under_the_same_optics() -> None:
    one, alone = (made_of(cells_per_field=n, neighbours=5) for n in (1, 1))
    assert_same(one, alone)
    assert outside(made_of(cells_per_field=1, neighbours=5)) == pytest.approx(
        outside(made_of(cells_per_field=1, neighbours=0))
    ), "a field of one cell has no others"


@BOTH
def test_the_clean_image_is_the_image_without_noise(values: dict[str, Any]) -> None:
    config = config_of(**values)
    made = crops(config, first_of(config), [0, 1])
    camera = config.camera
    image, clean = light(made.image), light(made.clean)
    residual = image - clean
    # of photons, of reading, and of rounding twice
    variance = camera.gain * clean + (camera.gain * camera.read_noise) ** 2 + 2 / 12
    standard = residual / np.sqrt(variance)
    n = residual.size
    assert abs(standard.mean()) < 5 / np.sqrt(n)
    assert standard.var() == pytest.approx(1, abs=5 * np.sqrt(3 / n) + 0.005)
    bright, dim = clean > np.percentile(clean, 95), clean < np.percentile(clean, 30)
    assert standard[bright].var() == pytest.approx(standard[dim].var(), rel=0.05)
    assert np.corrcoef(image.ravel(), clean.ravel())[0, 1] > 0.95
    beside = np.corrcoef(standard[..., 1:].ravel(), standard[..., :-1].ravel())[0, 1]
    assert abs(beside) < 6 / np.sqrt(n), "noise of a pixel is not that of its neighbour"


def test_brighter_light_is_nearer_to_the_clean_image() -> None:
    alike = []
    for photons in (50, 400, 5000):
        made = made_of("er", camera={"photons": photons})
        alike.append(np.corrcoef(light(made.image)[:, 0].ravel(), light(made.clean)[:, 0].ravel())[0, 1])
    assert np.all(np.diff(alike) > 0)


def test_the_clean_image_of_a_cell_is_that_of_the_same_cell_with_another_camera() -> None:
    plain = made_of()
    noisy = made_of(camera={"read_noise": 20, "hot_pixels": 0.05})
    assert torch.equal(plain.clean, noisy.clean) and torch.equal(plain.mask, noisy.mask)
    assert not torch.equal(plain.image, noisy.image)


def test_replicates_are_exposures_of_other_plates() -> None:
    spread = {"plate": 0.8, "field": 0.0, "expression": 0.0, "illumination": 0.0}
    config = config_of(replicates=2, conditions=spread, neighbours=0, cells_per_field=40)
    made = crops(config, first_of(config, "cytoplasm"), [0, 1, 2, 3])
    inside = np.where(made.mask.numpy(), light(made.clean)[:, 1], np.nan)
    by_field = np.nanmean(inside, (1, 2)).reshape(4, 40).mean(1)
    assert by_field[0] == pytest.approx(by_field[2], rel=0.1) and by_field[1] == pytest.approx(by_field[3], rel=0.1)
    assert abs(np.log(by_field[0] / by_field[1])) > 0.2


def test_weak_cells_look_like_cytoplasm() -> None:
    def within(**values: Any) -> npt.NDArray[np.float64]:
        """Brightness of the middle of each cell against its mean."""
        made = made_of("cell_periphery", fields=(0, 1), neighbours=0, **values)
        inner = np.array([ndimage.distance_transform_edt(mask) > 4 for mask in made.mask.numpy()])
        images = light(made.clean)[:, 0]
        means = (np.where(mask, images, np.nan) for mask in (inner, made.mask.numpy()))
        middle, whole = (np.nanmean(image, (1, 2)) for image in means)
        return np.asarray(middle / whole)

    shown, some, hidden = (within(labels={"weak": share}) for share in (0.0, 0.5, 1.0))
    assert np.percentile(shown, 90) < np.percentile(hidden, 10)
    weak = np.abs(some - hidden) < np.abs(some - shown)
    assert 0.25 < weak.mean() < 0.75


def features(config: VirtualCrops, protein: Protein) -> npt.NDArray[np.float64]:
    made = crops(config, protein, [0, 1])
    images = light(made.image)
    pairs = zip(images, made.mask.numpy(), strict=True)
    return np.array([cell_features(one[0], one[1], mask) for one, mask in pairs])


@cache
def told_apart(compartment_effect: float) -> float:
    """Share of cells that are nearest to the mean of their own compartment, of three."""
    none = {level: 0.0 for level in ("process", "pathway", "complex", "protein")}
    config = config_of(
        compartments=["nucleus", "er", "cell_periphery"], effects={**none, "compartment": compartment_effect}
    )
    cells = [features(config, first_of(config, name)) for name in config.compartments]
    spread = np.sqrt(np.mean([one.var(0) for one in cells], axis=0))
    train, test = ([one[half::2] / spread for one in cells] for half in (0, 1))
    means = np.array([one.mean(0) for one in train])
    right = [np.linalg.norm(one[:, None] - means, axis=-1).argmin(1) == k for k, one in enumerate(test)]
    return float(np.mean(right))


def test_compartments_are_told_apart_as_far_as_they_have_an_effect() -> None:
    assert told_apart(1.0) > 0.9
    # 72 cells at a chance of a third
    assert told_apart(0.0) < 1 / 3 + 3 * np.sqrt(2 / 9 / 72)


def test_the_optics_decide_how_sharp_crops_are() -> None:
    def sharpness(**optics: Any) -> float:
        images = light(made_of("cell_periphery", neighbours=0, optics=optics).clean)[:, 0]
        return float(np.mean([ndimage.gaussian_laplace(one / one.mean(), 1).var() for one in images]))

    best, plain, blurred = sharpness(na=1.3), sharpness(na=0.6), sharpness(na=0.6, blur_um=0.4)
    assert best > 1.2 * plain > 1.2 * blurred
    assert sharpness(mode="confocal") > sharpness(mode="widefield")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"crop_size": 60}, "crop_size"),
        ({"crop_size": 512}, "crop_size"),
        ({"neighbours": 6}, "neighbours"),
        ({"optics": {"na": 1.4}}, "na: 1.4 must be below refractive_index 1.33"),
        ({"camera": {"bits": 8}}, "camera.bits"),
        ({"planes": 3}, "planes"),
        ({"morphology": "plant"}, "morphology"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_in_one_line(values: dict[str, Any], said: str) -> None:
    assert said in refusal(reader="virtual_crops", **values)
