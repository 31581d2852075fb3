"""Images written plane by plane: as whole ones, and valid."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from ome_zarr_models.v05 import Image

from multiscope.errors import InputError
from multiscope.stores import planes
from multiscope.stores.fields import read_field, write_field
from multiscope.stores.ome_metadata import OmeMetadata
from multiscope.stores.pixel_size import PixelSize
from multiscope.stores.planes import PlaneWriter, Step

SIZE = PixelSize(z=1.5, y=0.2, x=0.1)


def write(path: Path, image: Any, axes: str, channels: list[str], **options: Any) -> None:
    sizes = dict(zip(axes, image.shape, strict=True))
    writer = PlaneWriter(path, axes=axes, sizes=sizes, pixel_size=SIZE, **options)
    stack = [axis for axis in axes if axis in "tcz"]
    for index in product(*(range(sizes[axis]) for axis in stack)):
        writer.write(image[index], **dict(zip(stack, index, strict=True)))
    writer.describe(channels=channels)


@settings(max_examples=15)
@given(
    sizes=st.fixed_dictionaries({axis: st.integers(1, 3) for axis in "tcz"}),
    used=st.sets(st.sampled_from("tcz")),
    plane=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    dtype=st.sampled_from([np.uint8, np.uint16, np.uint32, np.float32]),
)
def test_what_is_written_is_read_by_others(
    tmp_path_factory: pytest.TempPathFactory, sizes: dict[str, int], used: set[str], plane: tuple[int, int], dtype: Any
) -> None:
    axes = "".join(axis for axis in "tcz" if axis in used) + "yx"
    shape = tuple(sizes[axis] for axis in axes if axis in "tcz") + plane
    image = (np.random.default_rng(0).random(shape) * 250).astype(dtype)
    path = tmp_path_factory.mktemp("planes") / "f"
    n_channels = sizes["c"] if "c" in used else 1
    write(path, image, axes, [f"c{number}" for number in range(n_channels)], steps={"t": Step(2.0, "second")})
    np.testing.assert_array_equal(zarr.open_array(path / "0", mode="r")[...], image)
    metadata = OmeMetadata(path)
    assert metadata.axes == axes and metadata.channels == [f"c{number}" for number in range(n_channels)]
    assert metadata.pixel_size == (SIZE if "z" in used else PixelSize(y=SIZE.y, x=SIZE.x))
    Image.from_zarr(zarr.open_group(path, mode="r"))


def test_it_is_as_if_written_at_once(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 60000, (2, 3, 300, 280)).astype(np.uint16)
    write(tmp_path / "planes", image, "czyx", ["a", "b"])
    write_field(tmp_path / "whole", image, channels=["a", "b"], pixel_size=SIZE)
    for level in ("0", "1", "2"):
        here, there = (zarr.open_array(tmp_path / name / level, mode="r")[...] for name in ("planes", "whole"))
        np.testing.assert_array_equal(here, there)
    groups = [zarr.open_group(tmp_path / name).attrs["ome"] for name in ("planes", "whole")]
    here, there = ([scales["datasets"] for scales in group["multiscales"]] for group in groups)  # type: ignore[call-overload, index, union-attr]
    assert here == there
    np.testing.assert_array_equal(read_field(tmp_path / "planes"), image)


def test_a_large_plane_is_several_shards_and_a_lost_one_is_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planes, "_SHARD_BYTES", 2**16)
    monkeypatch.setattr(planes, "_BLOCK", 256)
    image = np.zeros((1, 600, 300), np.uint16)
    write(tmp_path / "f", image, "cyx", ["a"])
    shards = [file for file in (tmp_path / "f" / "0" / "c").rglob("*") if file.is_file()]
    assert len(shards) == 3 * 2
    np.testing.assert_array_equal(read_field(tmp_path / "f"), image)
    shards[2].unlink()
    with pytest.raises(InputError, match="damaged"):
        read_field(tmp_path / "f")
