"""Fields put together from images: channels, stacks, time points, labels, pixel sizes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiscope.config import FieldsFolder
from multiscope.data.readers.plan import LabelSource, Part, PlannedField
from multiscope.data.readers.planned import PlannedReader
from multiscope.errors import InputError
from multiscope.images.image import ImageInfo
from multiscope.stores.pixel_size import PixelSize


class Pixels:
    """An image in memory, (T, C, Z, Y, X)."""

    def __init__(self, pixels: np.ndarray[Any, Any], name: str = "image", **facts: Any) -> None:
        self.pixels = pixels
        t, c, z, y, x = pixels.shape
        shape, where = (t, c, z, y, x), f"{name}.tif"
        self.info = ImageInfo(
            name=name, where=where, format="TIFF", shape=shape, dtype=pixels.dtype, **{"channels": (), **facts}
        )

    def read(self, *, time: int = 0, channels: Sequence[int] | None = None) -> np.ndarray[Any, Any]:
        return self.pixels[time] if channels is None else self.pixels[time, list(channels)]

    def read_labels(self, name: str, *, time: int = 0) -> np.ndarray[Any, Any]:
        raise AssertionError


def stack(*shape: int, seed: int = 0, dtype: Any = np.uint16) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)


def planned(parts: Sequence[Part], name: str = "f", time: int = 0, **facts: Any) -> PlannedField:
    values = {"protein": "", "plate": "", "well": "", "site": "", "stack": name} | facts
    return PlannedField(name=name, time=time, parts=tuple(parts), **values)


def reader(fields: Sequence[PlannedField], **config: Any) -> PlannedReader:
    section = FieldsFolder(reader="fields", images=Path("images"), channels=["a", "b"], **config)
    return PlannedReader(fields, section, where="images", inputs={}, counts={})


def test_channels_of_one_image_and_of_several() -> None:
    both, alone = Pixels(stack(1, 3, 1, 6, 7)), Pixels(stack(1, 1, 1, 6, 7, seed=1))
    inside = reader([planned([Part(both, 2), Part(both, 0)])]).read(0)
    np.testing.assert_array_equal(inside.image, both.pixels[0, [2, 0], 0])
    beside = reader([planned([Part(both, 1), Part(alone, 0)])]).read(0)
    np.testing.assert_array_equal(beside.image, np.stack([both.pixels[0, 1, 0], alone.pixels[0, 0, 0]]))


def test_stacks_stay_stacks_or_are_flattened() -> None:
    image = Pixels(stack(1, 2, 5, 6, 7))
    labels = Pixels(stack(1, 1, 5, 6, 7, seed=2))
    field = planned([Part(image, 0), Part(image, 1)], labels=LabelSource(labels))
    kept = reader([field]).read(0)
    assert kept.labels is not None
    np.testing.assert_array_equal(kept.image, image.pixels[0])
    np.testing.assert_array_equal(kept.labels, labels.pixels[0, 0])
    pixels, marked = image.pixels[0], labels.pixels[0, 0]
    for how, expected, marks in (
        ("max", pixels.max(axis=1), marked.max(axis=0)),
        ("central", pixels[:, 2], marked[2]),
    ):
        flat = reader([field], z=how).read(0)
        assert flat.labels is not None
        np.testing.assert_array_equal(flat.image, expected)
        np.testing.assert_array_equal(flat.labels, marks)


def test_time_points_are_fields_that_share_a_stack() -> None:
    movie = Pixels(stack(12, 2, 1, 6, 7), name="movie")
    fields = [planned([Part(movie, 0), Part(movie, 1)], name="movie", time=t) for t in range(12)]
    read = reader(fields)
    assert read.fields["field_id"].tolist()[:2] == ["movie_t00", "movie_t01"]
    assert set(read.fields["stack"]) == {"movie"}
    np.testing.assert_array_equal(read.read(11).image, movie.pixels[11, :, 0])


def test_sizes_types_and_labels_that_do_not_fit_are_refused() -> None:
    one, small = Pixels(stack(1, 1, 1, 6, 7), name="one"), Pixels(stack(1, 1, 1, 6, 5), name="small")
    deep = Pixels(stack(1, 1, 1, 6, 7, dtype=np.uint8), name="deep")
    cases = ((small, r"small\.tif: is 6 x 5 uint16, but one\.tif is 6 x 7"), (deep, r"deep\.tif: is 6 x 7 uint8"))
    for other, match in cases:
        with pytest.raises(InputError, match=match):
            reader([planned([Part(one, 0), Part(other, 0)])]).read(0)
    two = [Part(one, 0), Part(one, 0)]
    with pytest.raises(InputError, match=r"small\.tif: has 6 x 5 pixels, but one\.tif has 6 x 7"):
        reader([planned(two, labels=LabelSource(small))]).read(0)
    halves = Pixels(np.full((1, 1, 1, 6, 7), 0.5, np.float32), name="halves")
    with pytest.raises(InputError, match=r"halves\.tif: has values that are no labels"):
        reader([planned(two, labels=LabelSource(halves))]).read(0)


def test_one_pixel_size_for_all() -> None:
    sizes = [PixelSize(0.5, 0.1, 0.1), PixelSize(0.5, 0.1004, 0.1004), PixelSize(0.5, 0.2, 0.2)]
    images = [Pixels(stack(1, 2, 1, 6, 7), name=f"i{n}", pixel_size=size) for n, size in enumerate(sizes)]
    fields = [planned([Part(image, 0), Part(image, 1)], name=image.info.name) for image in images]
    assert reader(fields[:2]).pixel_size == sizes[0]
    with pytest.raises(InputError, match=r"i2\.tif: has pixels of 0\.5 x 0\.2 x 0\.2 um \(z, y, x\), but i0\.tif of"):
        reader(fields)
    assert reader(fields, pixel_size_um=0.3).pixel_size == PixelSize(0.5, 0.3, 0.3)


def test_the_distance_of_planes_is_that_of_the_stacks() -> None:
    def fields(*images: Pixels) -> list[PlannedField]:
        return [planned([Part(image, 0), Part(image, 1)], name=image.info.name) for image in images]

    plane = Pixels(stack(1, 2, 1, 6, 7), name="plane", pixel_size=PixelSize(None, 0.1, 0.1))
    other = Pixels(stack(1, 2, 1, 6, 7), name="other", pixel_size=PixelSize(9, 0.1, 0.1))
    deep = Pixels(stack(1, 2, 3, 6, 7), name="deep", pixel_size=PixelSize(0.5, 0.1, 0.1))
    deeper = Pixels(stack(1, 2, 3, 6, 7), name="deeper", pixel_size=PixelSize(0.7, 0.1, 0.1))
    assert reader(fields(plane, other)).pixel_size == PixelSize(None, 0.1, 0.1)
    assert reader(fields(plane, other, deep)).pixel_size == PixelSize(0.5, 0.1, 0.1)
    with pytest.raises(
        InputError, match=r"deeper\.tif: has pixels of 0\.7 .*, but deep\.tif of 0\.5 .*: make data sets"
    ):
        reader(fields(deep, deeper), pixel_size_um=0.1)


def test_a_channel_that_the_file_calls_otherwise_is_remarked() -> None:
    alone = [Pixels(stack(1, 1, 1, 6, 7), name=f"i{n}", channels=("DAPI",)) for n in range(3)]
    named = Pixels(stack(1, 2, 1, 6, 7), name="named", channels=("a", "b"))
    fields = [planned([Part(image, 0), Part(named, 1)], name=image.info.name) for image in alone]
    assert reader(fields).remarks == ["i0.tif: its channel 'DAPI' is taken for 'a', as in 2 more"]


def test_fields_beyond_the_limit_are_counted() -> None:
    image = Pixels(stack(9, 2, 1, 6, 7))
    fields = [planned([Part(image, 0), Part(image, 1)], time=t) for t in range(9)]
    read = reader(fields, max_fields=4)
    assert len(read.fields) == 4
    assert read.counts["fields"].dropped == {"beyond max_fields": 5}


def test_proteins_from_a_plate_map(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("well,protein\nA01,ACT1\nA02,TUB1\n")
    image = Pixels(stack(1, 2, 1, 6, 7))
    fields = [
        planned([Part(image, 0), Part(image, 1)], name=f"f{n}", well=well, protein=protein)
        for n, (well, protein) in enumerate([("A01", ""), ("A02", ""), ("A02", "XYZ")])
    ]
    assert reader(fields, plate_map=tmp_path / "map.csv").fields["protein"].tolist() == ["ACT1", "TUB1", "XYZ"]
