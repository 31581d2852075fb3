"""Generated fields: reproducible, labelled right, and carrying the biology that was planted."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from multiscope.config import Compartment, VirtualScreen
from multiscope.simulate.biology import CODES
from multiscope.simulate.camera import illumination
from multiscope.simulate.screen import field as field_module
from multiscope.simulate.screen.conditions import exposure
from multiscope.simulate.screen.field import Field, field
from multiscope.simulate.screen.proteins import Protein, proteins, table
from tests.simulate.drawn import SHARED, Digests, cell_features, digests, refusal, screen, whole_cells

FOUR = ["nucleus", "cytoplasm", "vacuole", "cell_periphery"]
SCREEN = screen(compartments=FOUR, pathways_per_process=1)
PROTEINS = proteins(SCREEN)
TABLE = table(PROTEINS)


@cache
def fields_of(row: int) -> list[Field]:
    return [field(SCREEN, PROTEINS[row], number) for number in range(2)]


def first_of(config: VirtualScreen, compartment: str | None = None) -> Protein:
    return next(p for p in proteins(config) if compartment in (None, p.place.compartment))


def made_of(number: int = 0, compartment: str | None = None, **values: Any) -> Field:
    config = screen(**values)
    return field(config, first_of(config, compartment), number)


def digest(made: Field) -> str:
    return sha256(made.image.tobytes() + made.labels.tobytes()).hexdigest()


def test_a_seed_gives_the_same_bytes_in_other_processes_that_share_the_work(elsewhere: Digests) -> None:
    here = digests("1/1")
    for name in SHARED:
        assert here[name] == elsewhere[name], name


@pytest.mark.parametrize("threads", [1, 2])
def test_a_field_does_not_depend_on_threads_or_on_what_was_made_before(threads: int) -> None:
    expected = digest(fields_of(9)[1])
    torch.set_num_threads(threads)
    field(SCREEN, PROTEINS[3], 2)
    assert digest(field(SCREEN, PROTEINS[9], 1)) == expected
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("at_once", [1, 7, 16])
def test_a_field_does_not_depend_on_how_many_cells_are_drawn_at_once(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = digest(fields_of(4)[0])
    monkeypatch.setattr(field_module, "_AT_ONCE", at_once)
    assert digest(field(SCREEN, PROTEINS[4], 0)) == expected


def test_another_seed_gives_other_cells_of_the_same_proteins() -> None:
    other = screen(compartments=FOUR, pathways_per_process=1, seed=1)
    assert proteins(other) == PROTEINS
    assert (field(other, PROTEINS[0], 0).labels != fields_of(0)[0].labels).mean() > 0.1


def test_proteins_and_fields_have_cells_of_their_own() -> None:
    rows = range(0, len(PROTEINS), 3)
    seen = {sha256(made.labels.tobytes()).digest() for row in rows for made in fields_of(row)}
    assert len(seen) == 2 * len(rows)


def test_a_screen_that_grows_keeps_the_fields_it_had() -> None:
    larger = screen(complexes_per_pathway=3, compartments=["vacuole", "actin", "nucleus"], fields_per_protein=9)
    before = next(protein for protein in PROTEINS if protein.place.symbol == "NUC2A1b")
    after = next(protein for protein in proteins(larger) if protein.place.symbol == "NUC2A1b")
    assert after.row != before.row
    np.testing.assert_array_equal(field(larger, after, 0).image, fields_of(before.row)[0].image)


def test_a_field_with_more_cells_has_those_it_had() -> None:
    few, many = (made_of(cells_per_field=n) for n in (6, 12))
    n = int(few.labels.max())
    assert n < many.labels.max()
    np.testing.assert_array_equal(np.where(many.labels <= n, many.labels, 0), few.labels)


def test_fields_go_on_after_the_last_and_begin_at_0() -> None:
    assert made_of(SCREEN.fields_per_protein + 7).labels.max() > 0
    with pytest.raises(ValueError):
        made_of(-1)


@given(
    size=st.integers(96, 200),
    n=st.integers(1, 40),
    pixel=st.sampled_from([0.1, 0.16, 0.3]),
    compartment=st.sampled_from(list(CODES)),
    seed=st.integers(0, 2**40),
    effect=st.sampled_from([0.0, 3.0, 10.0]),
    budded=st.sampled_from([0.0, 0.6, 0.95]),
    crowding=st.sampled_from([0.0, 1.0]),
)
@settings(max_examples=25)
def test_any_screen_gives_whole_fields(
    size: int, n: int, pixel: float, compartment: Compartment, seed: int, effect: float, budded: float, crowding: float
) -> None:
    made = made_of(
        field_size=size,
        cells_per_field=n,
        pixel_size_um=pixel,
        compartments=[compartment, "nucleus" if compartment != "nucleus" else "er"],
        seed=seed,
        effects={level: effect for level in ("process", "pathway", "complex", "protein")},
        budded=budded,
        crowding=crowding,
    )
    assert made.image.shape == (2, size, size) and made.image.dtype == np.uint16
    assert made.labels.shape == (size, size) and made.labels.dtype == np.uint32
    numbers = np.unique(made.labels[made.labels > 0])
    assert 1 <= len(numbers) <= n
    assert numbers.tolist() == list(range(1, len(numbers) + 1)), "every cell is seen and numbered in turn"
    assert np.percentile(made.image[0], 0.1) > 60 and np.mean(made.image == 2**16 - 1) < 0.01


@pytest.mark.parametrize("values", [{}, {"morphology": "human", "compartments": ["er", "nucleus"], "field_size": 256}])
def test_labels_match_the_cells_that_are_seen(values: dict[str, Any]) -> None:
    for number in range(3):
        made = made_of(number, **values)
        marker = ndimage.gaussian_filter(made.image[1].astype(float), 1)
        seen = marker > 100 + 0.22 * (np.percentile(marker, 99) - 100)
        labelled = made.labels > 0
        assert (seen & labelled).sum() / (seen | labelled).sum() > 0.85


def test_cells_without_room_are_left_out_and_never_overlap() -> None:
    for crowding in (0.0, 1.0):
        made = made_of(cells_per_field=150, field_size=128, crowding=crowding)
        assert 8 < made.labels.max() < 60
        for label in range(1, int(made.labels.max()) + 1):
            around = ndimage.binary_dilation(made.labels == label)
            assert set(np.unique(made.labels[around])) <= {0, label}


def test_whole_cells_are_in_one_piece() -> None:
    for row in (0, 12):
        for made in fields_of(row):
            for mask in whole_cells(made.labels):
                assert ndimage.label(mask)[1] == 1


def nearest(config: VirtualScreen) -> float:
    """Mean distance of the middle of a cell to the nearest other one, in pixels."""
    found = []
    for number in range(8):
        labels = field(config, first_of(config), number).labels
        middles = np.array(ndimage.center_of_mass(labels > 0, labels, np.arange(1, labels.max() + 1)))
        apart = np.linalg.norm(middles[:, None] - middles, axis=-1) + 1e9 * np.eye(len(middles))
        found.append(apart.min(1).mean())
    return float(np.mean(found))


def test_crowding_brings_cells_nearer_to_one_another() -> None:
    distances = [nearest(screen(crowding=share, cells_per_field=10)) for share in (0.0, 0.5, 1.0)]
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] < 0.75 * distances[0]


def test_the_field_is_darkest_between_cells_and_has_the_offset() -> None:
    made = made_of(camera={"background": 0, "read_noise": 0, "offset": 200})
    far = ndimage.distance_transform_edt(made.labels == 0) > 12
    assert far.sum() > 500
    assert made.image[:, far].mean() == pytest.approx(200, abs=2)


def test_illumination_falls_away_from_its_centre() -> None:
    camera = {"background": 10_000, "photons": 1, "marker_photons": 0, "gain": 1, "offset": 0}
    config = screen(conditions={"illumination": 0.5}, cells_per_field=1, field_size=128, camera=camera)
    protein = first_of(config)
    under = exposure(config, protein, 0)
    light = ndimage.gaussian_filter(field(config, protein, 0).image[0].astype(float), 2)
    profile = illumination((128, 128), 0.5, under.centre).double().numpy()
    inner = np.s_[4:-4, 4:-4]
    np.testing.assert_allclose((light / light.max())[inner], (profile / profile.max())[inner], atol=0.02)


STACK: dict[str, Any] = {"planes": 5, "z_step_um": 0.7, "defects": {}, "field_size": 128, "cells_per_field": 6}


def sharpness(image: npt.NDArray[Any]) -> float:
    """Variance of fine detail, of light scaled to its mean."""
    light = image.astype(float) - 100
    return float(ndimage.gaussian_laplace(light / light.mean(), 1.5).var())


def test_a_stack_has_planes_with_labels_of_their_own() -> None:
    stack = made_of(**STACK)
    assert stack.image.shape == (2, 5, 128, 128) and stack.image.dtype == np.uint16
    assert stack.labels.shape == (5, 128, 128) and stack.labels.dtype == np.uint32
    plain = made_of(**{**STACK, "planes": 1})
    np.testing.assert_array_equal(stack.labels[2], plain.labels)
    assert np.unique(stack.labels[2]).tolist() == list(range(int(stack.labels.max()) + 1))
    for plane in range(5):
        there = stack.labels[plane] > 0
        assert (stack.labels[plane][there] == stack.labels[2][there]).all(), "a cell is largest in the middle"
    areas = (stack.labels > 0).sum((1, 2))
    assert areas[2] > areas[1] > areas[0] and areas[2] > areas[3] > areas[4]


@pytest.mark.parametrize("mode", ["confocal", "widefield"])
def test_the_middle_plane_of_a_stack_is_sharpest(mode: str) -> None:
    bright = {"photons": 20_000, "marker_photons": 20_000, "background": 0}
    config = screen(**STACK, compartments=["cell_periphery", "er"], optics={"mode": mode}, camera=bright)
    stack = field(config, first_of(config), 0)
    for channel in (0, 1):
        sharp = [sharpness(plane) for plane in stack.image[channel]]
        assert int(np.argmax(sharp)) == 2, sharp
    if mode == "confocal":
        marker = (stack.image[1].astype(float) - 100).mean((1, 2))
        assert marker[2] > 1.5 * max(marker[0], marker[4]), "there is less of cells farther up and down"


def test_bleaching_dims_later_planes() -> None:
    camera = {"background": 0, "read_noise": 0}
    fresh, bleached = (made_of(**STACK, camera=camera, conditions={"bleaching": share}) for share in (0.0, 0.2))
    left = (bleached.image.astype(float) - 100).mean((2, 3)) / (fresh.image.astype(float) - 100).mean((2, 3))
    np.testing.assert_allclose(left, np.tile(0.8 ** np.arange(5), (2, 1)), rtol=0.03)
    np.testing.assert_array_equal(fresh.labels, bleached.labels)


def test_a_plane_of_a_stack_is_focused_as_a_plain_image_is() -> None:
    stack = made_of(**STACK).image[1, 2].astype(float)
    plain = made_of(**{**STACK, "planes": 1}).image[1].astype(float)
    assert np.corrcoef(stack.ravel(), plain.ravel())[0, 1] > 0.95
    # three planes of a plain image are too few for a thin confocal section
    assert 0.5 < (stack.mean() - 100) / (plain.mean() - 100) < 1.2


def test_planes_that_lie_close_are_each_in_focus_at_their_own_height() -> None:
    bright = {"photons": 100_000, "marker_photons": 100_000, "read_noise": 0, "gain": 0.1}
    bright = {"photons": 100_000, "marker_photons": 100_000, "read_noise": 0, "gain": 0.1}
    stack = made_of(**{**STACK, "z_step_um": 0.05}, camera=bright).image[1].astype(float)
    inside = stack.mean(0) > 0.5 * stack.max()
    steps = [abs((after - before)[inside].mean()) for before, after in pairwise(stack)]
    # from the lowest plane to the middle, light rises by like steps
    assert min(steps[:2]) > 0.2 * max(steps[:2])


def test_stacks_with_defects_are_refused_in_one_line() -> None:
    assert "stacks" in refusal(reader="virtual_screen", planes=3)


@pytest.mark.parametrize(
    "values",
    [
        {"pixel_size_um": 0.05, "field_size": 96},
        {"morphology": "human", "compartments": ["er", "golgi"], "pixel_size_um": 0.1, "field_size": 160},
    ],
)
def test_cells_that_do_not_fit_into_the_field_are_refused_in_one_line(values: dict[str, Any]) -> None:
    said = refusal(reader="virtual_screen", **values)
    assert "pixels long; expected at most" in said and "(field_size)" in said and "\n" not in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"planes": 64, "z_step_um": 5, "defects": {}}, "light spreads"),
        ({"optics": {"blur_um": 5}}, "light spreads"),
        ({"camera": {"bits": 12, "offset": 5000}}, "more than half of the 4096 counts"),
        (
            {"fields_per_protein": 1000, "cells_per_field": 500, "proteins_per_complex": 20},
            "expected at most 100000000",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(values: dict[str, Any], said: str) -> None:
    assert said in refusal(reader="virtual_screen", **values)


@pytest.mark.parametrize("conditions", [{"heights_um": 1.5}, {"focus_um": 1.5}, {"heights_um": 1.0, "focus_um": 1.0}])
def test_labels_of_a_stack_lie_where_the_cells_are(conditions: dict[str, Any]) -> None:
    made = made_of(
        planes=15, z_step_um=0.6, defects={}, field_size=160, cells_per_field=5, conditions=conditions, compartment="er"
    )
    planes = np.arange(15)
    light, labels = made.image[1].astype(float) - 112, made.labels
    apart = []
    for number in np.unique(labels[labels > 0]):
        column = (labels == number).any(0)
        seen = np.clip(light[:, column].sum(1), 0, None)
        if 2 < (planes * seen).sum() / seen.sum() < 12:  # of others the stack holds a part
            middle = (planes * (labels == number).sum((1, 2))).sum() / (labels == number).sum()
            apart.append(abs(middle - (planes * seen).sum() / seen.sum()))
    assert len(apart) >= 3 and np.median(apart) < 0.8, apart


def test_cells_out_of_focus_are_blurred() -> None:
    camera = {"photons": 20_000, "marker_photons": 20_000, "background": 0}
    config: dict[str, Any] = {
        "compartments": ["er", "golgi"],
        "optics": {"mode": "widefield"},
        "camera": camera,
    }
    for spread in ("heights_um", "focus_um"):
        flat, deep = (
            np.mean([sharpness(made_of(number, conditions={spread: um}, **config).image[0]) for number in range(4)])
            for um in (0.0, 2.0)
        )
        assert deep < 0.8 * flat, spread
    level, uneven = (made_of(conditions={"heights_um": um}, **config) for um in (0.0, 2.0))
    np.testing.assert_array_equal(level.labels, uneven.labels)


def features(made: Field) -> npt.NDArray[np.float64]:
    protein, marker = made.image[0] - 100.0, made.image[1] - 100.0
    return np.array([cell_features(protein, marker, mask) for mask in whole_cells(made.labels)])


def profiles_of(cells: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Mean features of each protein, in units of the cell-to-cell spread of each feature."""
    spread = np.sqrt(np.mean([one.var(axis=0) for one in cells], axis=0))
    return np.asarray(np.stack([one.mean(axis=0) for one in cells]) / spread)


