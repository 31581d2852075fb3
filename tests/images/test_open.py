"""Whatever is at a path."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
import zarr
from PIL import Image as Pillow

from multiscope.errors import InputError
from multiscope.images import image_file
from multiscope.images.open import open_images


def noise(*shape: int) -> npt.NDArray[np.uint16]:
    return np.random.default_rng(1).integers(0, 60_000, shape).astype(np.uint16)


def write_zarr(path: Path, array: npt.NDArray[np.uint16]) -> None:
    axes = [{"name": "c", "type": "channel"}, *({"name": axis, "type": "space"} for axis in "yx")]
    scale = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]
    block = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    group = zarr.open_group(path, mode="w", attributes={"ome": {"version": "0.5", "multiscales": [block]}})
    group.create_array("0", data=array)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as people have them: images of several kinds, notes, hidden files, something broken."""
    here = tmp_path / "mine"
    (here / "sub" / ".cache").mkdir(parents=True)
    for number in (10, 2):
        tifffile.imwrite(here / f"f{number}.tif", noise(4, 5) + np.uint16(number))
    Pillow.fromarray(noise(6, 7)).save(here / "sub" / "a.png")
    np.save(here / "sub" / "stack.npy", noise(2, 6, 7))
    write_zarr(here / "sub" / "image.zarr", noise(2, 8, 9))
    for hidden in (here / ".f1.tif", here / "sub" / ".cache" / "x.tif"):
        tifffile.imwrite(hidden, noise(4, 5))
    (here / "notes.txt").write_text("field 1 is out of focus")
    (here / "broken.tif").write_bytes((here / "f2.tif").read_bytes()[:200])
    (here / "sub" / "broken.zarr").mkdir()
    (here / "sub" / "broken.zarr" / "0.tif").write_bytes((here / "f2.tif").read_bytes())
    return here


def test_a_folder_gives_its_images_in_natural_order_and_tells_what_it_left_out(folder: Path) -> None:
    with open_images(folder) as images:
        found = list(images)
        assert list(images.refused) == ["broken.tif", "notes.txt", "sub/broken.zarr"]
        assert len(images.names) == 8
        assert [image.info.name for image in images] == [image.info.name for image in found]
    names = ["f2.tif", "f10.tif", "sub/a.png", "sub/image.zarr", "sub/stack.npy/stack/0", "sub/stack.npy/stack/1"]
    assert [image.info.name for image in found] == names
    assert [image.info.shape[1:] for image in found][2:5] == [(1, 1, 6, 7), (2, 1, 8, 9), (1, 1, 6, 7)]
    np.testing.assert_array_equal(found[1].read()[0, 0], noise(4, 5) + np.uint16(10))
    np.testing.assert_array_equal(found[3].read()[:, 0], noise(2, 8, 9))
    for reason in images.refused.values():
        assert "\n" not in reason
        assert reason.startswith(str(folder))


def test_images_are_opened_one_by_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    whole = image_file.open_tiff

    def counted(source: Path, *, where: str, name: str, folder: Path | None) -> list[object]:
        asked.append(name)
        return list(whole(source, where=where, name=name, folder=folder))

    monkeypatch.setattr(image_file, "open_tiff", counted)
    with open_images(folder) as images:
        iterator = iter(images)
        assert asked == []
        next(iterator)
        assert asked == ["broken.tif", "f2.tif"]


def test_an_archive_is_read_in_place(folder: Path, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "mine"), "zip", folder))
    with open_images(archive) as images:
        found = {image.info.name: image for image in images}
        assert list(found) == ["f2.tif", "f10.tif", "sub/a.png"]
        np.testing.assert_array_equal(found["f10.tif"].read()[0, 0], noise(4, 5) + np.uint16(10))
        np.testing.assert_array_equal(found["sub/a.png"].read()[0, 0], noise(6, 7))
    assert "unpack the archive to read it" in images.refused["sub/image.zarr"]
    assert images.refused["broken.tif"].startswith(f"{archive}: broken.tif: is damaged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "mine.zip"]


def test_one_file_or_store(folder: Path) -> None:
    for name, shape in (("f2.tif", (1, 1, 4, 5)), ("sub/image.zarr", (2, 1, 8, 9)), ("sub/a.png", (1, 1, 6, 7))):
        with open_images(folder / name) as images:
            (image,) = images
        assert image.info.name == Path(name).name
        assert image.read().shape == shape
    with open_images(folder / "sub" / "stack.npy") as images:
        assert [image.info.name for image in images] == ["stack/0", "stack/1"]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty; expected a TIFF, PNG, JPEG or BMP file"),
        (b"GIF89a", "is not an image; expected"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "is an HDF5 file, .*reader: deeploc_hdf5"),
        (b"PK\x03\x04", "is no whole zip archive"),
        (None, "cannot be read .No such file"),
    ],
)
def test_what_is_named_and_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None, match: str) -> None:
    path = tmp_path / "a.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=match) as caught, open_images(path) as images:
        list(images)
    assert str(caught.value).startswith(str(path))


def test_a_set_of_files_is_one_image(real_data: Path, tmp_path: Path) -> None:
    for file in (real_data / "ome_third_party" / "viv").glob("multifile*"):
        shutil.copy(file, tmp_path)
    with open_images(tmp_path) as images:
        (image,) = images
        assert images.refused == {}
    assert image.info.shape == (1, 1, 5, 24, 18)
    (tmp_path / "multifile-Z3.ome.tiff").unlink()
    with open_images(tmp_path) as images:
        assert list(images) == []
    assert len(images.refused) == 5
    assert all("multifile-Z3.ome.tiff, which is not beside it" in reason for reason in images.refused.values())


def test_an_archive_of_many_files_holds_none_of_them(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(200, 200))
    content = (tmp_path / "a.tif").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(30):
            archive.writestr(f"{number}.tif", content)
    with open_images(tmp_path / "a.zip") as images:
        found = list(images)
        assert [image.info.name for image in found[:3]] == ["0.tif", "1.tif", "2.tif"]
        assert all(np.array_equal(image.read()[0, 0], noise(200, 200)) for image in found)


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{"X": np.zeros((1, 3, 4)), "X/0": np.zeros((3, 4))})
    with open_images(tmp_path / "a.npz") as images, pytest.raises(InputError, match="is a second image named 'X/0'"):
        list(images)


def test_a_name_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.npy")).write_bytes((tmp_path / "a.npy").read_bytes())
    with open_images(tmp_path) as images:
        assert len(list(images)) == 1
        (why,) = images.refused.values()
    assert why == f"{tmp_path}/\\udcff.npy: has a name that is not UTF-8; rename it"


def test_an_archive_in_a_folder_is_to_be_named_itself(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(4, 5))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(tmp_path / "a.tif", "a.tif")
    with open_images(tmp_path) as images:
        assert [image.info.name for image in images] == ["a.tif"]
    assert images.refused["b.zip"].startswith(f"{tmp_path}/b.zip: is a zip archive among other files; name it itself")
