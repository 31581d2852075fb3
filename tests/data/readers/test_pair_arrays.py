"""Pairs of degraded and clean images in arrays."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from multiscope.config import PairArrays
from multiscope.data.readers.pair_arrays import PairArraysReader
from multiscope.data.split import deal
from multiscope.errors import InputError

Array = npt.NDArray[Any]


def stacks(*shape: int, dtype: str = "float32") -> tuple[Array, Array]:
    clean = np.random.default_rng(0).normal(100, 30, shape)
    return (clean + 20).astype(dtype), clean.astype(dtype)


def configured(pairs: dict[str, Any], **changes: Any) -> PairArrays:
    return PairArrays(**{"reader": "pairs", "pairs": pairs, **changes})


def refused(config: PairArrays, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        PairArraysReader(config).read(0)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(next(iter(config.sources.values())).parent))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("axes", ["SCYX", "SYXC"])
def test_every_pair_of_a_care_file_is_a_field(tmp_path: Path, save: Any, axes: str) -> None:
    x, y = stacks(5, 2, 9, 8)
    assert (y < 0).sum() + (y > 0).sum() == y.size  # CARE normalises: negative values are values
    move = (lambda a: np.moveaxis(a, 1, 3)) if axes == "SYXC" else (lambda a: a)
    save(tmp_path / "care.npz", X=move(x - 120), Y=move(y - 100), axes=axes)
    reader = PairArraysReader(configured({"noise": tmp_path / "care.npz"}, channels=["a", "b"]))
    assert reader.fields["field_id"].tolist() == [f"noise_{number:04d}" for number in range(5)]
    assert set(reader.fields["defect"]) == {"noise"}
    assert set(reader.fields["protein"]) == {""}
    assert reader.counts["fields"].kept == 5
    assert reader.inputs == {"pairs.noise": tmp_path / "care.npz"}
    for number in range(5):
        pixels = reader.read(number)
        np.testing.assert_array_equal(pixels.image, y[number] - 100)
        np.testing.assert_array_equal(pixels.degraded["noise"], x[number] - 120)
        assert pixels.labels is None
        assert pixels.where == f"{tmp_path / 'care.npz'}: Y[{number}]"


def test_two_npy_files_make_pairs_of_stacks(tmp_path: Path) -> None:
    x, y = stacks(4, 3, 9, 8, dtype=">u2")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.asfortranarray(y))
    files = {"degraded": tmp_path / "x.npy", "clean": tmp_path / "y.npy"}
    reader = PairArraysReader(configured({"axial": files}, axes="SZYX", pixel_size_um=0.1))
    pixels = reader.read(2)
    np.testing.assert_array_equal(pixels.image, y[2][np.newaxis])
    np.testing.assert_array_equal(pixels.degraded["axial"], x[2][np.newaxis])
    assert pixels.image.dtype == np.uint16
    assert reader.pixel_size == (None, 0.1, 0.1)


def test_several_defects_each_have_their_pairs_evenly_spread(tmp_path: Path) -> None:
    for name, n in (("noise", 11), ("blur", 5)):
        x, y = stacks(n, 9, 8)
        np.savez(tmp_path / f"{name}.npz", X=x, Y=y)
    pairs = {name: tmp_path / f"{name}.npz" for name in ("noise", "blur")}
    reader = PairArraysReader(configured(pairs, max_fields=4))
    rows = [f"noise_{row:04d}" for row in (0, 2, 5, 8)] + [f"blur_{row:04d}" for row in (0, 1, 2, 3)]
    assert reader.fields["field_id"].tolist() == rows
    assert reader.counts["fields"].dropped == {"beyond max_fields": 8}
    np.testing.assert_array_equal(reader.read(2).image, stacks(11, 9, 8)[1][[5]])
    assert list(reader.read(6).degraded) == ["blur"]


def test_pairs_of_one_clean_image_are_one_stack_and_on_one_side(tmp_path: Path) -> None:
    x, y = stacks(12, 12, 12)
    y[4] = y[2]
    y[6:] = 0  # nothing is seen in them, so they are no copies
    for name, degraded in (("noise", x), ("blur", x / 2)):
        np.savez(tmp_path / f"{name}.npz", X=degraded, Y=y)
    config = configured({name: tmp_path / f"{name}.npz" for name in ("noise", "blur")})
    fields = PairArraysReader(config).fields
    assert fields["stack"].tolist()[:7] == [f"noise_{row:04d}" for row in (0, 1, 2, 3, 2, 5, 6)]
    assert fields["stack"].tolist()[12:18] == fields["stack"].tolist()[:6]
    assert fields["stack"].nunique() == 5 + 6 + 6
    fields["split"] = deal(fields, config.split, where="here")
    assert fields.groupby("stack")["split"].nunique().eq(1).all()
    assert fields.groupby("defect")["split"].nunique().eq(3).all()


def test_stacks_become_planes_on_both_sides_of_a_pair(tmp_path: Path) -> None:
    x, y = stacks(4, 5, 9, 8, dtype="uint16")
    np.savez(tmp_path / "a.npz", X=x, Y=y, axes="SZYX")
    pixels = PairArraysReader(configured({"noise": tmp_path / "a.npz"}, z="central")).read(3)
    np.testing.assert_array_equal(pixels.image, y[3, 2][np.newaxis])
    np.testing.assert_array_equal(pixels.degraded["noise"], x[3, 2][np.newaxis])


def test_the_axes_that_the_file_names_count_more_than_the_config(tmp_path: Path) -> None:
    x, y = stacks(4, 9, 8, 2)
    np.savez(tmp_path / "a.npz", X=x, Y=y, axes="SYXC")
    config = configured({"noise": tmp_path / "a.npz"}, axes="SCYX", channels=["a", "b"])
    assert PairArraysReader(config).read(0).image.shape == (2, 9, 8)


@pytest.mark.parametrize(
    ("arrays", "changes", "match"),
    [
        ({"X": stacks(4, 9, 8)[0]}, {}, r"has no array 'Y' \(but 'X'\)"),
        ({"X": stacks(4, 9, 8)[0], "Y": stacks(5, 9, 8)[0]}, {}, "X: is 4 x 1 x 1 x 9 x 8 float32, but .*Y is 5 x 1"),
        ({"X": stacks(4, 9, 8)[0], "Y": stacks(4, 9, 9)[0]}, {}, "expected one shape and type"),
        ({"X": stacks(4, 9, 8)[0], "Y": stacks(4, 9, 8, dtype="uint16")[0]}, {}, "float32, but .*uint16"),
        ({"X": stacks(4, 2, 9, 8)[0], "Y": stacks(4, 2, 9, 8)[0]}, {}, r"has 2 channels; expected 1 \(image\)"),
        ({"X": stacks(4, 9, 8)[0], "Y": stacks(4, 9, 8)[0]}, {"axes": "SCYX"}, "which 'SCYX' does not fit"),
        ({"X": stacks(4, 9, 8)[0], "Y": stacks(4, 9, 8)[0]}, {"axes": "ZYX"}, "has the axes ZYX .*; expected S"),
        ({"X": stacks(9, 8)[0], "Y": stacks(9, 8)[0]}, {}, "has the axes YX .*; expected S"),
        ({"X": stacks(4, 9, 8)[0], "Y": stacks(4, 9, 8)[0], "axes": "SXX"}, {}, "which 'SXX' does not fit"),
        ({"X": stacks(4, 9, 8)[0], "Y": stacks(4, 9, 8)[0], "axes": "hello"}, {}, "axes: is 'HELLO'; expected letters"),
        ({"X": stacks(4, 9, 8)[0], "Y": stacks(4, 9, 8)[0], "axes": np.arange(3)}, {}, "axes: holds int64"),
        ({"X": np.ones((4, 9, 8), "int64"), "Y": np.ones((4, 9, 8), "int64")}, {}, r"Y\[0\]: holds int64"),
        ({"X": np.ones((4, 9, 8)), "Y": np.full((4, 9, 8), np.nan)}, {}, r"Y\[0\]: has 72 pixels that are NaN"),
        ({"X": -np.ones((4, 9, 8), "i2"), "Y": np.ones((4, 9, 8), "i2")}, {}, r"X\[0\]: has negative values"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(
    tmp_path: Path, arrays: dict[str, Any], changes: dict[str, Any], match: str
) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    refused(configured({"noise": tmp_path / "a.npz"}, **changes), match)


def test_the_wrong_kind_of_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", stacks(4, 9, 8)[0])
    np.savez(tmp_path / "a.npz", X=stacks(4, 9, 8)[0])
    refused(configured({"noise": tmp_path / "a.npy"}), "is no .npz file; expected one with X and Y")
    both = {"degraded": tmp_path / "a.npz", "clean": tmp_path / "a.npy"}
    refused(configured({"noise": both}), "is a .npz file; expected .npy here")
    refused(configured({"noise": tmp_path / "none.npz"}), "cannot be read")


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]

    trap = np.empty((4, 9, 8), dtype=object)
    trap.flat = [Trap()] * trap.size
    np.savez(tmp_path / "a.npz", X=trap, Y=trap, axes=np.array(Trap(), dtype=object))
    refused(configured({"noise": tmp_path / "a.npz"}), "axes: holds object")
    np.savez(tmp_path / "a.npz", X=trap, Y=trap)
    refused(configured({"noise": tmp_path / "a.npz"}), "X: holds Python objects")
    (tmp_path / "b.npz").write_bytes(pickle.dumps(1))
    refused(configured({"noise": tmp_path / "b.npz"}), "is no .npz file")
    assert not (tmp_path / "sprung").exists()
