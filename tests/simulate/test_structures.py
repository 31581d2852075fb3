"""Virtual structures: reproducible one by one, of the planted physics, and worth restoring once they are degraded."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import center_of_mass, label
from skimage.measure import euler_number
from skimage.metrics import peak_signal_noise_ratio

from multiscope.config import Axial, Blur, VirtualStructures
from multiscope.simulate.defects import degrade
from multiscope.simulate.structures import nuclei
from multiscope.simulate.structures.ellipsoids import GAP_UM, scattered
from multiscope.simulate.structures.field import DRAWINGS, OFFSET, field, stream
from multiscope.simulate.structures.points import PSF_UM, light_of
from multiscope.simulate.structures.room import first_come
from multiscope.simulate.structures.tubules import LENGTH_UM, STEP_UM, walks

NAMES = sorted(DRAWINGS)
Plane = npt.NDArray[np.float64]


def structures(structure: str, **values: Any) -> VirtualStructures:
    return VirtualStructures.model_validate({"reader": "virtual_structures", "structure": structure, **values})


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def light(config: VirtualStructures, seed: int = 0, section: int = 0) -> Plane:
    return DRAWINGS[config.structure](config, rng(seed), section=section)


def test_a_seed_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "from hashlib import sha256; from multiscope.config import VirtualStructures;"
        "from multiscope.simulate.structures.field import DRAWINGS, field;"
        "made = [field(VirtualStructures(reader='virtual_structures', structure=s), 5) for s in sorted(DRAWINGS)];"
        "print(sha256(b''.join(image.tobytes() for image in made)).hexdigest())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    made = b"".join(field(structures(name), 5).tobytes() for name in NAMES)
    assert run.stdout.strip() == sha256(made).hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_an_image_alone_is_that_of_the_sequence_and_no_other(name: str) -> None:
    sequence = [field(structures(name), number) for number in range(6)]
    np.testing.assert_array_equal(field(structures(name, n_images=5000), 4), sequence[4])
    others = [*sequence, *(field(structures(name, seed=1), number) for number in range(6))]
    assert len({image.tobytes() for image in others}) == 12
    flat = np.stack([image.ravel() for image in others]).astype(np.float64)
    assert np.corrcoef(flat)[np.triu_indices(12, 1)].max() < 0.8


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [32, 150])
@pytest.mark.parametrize("scale", [0, 1])
def test_any_configuration_gives_whole_images(name: str, size: int, scale: int) -> None:
    pixel = ((0.1, 0.5) if name == "nuclei" else (0.02, 0.1))[scale]
    for density in (0.01, 1.0):
        config = structures(
            name, image_size=size, pixel_size_um=pixel, density=density, peak_photons=10_000, seed=2**40
        )
        image = field(config, 1)
        assert image.shape == (1, size, size) and image.dtype == np.uint16
        assert image.min() > OFFSET and image.max() < np.iinfo(np.uint16).max


def test_there_is_no_image_before_the_first() -> None:
    with pytest.raises(IndexError):
        field(structures("tubules"), -1)


def test_points_keep_their_place_and_their_light() -> None:
    for pixel in (0.02, 0.05, 0.1):
        places = rng().uniform(20 * pixel, 40 * pixel, (5, 2))
        for place in places:
            seen = light_of(place[None], np.array([3.0]), size=60, pixel_size_um=pixel)
            assert seen.sum() * pixel**2 == pytest.approx(3, rel=1e-3)
            np.testing.assert_allclose(np.array(center_of_mass(seen)) * pixel, place, atol=1e-3 * pixel)
    outside = light_of(np.array([[-0.06, 0.5], [9.0, 9.0]]), np.ones(2), size=20, pixel_size_um=0.05)
    assert outside[0].max() > 10 * outside[3].max() > 0


@pytest.mark.parametrize("persistence", [5.0, 20.0])
def test_walks_have_their_persistence_length(persistence: float) -> None:
    directions = rng(1).uniform(0, 6, 400)
    places = walks(rng(), directions, length_um=16, persistence_um=persistence)
    steps = np.diff(places, axis=1) / STEP_UM
    np.testing.assert_allclose(np.linalg.norm(steps, axis=2), 1)
    middle = steps.shape[1] // 2
    assert (places[:, middle] == 0).all()
    np.testing.assert_allclose(steps[:, middle - 1], np.stack([np.sin(directions), np.cos(directions)], axis=1))
    for apart in (1.0, 4.0):
        lag = round(apart / STEP_UM)
        cosines = (steps[:, lag:] * steps[:, :-lag]).sum(axis=2)
        assert -apart / (2 * np.log(cosines.mean())) == pytest.approx(persistence, rel=0.12)


def test_tubules_are_as_long_and_as_thin_as_they_should_be() -> None:
    config = structures("tubules", image_size=256)
    images = np.stack([light(config, seed) for seed in range(12)])
    # light is 1 on the ridge, so a micrometre of tubule has that of a line under a Gaussian
    length = images.mean() / (np.sqrt(2 * np.pi) * PSF_UM)
    assert length == pytest.approx(config.density / 100 * np.mean(LENGTH_UM), rel=0.15)
    assert 0.02 < (images > 0.5).mean() / length < 0.2, "micrometres across"


def test_vesicles_are_filled_or_rings() -> None:
    config = structures("granules", pixel_size_um=0.02, image_size=512, density=100)
    bright = light(config) > 0.35
    pieces, n = label(bright)
    holes = [1 - euler_number(pieces == number, connectivity=1) for number in range(1, n + 1)]
    assert 0.2 < np.mean(np.array(holes) > 0) < 0.8
    areas = np.bincount(pieces.ravel())[1:] * config.pixel_size_um**2
    across = 2 * np.sqrt(np.median(areas) / np.pi)
    assert 0.1 < across < 0.4


def test_granules_come_in_clusters() -> None:
    images = np.stack([light(structures("granules"), seed) for seed in range(40)])
    quarters = images.reshape(40, 4, 32, 4, 32).sum(axis=(2, 4))
    whole = images.sum(axis=(1, 2))
    # of independent ones the squared coefficient of variation falls as the area grows
    assert whole.std() / whole.mean() > 0.12
    assert np.corrcoef(quarters[:, 0].ravel(), quarters[:, 1].ravel())[0, 1] > 0.1


def test_the_first_to_come_stays() -> None:
    overlapping = np.array([[1, 2], [0, 1], [2, 3], [3, 4]])
    assert first_come(overlapping, 6).tolist() == [True, False, True, False, True, True]
    assert first_come(np.zeros((0, 2), dtype=np.intp), 2).all()


def test_nuclei_never_overlap() -> None:
    high = np.array([40.0, 20, 40])
    placed = scattered(rng(), low=np.zeros(3), high=high, density=2)
    assert len(placed) == pytest.approx(2 * np.prod(high) / 1000, rel=0.2)
    ways = rng(1).normal(size=(3, 500))
    ways /= np.linalg.norm(ways, axis=0)
    for one in placed:
        surface = one.axes.T @ ways
        np.testing.assert_allclose(one.depth(surface), 0, atol=1e-6)
        assert (np.abs(surface).max(axis=1) <= one.extent + 1e-9).all()
        for other in placed:
            if other is not one:
                assert other.depth(surface + (one.middle - other.middle)[:, None]).max() < -GAP_UM / 2


def whole_of(config: VirtualStructures) -> Plane:
    made = nuclei.Volume(config, stream(config, 0, 0))
    return made.planes(0, made.shape[1])


def test_a_section_is_a_plane_of_its_volume_and_the_volume_is_the_same_in_every_direction() -> None:
    config = structures("nuclei", image_size=96, sections_per_volume=8)
    whole = whole_of(config)
    assert whole.shape == (96, 64, 96)
    for section in (0, 5):
        plane = nuclei.nuclei(config, stream(config, 0, 0), section=section)
        np.testing.assert_array_equal(plane, whole[:, 8 * section + 4])
    steps = [np.abs(np.diff(whole, axis=axis)).mean() for axis in range(3)]
    np.testing.assert_allclose(steps, np.mean(steps), rtol=0.06)


def test_nuclei_have_a_bright_rim_and_dark_holes() -> None:
    config = structures("nuclei", image_size=64)
    made, whole = nuclei.Volume(config, stream(config, 0, 0)), whole_of(config)
    voxels = np.indices(whole.shape) * config.pixel_size_um
    depth = np.max([one.depth(voxels - one.middle[:, None, None, None]) for one in made.placed], axis=0)
    assert whole[depth < -4 * nuclei.PSF_UM].max() < 0.01
    assert whole[(depth > 0.2) & (depth < 0.5)].mean() > 1.15 * whole[depth > 1].mean()
    planes = [whole[:, y] > 0.2 for y in range(whole.shape[1])]
    assert max(label(plane)[1] - euler_number(plane, connectivity=1) for plane in planes) >= 1


def power(image: npt.NDArray[Any]) -> Plane:
    window = np.hanning(image.shape[0])[:, None] * np.hanning(image.shape[1])
    return np.asarray(np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2)


def fine(image: npt.NDArray[Any], *, axis: int) -> float:
    """Power above 0.15 cycles a pixel along one axis and below 0.02 along the other."""
    spectrum = np.moveaxis(power(image), axis, 0)
    frequency = np.abs(np.fft.fftfreq(len(spectrum)))
    return float(spectrum[np.ix_(frequency > 0.15, frequency < 0.02)].sum())


def test_a_degraded_section_loses_detail_along_its_rows_only() -> None:
    for number in range(3):
        clean = field(structures("nuclei"), number)[0].astype(np.float64)
        degraded = degrade(clean, Axial(), seed=0)
        assert fine(degraded, axis=0) < 0.1 * fine(clean, axis=0)
        assert fine(degraded, axis=1) == pytest.approx(fine(clean, axis=1), rel=0.2)


@pytest.mark.parametrize("name", NAMES)
def test_the_usual_defect_is_visible_and_restorable(name: str) -> None:
    config = structures(name)
    (defect,) = config.defects.values()
    for number in range(4):
        clean = field(config, number)[0].astype(np.float64)
        degraded = degrade(clean, defect, seed=number)
        low, high = np.percentile(clean, [0.1, 99.9])
        assert 15 < peak_signal_noise_ratio(clean, degraded, data_range=high - low) < 28
        assert np.corrcoef(clean.ravel(), degraded.ravel())[0, 1] > 0.5
        added = degraded.mean() - clean.mean()
        # `blur` adds the light of the medium, and no more than that; what leaves the image comes back at its borders
        most = 2 * defect.haze_level * (high - low) if isinstance(defect, Blur) else 0.0
        assert -0.01 * clean.mean() < added < most + 0.01 * clean.mean()
