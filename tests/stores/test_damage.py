"""Whatever happens to a store on disk: an error that names what is damaged, or intact data; never zeros."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from multiscope.errors import InputError
from multiscope.folders.manifest import stage_output, verify
from multiscope.stores import shards
from multiscope.stores.fields import read_field, read_labels, write_field
from multiscope.stores.samples import SampleStore, SampleWriter

Values = list[npt.NDArray[Any]]
N = 700


def make_samples(folder: Path) -> None:
    rng = np.random.default_rng(0)
    rows = mock.patch.object(shards, "_SHARD_ROWS", (16, 512))
    with rows, SampleWriter(folder / "crops.zarr", attributes={"channels": ["a", "b"]}) as writer:
        arrays = {"image": rng.integers(0, 4000, (N, 2, 17, 17), np.uint16), "mask": np.ones((N, 1, 8, 8), np.uint8)}
        writer.append(arrays, pd.DataFrame({"cell_id": [f"c{i}" for i in range(N)], "x": rng.random(N)}))


def read_samples(folder: Path) -> Values:
    store = SampleStore(folder / "crops.zarr")
    rows = np.arange(N)[::-1]
    return [store.take("image", rows), store.take("mask", rows), store.table["x"].to_numpy()]


def make_fields(folder: Path) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 4000, (2, 300, 280), np.uint16)
    labels = rng.integers(0, 9, (300, 280)).astype(np.uint32)
    write_field(folder / "f.zarr", image, channels=["gfp", "rfp"], labels=labels)


def read_fields(folder: Path) -> Values:
    return [read_field(folder / "f.zarr"), read_labels(folder / "f.zarr")]


KINDS = {
    "samples": (make_samples, read_samples, ["crops.zarr/image/c.0.0.0.0", "crops.zarr/image/c.1.0.0.0"]),
    "fields": (make_fields, read_fields, ["f.zarr/0/c/0/0/0", "f.zarr/labels/cells/0/c/0/0"]),
}


class Made:
    """A stage folder with one store, to be damaged and mended."""

    def __init__(self, kind: str, folder: Path) -> None:
        write, self.read, self.shards = KINDS[kind]
        self.folder = folder
        with stage_output(folder, stage="data", version=1, config={}, inputs={}) as made:
            write(made.path)
        self.expected = self.read(folder)

    def damage(self, name: str, change: Callable[[bytes], bytes | None]) -> tuple[bool, str]:
        """Whether the reader noticed a changed file, else its data have to be intact, and what `verify` said."""
        path = self.folder / name
        content = path.read_bytes()
        changed = change(content)
        path.unlink() if changed is None else path.write_bytes(changed)
        try:
            return self._is_noticed(name), self._verified()
        finally:
            path.write_bytes(content)

    def _is_noticed(self, name: str) -> bool:
        try:
            found = self.read(self.folder)
        except InputError as error:
            assert "\n" not in str(error)
            assert str(self.folder) in str(error)
            assert Path(name).parts[0].split(".")[0] in str(error)
            return True
        for one, other in zip(found, self.expected, strict=True):
            np.testing.assert_array_equal(one, other)
        return False

    def _verified(self) -> str:
        with pytest.raises(InputError, match="damaged: ") as caught:
            verify(self.folder, full=True)
        return str(caught.value)


@pytest.fixture(scope="module", params=list(KINDS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(request.param, tmp_path_factory.mktemp("damage") / "out")


def flip(position: float, bit: int = 0) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[int(position * len(content))] ^= 1 << bit
        return bytes(changed)

    return change


LOST: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda _: None,
    "empty": lambda _: b"",
    "a byte short": lambda content: content[:-1],
    "half": lambda content: content[: len(content) // 2],
    "only its end": lambda content: content[-100:],
    "zeros": lambda content: b"\0" * len(content),
}


@pytest.mark.parametrize("how", LOST)
def test_a_shard_that_lost_bytes_is_named(made: Made, how: str) -> None:
    for shard in made.shards:
        is_noticed, verified = made.damage(shard, LOST[how])
        assert is_noticed
        assert f"damaged: {shard} " in verified


def test_the_reader_names_the_missing_shard(made: Made) -> None:
    for shard in made.shards:
        content = (made.folder / shard).read_bytes()
        (made.folder / shard).unlink()
        with pytest.raises(InputError, match="damaged: ") as caught:
            made.read(made.folder)
        (made.folder / shard).write_bytes(content)
        array = next(parent for parent in (made.folder / shard).parents if (parent / "zarr.json").exists())
        assert (made.folder / shard).relative_to(array).as_posix() in str(caught.value)


def test_a_flipped_bit_anywhere_in_a_shard_is_an_error_or_harmless(made: Made) -> None:
    rng = random.Random(0)
    noticed = 0
    for _ in range(60):
        # the last bytes are the index
        position = rng.choice([rng.random(), 1 - rng.random() ** 4])
        is_noticed, verified = made.damage(shard := rng.choice(made.shards), flip(position, rng.randrange(8)))
        noticed += is_noticed
        assert f"damaged: {shard} has another sha256" in verified
    assert noticed > 50  # the rest are bytes that mean nothing


def test_a_flipped_bit_in_what_describes_an_array_is_an_error_or_harmless(tmp_path: Path) -> None:
    made, rng = Made("samples", tmp_path / "out"), random.Random(1)
    for _ in range(100):
        name = f"crops.zarr/{rng.choice(['image', 'mask'])}/zarr.json"
        _, verified = made.damage(name, flip(rng.random(), rng.randrange(8)))
        assert f"damaged: {name} has another sha256" in verified


def test_a_field_with_another_description_is_told_without_reading_pixels(tmp_path: Path) -> None:
    made = Made("fields", tmp_path / "out")
    path = made.folder / "f.zarr" / "0" / "zarr.json"
    path.write_bytes(path.read_bytes().replace(b"300", b"200", 1))
    with pytest.raises(InputError, match=r"damaged: f\.zarr/0/zarr\.json has another sha256"):
        verify(made.folder)


def test_a_missing_or_cut_description_is_an_error(made: Made) -> None:
    for description in sorted(path.relative_to(made.folder).as_posix() for path in made.folder.rglob("zarr.json")):
        for how in ("missing", "empty", "half"):
            made.damage(description, LOST[how])
            if description in ("crops.zarr/zarr.json", "crops.zarr/image/zarr.json", "f.zarr/zarr.json"):
                assert made.damage(description, LOST[how])[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[700,2,17,17]", "[600,2,17,17]"),
        ("[700,2,17,17]", "[900,2,17,17]"),
        ("[700,2,17,17]", "[700,2,16,17]"),
        ("[700,2,17,17]", "[700,2,19,17]"),
        ("[512,2,17,17]", "[256,2,17,17]"),
        ("[1,2,17,17]", "[2,2,17,17]"),
        ("uint16", "int16"),
        ("uint16", "uint8"),
    ],
)
def test_an_edited_array_does_not_fit_its_store(tmp_path: Path, old: str, new: str) -> None:
    made = Made("samples", tmp_path / "out")
    assert made.damage("crops.zarr/image/zarr.json", lambda text: text.replace(old.encode(), new.encode(), 1))[0]


def test_a_grown_field_is_an_error(tmp_path: Path) -> None:
    made = Made("fields", tmp_path / "out")
    path = tmp_path / "out" / "f.zarr" / "0" / "zarr.json"
    path.write_bytes(path.read_bytes().replace(b"300", b"900", 1))
    with pytest.raises(InputError, match="damaged"):
        made.read(made.folder)


def test_a_damaged_table_is_an_error_or_harmless(tmp_path: Path) -> None:
    made = Made("samples", tmp_path / "out")
    for how in LOST:
        assert made.damage("crops.parquet", LOST[how])[0]
    rng = random.Random(0)
    footer = 0.6  # in it, names may be changed; only the manifest knows
    assert sum(made.damage("crops.parquet", flip(rng.uniform(0, footer)))[0] for _ in range(40)) > 20
    table = pd.read_parquet(tmp_path / "out" / "crops.parquet")
    table.iloc[:-1].to_parquet(tmp_path / "out" / "crops.parquet")
    with pytest.raises(InputError, match="array 'image' has 700 samples, its table 699 rows; make it again"):
        SampleStore(tmp_path / "out" / "crops.zarr")


def test_stray_files_are_named_and_do_no_harm(made: Made) -> None:
    for name in ("stray.txt", f"{Path(made.shards[0]).parent.as_posix()}/stray"):
        (made.folder / name).write_text("x")
        with pytest.raises(InputError, match=f"damaged: {name} is not in the manifest"):
            verify(made.folder)
        for one, other in zip(made.read(made.folder), made.expected, strict=True):
            np.testing.assert_array_equal(one, other)
        (made.folder / name).unlink()
    verify(made.folder, full=True)


def test_what_was_not_completed_is_no_store(tmp_path: Path) -> None:
    samples = {"image": np.zeros((300, 2, 8, 8), np.uint8)}
    with pytest.raises(RuntimeError), SampleWriter(tmp_path / "crops.zarr") as writer:
        writer.append(samples, pd.DataFrame({"x": range(300)}))
        raise RuntimeError
    with pytest.raises(InputError, match=r"crops\.zarr: cannot be opened as a sample store"):
        SampleStore(tmp_path / "crops.zarr")
    shutil.rmtree(tmp_path / "crops.zarr", ignore_errors=True)
