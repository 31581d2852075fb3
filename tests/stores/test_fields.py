"""OME-Zarr fields: valid for others, and what goes in comes out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ngff_zarr
import numpy as np
import numpy.typing as npt
import pytest
import zarr
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ome_zarr_models.v05 import Image, ImageLabel

from multiscope.errors import InputError
from multiscope.stores import fields
from multiscope.stores.chunks import Chunks
from multiscope.stores.fields import channel_names, read_field, read_labels, read_pixel_size, write_field
from multiscope.stores.pixel_size import PixelSize

KNOWN = PixelSize(y=0.2, x=0.25)
Array = npt.NDArray[Any]


def draw(shape: tuple[int, ...], dtype: Any = np.uint16, n_channels: int = 2) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    top = 1.0 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    image = (rng.random((n_channels, *shape)) * top).astype(dtype)
    return image, rng.integers(0, 9, shape).astype(np.uint32)


def make(path: Path, shape: tuple[int, ...] = (300, 280), dtype: Any = np.uint16) -> tuple[Array, Array]:
    image, labels = draw(shape, dtype)
    write_field(path, image, channels=["gfp", "rfp"], pixel_size=KNOWN, labels=labels)
    return image, labels


def shards(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file() and file.name != "zarr.json")


sizes = st.one_of(st.none(), st.floats(1e-3, 1e3))


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    shape=st.one_of(
        st.tuples(st.integers(1, 300), st.integers(1, 300)),
        st.tuples(st.integers(1, 20), st.integers(1, 140), st.integers(1, 140)),
    ),
    dtype=st.sampled_from([np.uint8, np.uint16, np.uint32, np.float32]),
    n_channels=st.integers(1, 4),
    pixel_size=st.builds(PixelSize, z=sizes, y=sizes, x=sizes),
)
@example(shape=(1, 1), dtype=np.uint16, n_channels=1, pixel_size=PixelSize())
@example(shape=(9, 257, 513), dtype=np.uint8, n_channels=2, pixel_size=PixelSize(z=1.5, y=0.1, x=0.1))
def test_what_is_written_is_read_back_by_us_and_two_others(
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[int, ...],
    dtype: Any,
    n_channels: int,
    pixel_size: PixelSize,
) -> None:
    path = tmp_path_factory.mktemp("fields") / "f.zarr"
    image, labels = draw(shape, dtype, n_channels)
    names = [f"channel {i} β" for i in range(n_channels)]
    write_field(path, image, channels=names, pixel_size=pixel_size, labels=labels)
    third = ngff_zarr.from_ngff_zarr(str(path)).images[0]
    for read in (read_field(path), zarr.open_array(path / "0", mode="r")[...], np.asarray(third.data)):
        assert read.dtype == dtype
        np.testing.assert_array_equal(read, image)
    np.testing.assert_array_equal(read_labels(path), labels)
    assert channel_names(path) == names
    spatial = "zyx"[-len(shape) :]
    assert read_pixel_size(path) == PixelSize(**{axis: getattr(pixel_size, axis) for axis in spatial})
    assert read_pixel_size(path / "labels" / "cells") == read_pixel_size(path)
    assert [third.scale[axis] for axis in spatial] == [getattr(pixel_size, axis) or 1.0 for axis in spatial]


@pytest.mark.parametrize("pixel_size", [KNOWN, PixelSize(), PixelSize(z=0.5)])
@pytest.mark.parametrize("shape", [(300, 280), (12, 130, 280)])
def test_image_and_labels_are_valid(tmp_path: Path, shape: tuple[int, ...], pixel_size: PixelSize) -> None:
    image, labels = draw(shape)
    write_field(tmp_path / "f", image, channels=["gfp", "rfp"], pixel_size=pixel_size, labels=labels)
    valid = Image.from_zarr(zarr.open_group(tmp_path / "f", mode="r"))
    axes = valid.ome_attributes.multiscales[0].axes
    assert [axis.name for axis in axes] == list("czyx" if len(shape) == 3 else "cyx")
    assert [getattr(axis, "unit", None) for axis in axes][1:] == [
        "micrometer" if getattr(pixel_size, str(axis.name)) else None for axis in axes[1:]
    ]
    ImageLabel.from_zarr(zarr.open_group(tmp_path / "f" / "labels" / "cells", mode="r"))
    assert zarr.open_array(tmp_path / "f" / "0").metadata.dimension_names == tuple(axis.name for axis in axes)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", [(300, 280), (12, 300, 280)])
def test_the_library_of_the_format_reads_pixels_labels_scales_and_names(tmp_path: Path, shape: tuple[int, ...]) -> None:
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    image, labels = make(tmp_path / "f", shape)
    location = parse_url(tmp_path / "f")
    assert location is not None
    nodes = list(Reader(location)())
    first = nodes[0]
    np.testing.assert_array_equal(np.asarray(first.data[0]), image)
    assert first.metadata["channel_names" if "channel_names" in first.metadata else "name"] == ["gfp", "rfp"]
    scales = [transforms[0]["scale"] for transforms in first.metadata["coordinateTransformations"]]
    depth = [1.0] * (len(shape) - 2)
    assert scales == [[1.0, *depth, 0.2, 0.25], [1.0, *depth, 0.4, 0.5], [1.0, *depth, 0.8, 1.0]]
    found = [node for node in nodes if "cells" in str(node.zarr)]
    np.testing.assert_array_equal(np.asarray(found[0].data[0]), labels)


def test_a_binned_pixel_lies_between_those_it_was_made_of(tmp_path: Path) -> None:
    make(tmp_path / "f")
    _, *levels = OmeAttributes(tmp_path / "f").levels
    shifts = [level["coordinateTransformations"][1]["translation"] for level in levels]
    np.testing.assert_allclose(shifts, [[0, 0.1, 0.125], [0, 0.3, 0.375]])


class OmeAttributes:
    def __init__(self, path: Path) -> None:
        self.file = path / "zarr.json"
        self.content = json.loads(self.file.read_text())
        self.ome = self.content["attributes"]["ome"]
        self.levels = self.ome["multiscales"][0]["datasets"]


@pytest.mark.parametrize("shape", [(300, 280), (3, 301, 281)])
def test_the_pyramid_averages_images_and_picks_labels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    image, labels = make(tmp_path / "f", shape)
    level = zarr.open_array(tmp_path / "f" / "1", mode="r")[...]
    even = image[..., :300, :280]
    means = even.reshape(*even.shape[:-2], 150, 2, 140, 2).astype(float).mean(axis=(-3, -1))
    np.testing.assert_array_equal(level, np.rint(means))
    picked = labels[..., :300:2, :280:2]
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "f" / "labels/cells/1", mode="r")[...], picked)


def test_means_of_the_largest_numbers_stay_in_range(tmp_path: Path) -> None:
    for dtype in (np.uint8, np.uint32, np.float32):
        largest = np.finfo(dtype).max if dtype is np.float32 else np.iinfo(dtype).max
        write_field(tmp_path / "f", np.full((1, 128, 128), largest, dtype), channels=["a"])
        assert (zarr.open_array(tmp_path / "f" / "1", mode="r")[...] == largest).all()


def test_a_level_is_one_shard_and_all_of_its_chunks_are_written_even_if_dark(tmp_path: Path) -> None:
    write_field(tmp_path / "f", np.zeros((2, 10, 600, 300), np.uint16), channels=["a", "b"])
    assert len(shards(tmp_path / "f" / "0")) == 1
    read_field(tmp_path / "f")
    assert Chunks(tmp_path / "f" / "0").shard_shape == (2, 16, 768, 512)


@pytest.mark.parametrize(
    ("limit", "shape"),
    [(2**21, (2, 16, 256, 256)), (2**20, (1, 16, 256, 256)), (2**19, (1, 8, 256, 256)), (1, (1, 8, 256, 256))],
)
def test_a_level_too_large_for_one_shard_is_cut_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, shape: tuple[int, ...]
) -> None:
    monkeypatch.setattr(fields, "_SHARD_BYTES", limit)
    monkeypatch.setattr(fields, "_BLOCK", 256)
    image, _ = draw((10, 300, 280), np.uint8)
    write_field(tmp_path / "f", image, channels=["a", "b"])
    monkeypatch.setattr(fields, "_SHARD_BYTES", 2**30)
    np.testing.assert_array_equal(read_field(tmp_path / "f"), image)
    assert Chunks(tmp_path / "f" / "0").shard_shape == shape


def test_every_channel_has_its_own_color_and_a_window_that_viewers_accept(tmp_path: Path) -> None:
    image = np.zeros((5, 64, 64), np.uint16)
    image[1] = np.arange(64 * 64).reshape(64, 64)
    image[1, 0, 0] = 60000
    write_field(tmp_path / "f", image, channels=list("abcde"))
    channels = OmeAttributes(tmp_path / "f").ome["omero"]["channels"]
    assert len({channel["color"] for channel in channels}) == 5
    for channel in channels:
        window = channel["window"]
        assert window["min"] <= window["start"] < window["end"] <= window["max"]
    assert channels[1]["window"]["max"] == 60000
    assert 4000 < channels[1]["window"]["end"] < 5000
    write_field(tmp_path / "f", image[:1], channels=["a"])
    assert OmeAttributes(tmp_path / "f").ome["omero"]["channels"][0]["color"] == "FFFFFF"


def flip(shard: Path) -> None:
    content = bytearray(shard.read_bytes())
    content[100] ^= 0xFF
    shard.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        flip,
        lambda shard: shard.write_bytes(shard.read_bytes()[:500]),
        lambda shard: shard.write_bytes(b""),
        Path.unlink,
    ],
    ids=["flip", "truncated", "empty", "missing"],
)
@pytest.mark.parametrize("what", ["0", "labels/cells/0"])
def test_damage_is_told_instead_of_zeros(tmp_path: Path, damage: Callable[[Path], Any], what: str) -> None:
    make(tmp_path / "f")
    (shard,) = shards(tmp_path / "f" / what)
    damage(shard)
    with pytest.raises(InputError, match="damaged: ") as caught:
        (read_labels if "labels" in what else read_field)(tmp_path / "f")
    assert "\n" not in str(caught.value)
    assert what in str(caught.value) and "make the store again" in str(caught.value)


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    attributes = OmeAttributes(path)
    change(attributes.ome)
    attributes.file.write_text(json.dumps(attributes.content))


@pytest.mark.parametrize(
    "change",
    [
        lambda ome: ome.pop("multiscales"),
        lambda ome: ome.update(multiscales=[]),
        lambda ome: ome.update(multiscales="much"),
        lambda ome: ome["multiscales"][0].update(axes=[]),
        lambda ome: ome["multiscales"][0].update(axes=[{"name": name} for name in "tyx"]),
        lambda ome: ome["multiscales"][0].update(datasets=[{}]),
        lambda ome: ome["multiscales"][0]["datasets"][0].update(path=["0"]),
        lambda ome: ome["multiscales"][0]["datasets"][0].update(path="../g/0"),
        lambda ome: ome["multiscales"][0]["datasets"][0].update(path="0/../../g/0"),
        lambda ome: ome["multiscales"][0]["datasets"][0].update(path="/etc"),
        lambda ome: ome["multiscales"][0]["datasets"][0].update(path="link"),
        lambda ome: ome["multiscales"][0]["datasets"][0].update(path="9"),
        lambda ome: ome["multiscales"][0]["datasets"][0].update(path="0\u202e\n"),
    ],
)
def test_damaged_metadata_is_one_line(tmp_path: Path, change: Callable[[Any], Any]) -> None:
    make(tmp_path / "f")
    make(tmp_path / "g")
    (tmp_path / "f" / "link").symlink_to(tmp_path / "g" / "0")
    edit(tmp_path / "f", change)
    with pytest.raises(InputError, match=r"f(/9)?: damaged: ") as caught:
        read_field(tmp_path / "f")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 10**5, '{"attributes": {"ome": 5}}', "\udcff"])
def test_broken_json_is_one_line(tmp_path: Path, text: str) -> None:
    make(tmp_path / "f")
    (tmp_path / "f" / "zarr.json").write_bytes(text.encode(errors="surrogateescape"))
    for read in (read_field, channel_names, read_pixel_size):
        with pytest.raises(InputError, match=r"f: (damaged: its metadata cannot be read|is not an OME-Zarr)") as caught:
            read(tmp_path / "f")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scale", [None, [1.0], "abc", [1.0, "x", 1.0], [1.0, None, 1.0]])
def test_a_damaged_pixel_size_is_one_line(tmp_path: Path, scale: Any) -> None:
    make(tmp_path / "f")
    edit(tmp_path / "f", lambda ome: OmeScale(ome).replace(scale))
    with pytest.raises(InputError, match="f: damaged: its metadata cannot be read"):
        read_pixel_size(tmp_path / "f")


class OmeScale:
    def __init__(self, ome: Any) -> None:
        self.transforms = ome["multiscales"][0]["datasets"][0]["coordinateTransformations"]

    def replace(self, scale: Any) -> None:
        self.transforms[0]["scale"] = scale


@pytest.mark.parametrize("shape", [[2, 10**6, 10**6], [2, 20_000, 20_000], [2, 2**40, 2**40]])
def test_an_array_that_claims_to_be_huge_is_refused_before_it_is_allocated(tmp_path: Path, shape: list[int]) -> None:
    make(tmp_path / "f")
    file = tmp_path / "f" / "0" / "zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"shape": shape}))
    with pytest.raises(InputError, match=r"f/0: damaged: (claims \d+ shards|its shard c/0/0/1 is missing)"):
        read_field(tmp_path / "f")


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none: is not an OME-Zarr 0\.5 image"):
        read_field(tmp_path / "none")
    zarr.create_group(tmp_path / "g", zarr_format=3)
    with pytest.raises(InputError, match=r"g: is not an OME-Zarr 0\.5 image"):
        read_field(tmp_path / "g")


def test_shapes_have_to_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="with 1 channels"):
        write_field(tmp_path / "f", np.zeros((2, 4, 4), np.uint8), channels=["a"])
    with pytest.raises(ValueError, match="labels have shape"):
        write_field(tmp_path / "f", np.zeros((1, 4, 4), np.uint8), channels=["a"], labels=np.zeros((4, 5), int))