@pytest.fixture(scope="module")
def profiles() -> npt.NDArray[np.float64]:
    return profiles_of([np.concatenate([features(made) for made in fields_of(row)]) for row in range(len(PROTEINS))])


def test_compartments_lie_where_their_names_say(profiles: npt.NDArray[np.float64]) -> None:
    def edge_share(row: int) -> float:
        """Brightness of the outer fifth of a cell against its mean."""
        ratios = []
        for made in fields_of(row):
            for mask in whole_cells(made.labels):
                depth = ndimage.distance_transform_edt(mask)
                values = made.image[0] - 100.0
                ratios.append(values[mask & (depth < 0.2 * depth.max())].mean() / values[mask].mean())
        return float(np.mean(ratios))

    rows = {name: TABLE.index[TABLE["compartment"] == name].tolist() for name in TABLE["compartment"].unique()}
    edge = {name: np.array([edge_share(row) for row in rows[name][::2]]) for name in rows}
    assert edge["nucleus"].max() < edge["cytoplasm"].mean() < edge["cell_periphery"].min()
    assert edge["vacuole"].max() < edge["cytoplasm"].mean()
    marker_correlation = {name: profiles[rows[name], 5] for name in rows}
    assert marker_correlation["vacuole"].max() < marker_correlation["cytoplasm"].min()


