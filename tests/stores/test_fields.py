"""OME-Zarr fields: valid for others, and what goes in comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ome_zarr_models.v05 import Image, ImageLabel

from multiscope.errors import InputError
from multiscope.stores.fields import channel_names, read_field, read_labels, write_field


def make(path: Path, shape: tuple[int, int] = (300, 280), dtype: Any = np.uint16) -> tuple[npt.NDArray[Any], Any]:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (2, *shape)).astype(dtype)
    labels = (rng.integers(0, 9, shape)).astype(np.uint32)
    write_field(path, image, channels=["gfp", "rfp"], pixel_size_um=0.2, labels=labels)
    return image, labels


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    shape=st.tuples(st.integers(1, 300), st.integers(1, 300)), dtype=st.sampled_from([np.uint8, np.uint16, np.float32])
)
def test_what_is_written_is_read_back_by_us_and_by_zarr(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int], dtype: Any
) -> None:
    path = tmp_path_factory.mktemp("fields") / "f.zarr"
    image, labels = make(path, shape, dtype)
    for read in (read_field(path), zarr.open_array(path / "0", mode="r")[...]):
        assert read.dtype == dtype
        np.testing.assert_array_equal(read, image)
    np.testing.assert_array_equal(read_labels(path), labels)
    assert channel_names(path) == ["gfp", "rfp"]


@pytest.mark.parametrize("pixel_size", [0.2, None])
def test_image_and_labels_are_valid(tmp_path: Path, pixel_size: float | None) -> None:
    image, labels = make(tmp_path / "f")
    write_field(tmp_path / "f", image, channels=["gfp", "rfp"], pixel_size_um=pixel_size, labels=labels)
    valid = Image.from_zarr(zarr.open_group(tmp_path / "f", mode="r"))
    assert [axis.name for axis in valid.ome_attributes.multiscales[0].axes] == ["c", "y", "x"]
    ImageLabel.from_zarr(zarr.open_group(tmp_path / "f" / "labels" / "cells", mode="r"))


@pytest.mark.filterwarnings("ignore")
def test_the_library_of_the_format_reads_pixels_labels_scales_and_names(tmp_path: Path) -> None:
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    image, labels = make(tmp_path / "f")
    location = parse_url(tmp_path / "f")
    assert location is not None
    nodes = list(Reader(location)())
    first = nodes[0]
    np.testing.assert_array_equal(np.asarray(first.data[0]), image)
    assert first.metadata["channel_names" if "channel_names" in first.metadata else "name"] == ["gfp", "rfp"]
    scales = [transforms[0]["scale"] for transforms in first.metadata["coordinateTransformations"]]
    assert scales == [[1.0, 0.2, 0.2], [1.0, 0.4, 0.4], [1.0, 0.8, 0.8]]
    found = [node for node in nodes if "cells" in str(node.zarr)]
    np.testing.assert_array_equal(np.asarray(found[0].data[0]), labels)


def test_the_pyramid_averages_images_and_picks_labels(tmp_path: Path) -> None:
    image, labels = make(tmp_path / "f")
    level = zarr.open_array(tmp_path / "f" / "1", mode="r")[...]
    means = image.reshape(2, 150, 2, 140, 2).mean(axis=(2, 4))
    np.testing.assert_array_equal(level, np.rint(means))
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "f" / "labels/cells/1", mode="r")[...], labels[::2, ::2])


def test_damage_is_told_instead_of_zeros(tmp_path: Path) -> None:
    make(tmp_path / "f")
    (shard,) = (path for path in (tmp_path / "f" / "0").rglob("*") if path.is_file() and path.name != "zarr.json")
    content = bytearray(shard.read_bytes())
    content[100] ^= 0xFF
    shard.write_bytes(content)
    for damage in (lambda: None, lambda: shard.write_bytes(content[:500]), shard.unlink):
        damage()
        with pytest.raises(InputError, match="damaged: ") as caught:
            read_field(tmp_path / "f")
        assert "\n" not in str(caught.value)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none: is not an OME-Zarr 0\.5 image"):
        read_field(tmp_path / "none")
    zarr.create_group(tmp_path / "g", zarr_format=3)
    with pytest.raises(InputError, match=r"g: is not an OME-Zarr 0\.5 image"):
        read_field(tmp_path / "g")


def test_channels_have_to_be_as_many_as_planes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="with 1 channels"):
        write_field(tmp_path / "f", np.zeros((2, 4, 4), np.uint8), channels=["a"], pixel_size_um=None)
