"""Crops from DeepLoc's HDF5 files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from multiscope.config import CropsFile, Split
from multiscope.data.readers.crops_file import CropsFileReader
from multiscope.errors import InputError
from multiscope.images import hdf5

Array = npt.NDArray[Any]
N, SIZE = 12, 64


def crops(n: int = N, channels: int = 2, size: int = SIZE, seed: int = 0) -> Array:
    return np.random.default_rng(seed).random((n, channels, size, size), dtype=np.float32)


def one_hot(classes: list[int], n: int = 3) -> Array:
    return np.eye(n)[classes]


def write(path: Path, **datasets: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            if name == "attributes":
                file.attrs.update(values)
            else:
                file.create_dataset(name, **(values if isinstance(values, dict) else {"data": values}))
    return path


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """As okraus/DeepLoc has it: flat rows, one-hot classes, their names in an attribute."""
    return write(
        tmp_path / "Chong_train_set.hdf5",
        data1=crops().reshape(N, -1),
        Index1=one_hot([0, 1, 2] * 4),
        Info1=np.zeros((N, 5)),
        attributes={"Index1_columns": np.array([b"ACTIN", b"BUDNECK", b"DEAD"])},
    )


def configured(path: Path, **changes: Any) -> CropsFile:
    return CropsFile(**{"reader": "deeploc_hdf5", "path": path, **changes})


def read(config: CropsFile) -> tuple[CropsFileReader, Array]:
    reader = CropsFileReader(config)
    return reader, np.concatenate([piece["image"] for piece in reader.pieces()])


def refused(config: CropsFile, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read(config)
    assert "\n" not in str(caught.value)
    assert str(config.path) in str(caught.value)


def test_rows_become_crops_and_classes_places(published: Path) -> None:
    reader, images = read(configured(published))
    np.testing.assert_array_equal(images, crops())
    assert images.dtype == np.float32
    assert reader.cells["cell_id"].tolist()[:2] == ["data1_00", "data1_01"]
    assert reader.cells["protein"].tolist() == ["ACTIN", "BUDNECK", "DEAD"] * 4
    assert set(reader.cells["field_id"]) == {""}
    assert reader.proteins["localization"].tolist() == ["ACTIN", "BUDNECK", "DEAD"]
    assert reader.counts["cells"].kept == N
    assert reader.inputs == {"path": published}


def test_as_the_published_code_reads_it(published: Path) -> None:
    """Parity with `flatBatch2Tensor` of okraus/DeepLoc: channels one after the other, rows of pixels from the top."""
    with h5py.File(published) as file:
        flat = file["data1"][()]
    theirs = np.stack([flat[:, c * 64**2 : (c + 1) * 64**2].reshape(-1, 64, 64) for c in range(2)], axis=3)
    np.testing.assert_array_equal(np.moveaxis(read(configured(published))[1], 1, 3), theirs)


def test_several_blocks_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    blocks = {f"data{k}": crops(2, 3, 8, seed=k).reshape(2, -1) for k in (1, 2, 10)}
    classes = {f"Index{k}": one_hot([k % 3, 0]) for k in (1, 2, 10)}
    path = write(tmp_path / "a.h5", **blocks, **classes)
    reader, images = read(configured(path, channels=["a", "b", "c"]))
    np.testing.assert_array_equal(images, np.concatenate([crops(2, 3, 8, seed=k) for k in (1, 2, 10)]))
    assert reader.cells["cell_id"].tolist() == [f"data{k}_{row}" for k in (1, 2, 10) for row in (0, 1)]
    assert reader.cells["protein"].tolist() == [f"class_{k:02d}" for k in (1, 0, 2, 0, 1, 0)]


def test_cells_without_a_class_are_left_out_and_counted_and_several_classes_joined(tmp_path: Path) -> None:
    marked = one_hot([0, 1, 2, 0])
    marked[1] = 0
    marked[3] = 1
    path = write(tmp_path / "a.h5", data1=crops(4).reshape(4, -1), Index1=marked)
    reader, images = read(configured(path, classes=["ER", "bud", "cytosol"]))
    assert reader.cells["protein"].tolist() == ["ER", "cytosol", "ER|bud|cytosol"]
    assert reader.cells["cell_id"].tolist() == ["data1_0", "data1_2", "data1_3"]
    np.testing.assert_array_equal(images, crops(4)[[0, 2, 3]])
    assert reader.counts["cells"].dropped == {"no class": 1}
    # names of the first classes only: the others are no classes
    reader, images = read(configured(path, classes=["ER"]))
    assert reader.cells["protein"].tolist() == ["ER", "ER"]
    assert (len(images), reader.counts["cells"].dropped) == (2, {"no class": 2})


def test_pieces_are_bounded(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5, "_PIECE_BYTES", 5 * 2 * SIZE**2 * 4)
    pieces = [piece["image"] for piece in CropsFileReader(configured(published)).pieces()]
    assert [len(piece) for piece in pieces] == [5, 5, 2]
    np.testing.assert_array_equal(np.concatenate(pieces), crops())


@pytest.mark.parametrize("compression", ["gzip", "lzf", None])
def test_compressed_chunks_are_read(tmp_path: Path, compression: str | None) -> None:
    data = {"data": crops().reshape(N, -1), "chunks": (5, 8192), "compression": compression, "shuffle": True}
    np.testing.assert_array_equal(
        read(configured(write(tmp_path / "a.h5", data1=data, Index1=one_hot([0] * N))))[1], crops()
    )


def test_names_of_classes_may_stand_in_a_dataset_or_the_config(tmp_path: Path) -> None:
    data = {"data1": crops(3).reshape(3, -1), "Index1": one_hot([0, 1, 2])}
    path = write(tmp_path / "a.h5", **data, label_names=np.array([b"x", b"y", b"z"]))
    assert read(configured(path))[0].cells["protein"].tolist() == ["x", "y", "z"]
    assert read(configured(path, classes=["a", "b", "c"]))[0].cells["protein"].tolist() == ["a", "b", "c"]
    refused(configured(path, classes=["a", "b", "c", "d"]), "Index1: has 3 classes, but there are 4 names")
    refused(configured(path, classes=["a", "a"]), "a name of its own")


def test_names_of_variable_length_are_refused_unless_configured(tmp_path: Path) -> None:
    """A damaged heap of them makes the HDF5 library run for ever."""
    data = {"data1": crops(3).reshape(3, -1), "Index1": one_hot([0, 1, 2])}
    path = write(tmp_path / "a.h5", **data, attributes={"Index1_columns": ["x", "y", "z"]})
    refused(configured(path), "Index1_columns: holds texts of variable length.*; or name them under 'classes'")
    assert read(configured(path, classes=["a", "b", "c"]))[0].cells["protein"].tolist() == ["a", "b", "c"]


def test_only_cells_can_be_dealt() -> None:
    assert configured(Path("a.h5")).split.by == "cell"
    with pytest.raises(ValidationError, match=r"split\.by: 'field' is not known here; expected cell"):
        configured(Path("a.h5"), split=Split(by="field"))


@pytest.mark.parametrize(
    ("datasets", "match"),
    [
        ({"other": np.zeros(3)}, r"has no dataset 'data1' \(but 'other'\)"),
        ({"data1": np.zeros((3, 128))}, "has no dataset 'Index1'"),
        ({"data1": np.zeros((3, 128)), "Index1": np.zeros((4, 3))}, "of as many cells"),
        ({"data1": np.zeros((3, 128)), "Index1": np.zeros(3)}, "of as many cells"),
        ({"data1": np.zeros((3, 3, 64)), "Index1": np.zeros((3, 3))}, "of as many cells"),
        (
            {"data1": np.zeros((3, 3 * 64**2)), "Index1": one_hot([0] * 3)},
            r"not 2 square channels \(it fits 3 channels",
        ),
        ({"data1": np.zeros((3, 128)), "Index1": np.full((3, 3), 0.5)}, "other than 0 and 1"),
        ({"data1": np.zeros((3, 128)), "Index1": np.full((3, 3), np.nan)}, "other than 0 and 1"),
        ({"data1": np.zeros((3, 128)), "Index1": np.zeros((3, 3))}, "no cell has a class"),
        ({"data1": np.zeros((3, 128)), "Index1": np.zeros((3, 2000))}, "has 2000 classes"),
        ({"data1": np.full((3, 128), np.inf), "Index1": one_hot([0] * 3)}, "data1: has 384 pixels that are NaN"),
        ({"data1": np.zeros((3, 128), "c8"), "Index1": one_hot([0] * 3)}, "data1: holds complex64"),
        ({"data1": np.zeros((3, 128), "S4"), "Index1": one_hot([0] * 3)}, "data1: holds .S4"),
        ({"data1": {"shape": (3, 128), "dtype": h5py.string_dtype()}, "Index1": one_hot([0] * 3)}, "holds object"),
        ({"data1": {"shape": (0, 128), "dtype": "f4"}, "Index1": np.zeros((0, 3))}, "expected rows of numbers"),
        ({"data1": h5py.Empty("f4"), "Index1": np.zeros((3, 3))}, "has shape None"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, datasets: dict[str, Any], match: str) -> None:
    refused(configured(write(tmp_path / "a.h5", **datasets)), match)


def test_links_and_other_files_are_refused(tmp_path: Path) -> None:
    other = write(tmp_path / "other.h5", data1=np.zeros((3, 128)), Index1=one_hot([0] * 3))
    for link in (h5py.SoftLink("/kept"), h5py.ExternalLink(other.name, "data1")):
        path = write(tmp_path / "a.h5", kept=np.zeros((3, 128)), Index1=one_hot([0] * 3))
        with h5py.File(path, "a") as file:
            file["data1"] = link
        refused(configured(path), "data1: is a link; expected the pixels themselves")
    (tmp_path / "raw").write_bytes(bytes(3 * 128))
    outside = {"shape": (3, 128), "dtype": "u1", "external": [(str(tmp_path / "raw"), 0, 384)]}
    refused(configured(write(tmp_path / "b.h5", data1=outside, Index1=one_hot([0] * 3))), "pixels in other files")
    layout = h5py.VirtualLayout((3, 128), "f8")
    layout[:] = h5py.VirtualSource(other, "data1", (3, 128))
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_virtual_dataset("data1", layout)
        file["Index1"] = one_hot([0] * 3)
    refused(configured(tmp_path / "c.h5"), "pixels in other files")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file.create_group("data1")
        file["Index1"] = one_hot([0] * 3)
    refused(configured(tmp_path / "d.h5"), "data1: is a group")


def test_parts_that_were_never_written_are_no_zeros(tmp_path: Path) -> None:
    classes = one_hot([0] * 30)
    partly = {"shape": (30, 128), "chunks": (10, 128), "dtype": "u2"}
    path = write(tmp_path / "a.h5", data1=partly, Index1=classes)
    with h5py.File(path, "a") as file:
        file["data1"][:10] = 7
    refused(configured(path), "data1: is damaged: 1 of 3 chunks are there")
    refused(
        configured(write(tmp_path / "b.h5", data1={"shape": (30, 128), "dtype": "u2"}, Index1=classes)),
        "data1: is damaged: 0 of 7680 bytes are there",
    )


def test_sizes_that_cannot_be_are_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    huge = {"shape": (10**6, 10**6), "chunks": (10, 128), "dtype": "u2", "compression": "gzip"}
    refused(configured(write(tmp_path / "a.h5", data1=huge, Index1=one_hot([0]))), "of 7.* chunks are there|chunks are")
    wide = {"shape": (1, 10**9), "dtype": "u2", "chunks": (1, 100)}
    refused(configured(write(tmp_path / "b.h5", data1=wide, Index1=one_hot([0]))), "has rows of")
    thick = {"shape": (10**6, 128), "dtype": "u2", "chunks": (2 * 10**6, 128), "maxshape": (None, 128)}
    refused(configured(write(tmp_path / "c.h5", data1=thick, Index1=one_hot([0]))), "has chunks of")
    packed = {"data": np.zeros((5000001, 1), "u1"), "compression": "gzip", "chunks": (10**6, 1)}
    path = write(tmp_path / "d.h5", data1=packed, Index1=packed)
    assert path.stat().st_size < 10**5
    refused(configured(path, channels=["a"]), "has 5000001 cells")


def test_damaged_files_end_in_data_or_one_line(tmp_path: Path) -> None:
    """In a process of its own: what the HDF5 library makes of a hostile file must not end the tests."""
    data = {"data": crops(4, 2, 8).reshape(4, -1), "chunks": (2, 128), "compression": "gzip", "fletcher32": True}
    names = {"Index1_columns": np.array([b"A", b"B", b"C"])}
    path = write(tmp_path / "a.h5", data1=data, Index1=one_hot([0, 1, 2, 0]), attributes=names)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _MUTATE, str(path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["refused"] > 30
    assert found["refused"] + found["read"] == 150


_MUTATE = """
import json, resource, sys
from pathlib import Path
import numpy as np
resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
from multiscope.config import CropsFile
from multiscope.data.readers.crops_file import CropsFileReader
from multiscope.errors import InputError
path = Path(sys.argv[1])
whole, rng, found = path.read_bytes(), np.random.default_rng(0), {"read": 0, "refused": 0}
for _ in range(150):
    content = bytearray(whole[: rng.integers(1, len(whole))] if rng.random() < 0.2 else whole)
    for _ in range(rng.integers(1, 9)):
        content[rng.integers(0, len(content))] = rng.integers(0, 256)
    path.write_bytes(content)
    try:
        list(CropsFileReader(CropsFile(reader="deeploc_hdf5", path=path)).pieces())
        found["read"] += 1
    except InputError as error:
        assert "\\n" not in str(error)
        found["refused"] += 1
print(json.dumps(found))
"""
