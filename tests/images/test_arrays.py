"""Arrays of NumPy and CARE."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.errors import InputError
from multiscope.images import npz
from multiscope.images.arrays import by_sample, guess_axes, open_arrays

Array = npt.NDArray[Any]


def numbered(*shape: int, dtype: str = "uint16") -> Array:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def refused(path: Path, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        for image in open_arrays(path):
            image.read()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("dtype", ["uint8", "bool", "<u2", ">u2", ">i4", "float16", "<f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_image_of_an_npy_is_read_as_stored(tmp_path: Path, dtype: str, order: Any) -> None:
    stored = numbered(3, 2, 5, 7, dtype=dtype)
    np.save(tmp_path / "a.npy", np.asarray(stored, order=order))
    images = open_arrays(tmp_path / "a.npy")
    assert [image.info.name for image in images] == ["a/0", "a/1", "a/2"]
    assert images[1].info.where == f"{tmp_path / 'a.npy'}[1]"
    assert images[1].info.shape == (1, 2, 1, 5, 7)
    assert images[1].info.axes == "cyx"
    assert images[1].info.dtype == stored.dtype.newbyteorder("=")
    for image, expected in zip(images, stored, strict=True):
        np.testing.assert_array_equal(image.read(), expected[:, np.newaxis])
        np.testing.assert_array_equal(image.read(channels=[1]), expected[1:, np.newaxis])
        assert image.read().dtype.isnative


def test_a_plane_is_one_image(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", numbered(5, 7))
    (image,) = open_arrays(tmp_path / "a.npy")
    assert (image.info.name, image.info.shape, image.info.axes) == ("a", (1, 1, 1, 5, 7), "yx")
    with pytest.raises(InputError, match="no label image"):
        image.read_labels("cells")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    ("axes", "shape"), [("SCYX", (4, 2, 5, 7)), ("SYXC", (4, 5, 7, 2)), ("SCZYX", (4, 2, 3, 5, 7))]
)
def test_what_care_saves_is_read(tmp_path: Path, save: Any, axes: str, shape: tuple[int, ...]) -> None:
    # CSBDeep's save_training_data: np.savez(file, X=X, Y=Y, axes=axes)
    x, y = numbered(*shape, dtype="float32") - 9.5, numbered(*shape, dtype="float32")
    save(tmp_path / "care.npz", X=x, Y=y, axes=axes)
    images = open_arrays(tmp_path / "care.npz")
    assert [image.info.name for image in images] == [f"{name}/{n}" for name in "XY" for n in range(4)]
    for image, expected in zip(images, [*x, *y], strict=True):
        stack = np.moveaxis(expected, axes[1:].index("C"), 0)
        np.testing.assert_array_equal(image.read(), stack if "Z" in axes else stack[:, np.newaxis])


def test_axes_may_be_bytes_or_single_characters(tmp_path: Path) -> None:
    for number, axes in enumerate([np.bytes_(b"SYXC"), np.array(list("SYXC")), "syxc"]):
        np.savez(tmp_path / f"{number}.npz", X=numbered(4, 9, 8, 6), axes=axes)
        assert open_arrays(tmp_path / f"{number}.npz")[0].info.shape == (1, 6, 1, 9, 8)


def test_other_entries_are_left_out_with_a_remark_and_never_unpickled(tmp_path: Path) -> None:
    objects = np.empty(2, dtype=object)
    objects[:] = [{}, []]
    np.savez(tmp_path / "a.npz", X=numbered(2, 5, 7), meta=objects, names=np.array(["a", "b"]), gain=np.float32(2))
    images = open_arrays(tmp_path / "a.npz")
    assert [image.info.name for image in images] == ["X/0", "X/1"]
    assert "'gain', 'meta', 'names'" in images[0].info.remarks[0]
    np.savez(tmp_path / "b.npz", meta=objects)
    refused(tmp_path / "b.npz", "holds no array of images .but 'meta'.")


def test_an_image_costs_only_itself(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=numbered(1000, 64, 64))
    images = open_arrays(tmp_path / "a.npz")
    image = images[500]
    backing = image._source()  # type: ignore[attr-defined]
    while isinstance(backing, np.ndarray) and not isinstance(backing, np.memmap):
        backing = backing.base
    assert isinstance(backing, np.memmap)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((5, 7), "YX"),
        ((9, 5, 7), "SYX"),
        ((9, 2, 5, 7), "SCYX"),
        ((9, 5, 7, 3), "SYXC"),
        ((9, 1, 3, 5, 7), "SCZYX"),
        ((9, 3, 5, 7, 1), "SZYXC"),
    ],
)
def test_axes_are_guessed_by_their_number(shape: tuple[int, ...], axes: str) -> None:
    assert guess_axes(shape) == axes


@given(st.permutations("SCZYX"), st.integers(2, 5), st.data())
def test_axes_in_any_order_end_in_one_order(axes: list[str], n: int, data: st.DataObject) -> None:
    axes = axes[:n] + [axis for axis in "YX" if axis not in axes[:n]]
    sizes = {axis: data.draw(st.integers(1, 4)) for axis in axes}
    view = by_sample(numbered(*sizes.values()), "".join(axes), where="a")
    assert view.shape == tuple(sizes.get(axis, 1) for axis in "STCZYX")
    index = {axis: data.draw(st.integers(0, size - 1)) for axis, size in sizes.items()}
    assert view[tuple(index.get(axis, 0) for axis in "STCZYX")] == numbered(*sizes.values())[tuple(index.values())]


@pytest.mark.parametrize("axes", ["SYX", "SSYX", "SCZY", "SCYQ", "SCYXX"])
def test_axes_that_do_not_fit_are_refused(axes: str) -> None:
    with pytest.raises(InputError, match=f"a: has 4 axes of 2 x 1 x 5 x 7, which '{axes}' does not fit"):
        by_sample(numbered(2, 1, 5, 7), axes, where="a")


def npy_with(header: str, content: bytes = b"") -> bytes:
    text = header.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is no array of NumPy"),
        (b"\x93NUMPY\x01\x00\xff\xff", "is no array of NumPy"),
        (b"\x93NUMPY\x03\x00\x10\x00\x00\x00" + b" " * 16, "is no array of NumPy"),
        (npy_with("__import__('os').system('true')"), "is no array of NumPy"),
        (npy_with("(" * 9000), "is no array of NumPy"),
        (npy_with("{'descr': '<u2', 'fortran_order': False, 'shape': (1000000, 1000000)}"), "header says 1000000 x 10"),
        (npy_with("{'descr': '<u2', 'fortran_order': False, 'shape': (%s, 9)}" % ("9" * 99)), "is damaged"),
        (npy_with("{'descr': '<u2', 'fortran_order': False, 'shape': (-2, -2)}", b"12345678"), "expected some pixels"),
        (npy_with("{'descr': '<u2', 'fortran_order': False, 'shape': (0, 4)}"), "expected some pixels"),
        (npy_with("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2)}", b"\x80\x04."), "holds Python objects"),
        (npy_with("{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (1, 1)}", b"12"), "expected an array of"),
        (npy_with("{'descr': '<c8', 'fortran_order': False, 'shape': (1, 1)}", b"12345678"), "holds complex64"),
        (npy_with("{'descr': '<u2', 'fortran_order': False, 'shape': (2,)}", b"1234"), "expected images"),
    ],
)
def test_a_hostile_npy_is_refused_in_one_line(tmp_path: Path, content: bytes, match: str) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    refused(tmp_path / "a.npy", match)


def test_files_of_python_2_are_read(tmp_path: Path) -> None:
    header = "{'descr': '<u2', 'fortran_order': False, 'shape': (2L, 3L), }"
    (tmp_path / "a.npy").write_bytes(npy_with(header, numbered(2, 3).tobytes()))
    np.testing.assert_array_equal(open_arrays(tmp_path / "a.npy")[0].read()[0, 0], numbered(2, 3))


@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_cut_short_or_too_long_is_refused(tmp_path: Path, change: int) -> None:
    np.save(tmp_path / "a.npy", numbered(4, 5, 7))
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[:-1] if change < 0 else content + b"x")
    refused(tmp_path / "a.npy", f"it holds {280 + change} bytes instead")


def write_npz(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", X=np.zeros((64, 64, 64), np.uint8), Y=np.zeros((64, 64, 64), np.uint8))
    monkeypatch.setattr(npz, "MAX_UNPACKED", 64**3)
    refused(tmp_path / "a.npz", "are compressed and have 524288 bytes or more unpacked; expected up to 262144")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_header_that_claims_more_than_is_there_is_refused(tmp_path: Path, compression: int) -> None:
    huge = npy_with("{'descr': '<u2', 'fortran_order': False, 'shape': (1000000, 1000000)}", b"1234")
    refused(write_npz(tmp_path / "a.npz", {"X.npy": huge}, compression), "header says 1000000 x 1000000 uint16")


def test_a_time_point_beyond_2_gib_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (1, 12, 2**14, 2**14)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 3 * 2**30)
    refused(tmp_path / "a.npy", "a time point has 3221225472 bytes; expected up to 2147483648: name fewer channels")


def test_thousands_of_arrays_are_not_held_open(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{f"image{number}": numbered(3, 4) for number in range(300)})
    for number in range(20):
        np.save(tmp_path / f"{number}.npy", numbered(3, 4))
    before = len(list(Path("/proc/self/fd").iterdir()))
    images = [image for path in tmp_path.iterdir() for image in open_arrays(path)]
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1
    assert len(images) == 320
    for image in images:
        np.testing.assert_array_equal(image.read()[0, 0], numbered(3, 4))


def test_a_file_changed_after_it_was_opened_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", numbered(3, 4))
    (image,) = open_arrays(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", numbered(3, 5))
    with pytest.raises(InputError, match="was changed while it was read"):
        image.read()


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, numbered(2, 3))
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("X.npy", file.getvalue())
        archive.writestr("X.npy", file.getvalue())
    refused(path, "two arrays of one name")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_flipped_bit_is_noticed(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "a.npz", X=np.random.default_rng(0).integers(0, 60000, (20, 30, 30), dtype=np.uint16))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[len(content) // 2] ^= 4
    (tmp_path / "a.npz").write_bytes(content)
    refused(tmp_path / "a.npz", "X: is damaged")


@pytest.mark.timeout(20)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npy")
    refused(tmp_path / "a.npy", "is no plain file")


@pytest.mark.parametrize("name", ["a.npy", "stored.npz", "packed.npz"])
def test_damaged_files_end_in_data_or_one_line(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    stack = rng.integers(0, 900, (3, 2, 9, 8), dtype=np.uint16)
    np.save(tmp_path / "a.npy", stack)
    np.savez(tmp_path / "stored.npz", X=stack, Y=stack, axes="SCYX")
    np.savez_compressed(tmp_path / "packed.npz", X=stack, Y=stack, axes="SCYX")
    whole = (tmp_path / name).read_bytes()
    n_refused = 0
    for _ in range(150):
        content = bytearray(whole[: rng.integers(1, len(whole))] if rng.random() < 0.3 else whole)
        for _ in range(rng.integers(1, 6)):
            # headers and directories more often than pixels
            at = rng.integers(0, min(len(content), 200)) if rng.random() < 0.5 else rng.integers(0, len(content))
            content[-at - 1 if rng.random() < 0.5 else at] = rng.integers(0, 256)
        (tmp_path / name).write_bytes(content)
        try:
            for image in open_arrays(tmp_path / name):
                image.read()
        except InputError as error:
            n_refused += 1
            assert "\n" not in str(error)
    assert n_refused > 50
