"""Whole stores: same sizes, names and numbers; stacks exposed as one; any image the same alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from multiscope.config import Blur, HotPixels, Noise
from multiscope.errors import InputError
from multiscope.folders.manifest import read_manifest, verify
from multiscope.images.open import open_images
from multiscope.simulate.defects.store import degrade_store
from multiscope.stores.fields import channel_names, read_field, read_pixel_size, write_field
from multiscope.stores.pixel_size import PixelSize
from multiscope.stores.plates import describe_store
from tests.simulate.defects.specimens import specimen


def stack() -> np.ndarray:
    """Two channels, three planes of which the last is out of focus, and dim."""
    plane = specimen(height=70, width=80)
    planes = np.stack([plane, plane, np.full_like(plane, 100) + (plane - 100) // 20])
    return np.stack([planes, planes[:, ::-1]])


def test_a_stack_keeps_its_shape_names_and_sizes(tmp_path: Path) -> None:
    source, out = tmp_path / "image.zarr", tmp_path / "out"
    size = PixelSize(0.5, 0.1, 0.1)
    write_field(source, stack(), channels=["dna", "actin"], pixel_size=size)
    degrade_store(source, out, Noise(), seed=0)
    verify(out, full=True)
    made = out / "degraded.zarr" / "image.zarr"
    degraded = read_field(made)
    assert degraded.shape == stack().shape and degraded.dtype == np.uint16
    assert channel_names(made) == ["dna", "actin"] and read_pixel_size(made) == size
    noise = degraded.astype(float) - stack()
    bright, dim = noise[0, 0].std(), noise[0, 2].std()
    assert dim < 0.7 * bright, "a dim plane of a stack is exposed like the others"
    assert read_manifest(out)["config"]["defect"]["model"] == "noise"


def test_plates_stay_plates_and_an_image_is_the_same_alone(tmp_path: Path) -> None:
    source = tmp_path / "plate.zarr"
    paths = ["A/1/0", "A/1/1", "B/2/0"]
    for number, path in enumerate(paths):
        write_field(source / path, (specimen() + number)[None], channels=["dna"])
    describe_store(source, paths, plate="p")
    degrade_store(source, tmp_path / "out", Blur(), seed=1)
    with open_images(tmp_path / "out" / "degraded.zarr") as found:
        infos = [image.info for image in found]
    assert [(info.well, info.site) for info in infos] == [("A01", "0"), ("A01", "1"), ("B02", "0")]
    describe_store(source, paths[1:], plate="p")
    degrade_store(source, tmp_path / "fewer", Blur(), seed=1)
    for path in paths[1:]:
        whole, fewer = (read_field(tmp_path / out / "degraded.zarr" / path) for out in ("out", "fewer"))
        np.testing.assert_array_equal(whole, fewer)
    first, second = (read_field(tmp_path / "out" / "degraded.zarr" / path).astype(int) for path in paths[:2])
    assert np.mean(first + 1 != second) > 0.5, "each image has its own noise"


def test_time_points_of_a_folder_of_files_become_images(tmp_path: Path) -> None:
    source = tmp_path / "files"
    source.mkdir()
    series = np.stack([specimen(), 2 * specimen()])
    tifffile.imwrite(source / "a.tif", series, imagej=True, metadata={"axes": "TYX"})
    tifffile.imwrite(source / "b.tif", specimen("uint8"))
    (source / "broken.tif").write_bytes(b"II*\0 nothing")
    degrade_store(source, tmp_path / "out", HotPixels(hot=0.01), seed=0)
    store = tmp_path / "out" / "degraded.zarr"
    with open_images(store) as found:
        infos = {image.info.name: image.info for image in found}
    assert {info.shape for info in infos.values()} == {(1, 1, 1, 96, 96)} and len(infos) == 3
    assert np.mean(read_field(store / "a.tif_t0001") == 2 * specimen()) > 0.9
    assert read_field(store / "b.tif").dtype == np.uint8
    assert list(read_manifest(tmp_path / "out")["notes"]["refused"]) == ["broken.tif"]


def test_strength_zero_gives_the_same_pixels(tmp_path: Path) -> None:
    write_field(tmp_path / "image.zarr", stack(), channels=["dna", "actin"])
    degrade_store(tmp_path / "image.zarr", tmp_path / "out", Noise(strength=0), seed=0)
    np.testing.assert_array_equal(read_field(tmp_path / "out" / "degraded.zarr" / "image.zarr"), stack())


def test_a_folder_without_images_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("nothing")
    with pytest.raises(InputError) as fault:
        degrade_store(tmp_path / "empty", tmp_path / "out", Noise(), seed=0)
    assert "\n" not in str(fault.value)
    assert not (tmp_path / "out").exists()