def test_the_nearest_protein_shares_the_compartment(profiles: npt.NDArray[np.float64]) -> None:
    distance = np.linalg.norm(profiles[:, None] - profiles[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    compartment = TABLE["compartment"].to_numpy()
    assert np.mean(compartment == compartment[distance.argmin(axis=1)]) > 0.9


def test_members_of_a_complex_are_nearer_than_of_a_process_than_of_a_compartment(
    profiles: npt.NDArray[np.float64],
) -> None:
    found: dict[str, list[float]] = {"complex": [], "process": [], "compartment": []}
    for first, second in combinations(range(len(TABLE)), 2):
        shared = [scale for scale in found if TABLE[scale][first] == TABLE[scale][second]]
        if shared:
            found[shared[0]].append(float(np.linalg.norm(profiles[first] - profiles[second])))
    median = {scale: np.median(distances) for scale, distances in found.items()}
    assert 2 * median["complex"] < median["process"] < median["compartment"]


def test_without_effects_proteins_of_a_compartment_look_alike(profiles: npt.NDArray[np.float64]) -> None:
    none = {level: 0.0 for level in ("process", "pathway", "complex", "protein")}
    config = screen(effects=none, compartments=["nucleus", "cytoplasm"], pathways_per_process=1)
    made = [np.concatenate([features(field(config, one, k)) for k in range(2)]) for one in proteins(config)]
    alike = profiles_of(made)

    def between_processes(means: npt.NDArray[np.float64]) -> float:
        return float(np.mean([np.linalg.norm(means[i] - means[i + 4]) for i in (0, 1, 2, 3, 8, 9, 10, 11)]))

    assert between_processes(alike) < 1.5 < between_processes(profiles[:16])
