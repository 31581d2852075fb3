"""Sample stores: what goes in comes out, and damage is told."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multiscope.errors import InputError
from multiscope.stores import shards
from multiscope.stores.samples import SampleStore, SampleWriter, write_samples

arrays = st.sampled_from([np.uint8, np.uint16, np.float32]).flatmap(
    lambda dtype: hnp.arrays(
        dtype,
        st.tuples(st.integers(0, 9), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)),
        elements={"allow_nan": False} if dtype is np.float32 else None,
    )
)


def make(path: Path, n: int = 600) -> npt.NDArray[Any]:
    image = np.random.default_rng(0).integers(0, 4000, (n, 2, 16, 16), dtype=np.uint16)
    write_samples(path, {"image": image}, pd.DataFrame({"cell_id": [f"c{i}" for i in range(n)]}), {"channels": ["a"]})
    return image


def shard(path: Path) -> Path:
    (found,) = (path / "image").glob("c.*")
    return found


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(array=arrays, seed=st.integers(0, 99))
def test_rows_equal_what_zarr_python_reads(
    tmp_path_factory: pytest.TempPathFactory, array: npt.NDArray[Any], seed: int
) -> None:
    path = tmp_path_factory.mktemp("samples") / "crops.zarr"
    write_samples(path, {"image": array}, pd.DataFrame({"row": range(len(array))}))
    store, plain = SampleStore(path), zarr.open_array(path / "image", mode="r")
    assert len(store) == len(array)
    assert store.shape("image") == plain.shape == array.shape
    assert store.take("image").dtype == plain.dtype == array.dtype
    np.testing.assert_array_equal(store.take("image"), array)
    np.testing.assert_array_equal(plain[...], array)
    rows = np.random.default_rng(seed).integers(0, max(1, len(array)), 5 if len(array) else 0)
    np.testing.assert_array_equal(store.take("image", rows), array[rows])


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    array=arrays,
    repeats=st.integers(1, 30),
    cuts=st.lists(st.integers(0, 200), max_size=6),
    limits=st.tuples(st.integers(1, 20), st.integers(20, 60)),
)
def test_pieces_of_any_length_equal_the_whole_with_ragged_last_shards(
    tmp_path_factory: pytest.TempPathFactory,
    array: npt.NDArray[Any],
    repeats: int,
    cuts: list[int],
    limits: tuple[int, int],
) -> None:
    whole = np.repeat(array, repeats, axis=0)
    path = tmp_path_factory.mktemp("samples") / "crops.zarr"
    table = pd.DataFrame({"row": np.arange(len(whole)), "name": [f"c{i}" for i in range(len(whole))]})
    ends = sorted(min(cut, len(whole)) for cut in cuts)
    # few rows a shard, and another number of them in each array
    with mock.patch.object(shards, "_SHARD_ROWS", limits), SampleWriter(path) as writer:
        for start, end in itertools.pairwise([0, *ends, len(whole)]):
            part = whole[start:end]
            writer.append({"image": part, "plane": part[:, 0].astype(np.float32)}, table.iloc[start:end])
    store, plain = SampleStore(path), zarr.open_group(path, mode="r")
    np.testing.assert_array_equal(store.take("image"), whole)
    for name in ("image", "plane"):
        np.testing.assert_array_equal(store.take(name), plain[name][...])
    if len(whole):
        pd.testing.assert_frame_equal(store.table, table)


def test_stacks_and_other_types_keep_their_values(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    given = {
        "stack": rng.integers(0, 4000, (20, 2, 3, 8, 9), np.uint16),
        "mask": rng.random((20, 1, 8, 9)) > 0.5,
        "weight": rng.random(20),
        "signed": rng.integers(-(2**31), 2**31, (20, 4), np.int32),
        "big_endian": rng.integers(0, 4000, (20, 4)).astype(">u2"),
    }
    write_samples(tmp_path / "a.zarr", given, pd.DataFrame({"x": range(20)}), {"channels": ["a", "b"]})
    store, plain = SampleStore(tmp_path / "a.zarr"), zarr.open_group(tmp_path / "a.zarr", mode="r")
    for name, values in given.items():
        assert store.take(name).dtype == values.dtype.newbyteorder("=")
        np.testing.assert_array_equal(store.take(name, [19, 3]), values[[19, 3]])
        np.testing.assert_array_equal(plain[name][...], values)
    assert store.attributes["channels"] == plain.attrs["channels"] == ["a", "b"]
    assert plain["stack"].chunks == (1, 2, 3, 8, 9)
    assert plain["stack"].shards == (4096, 2, 3, 8, 9)


def test_columns_keep_their_types_whatever_the_pieces_hold(tmp_path: Path) -> None:
    with SampleWriter(tmp_path / "a.zarr") as writer:
        for number in range(4):
            n = 3 * (number != 1)
            kinds = pd.Categorical(["x", f"k{number}", "y"][:n])
            remarks = pd.Series([None if number < 2 else "late"] * n, dtype=object)
            counts = pd.array([1, None, 3][:n], dtype="Int64")
            table = pd.DataFrame({"kind": kinds, "remark": remarks, "count": counts})
            writer.append({"image": np.zeros((n, 1, 4, 4), np.uint8)}, table)
    table = SampleStore(tmp_path / "a.zarr").table
    assert table["kind"].astype(str).tolist() == ["x", "k0", "y", "x", "k2", "y", "x", "k3", "y"]
    assert (str(table["kind"].dtype), str(table["count"].dtype)) == ("category", "Int64")
    assert table["remark"].isna().tolist() == [True] * 3 + [False] * 6


def test_rows_may_come_twice_and_have_to_be_there(tmp_path: Path) -> None:
    image = make(tmp_path / "a.zarr")
    store = SampleStore(tmp_path / "a.zarr")
    rows = [599, 0, 0, 599, 3]
    np.testing.assert_array_equal(store.take("image", rows), image[rows])
    assert store.take("image", []).shape == (0, 2, 16, 16)
    for wrong in ([600], [-1], [0.5], [True], [[0]], [2**40]):
        with pytest.raises(IndexError, match=r"a\.zarr: rows have to be whole numbers from 0 to 599"):
            store.take("image", wrong)
    with pytest.raises(InputError, match="has no array 'mask'; it has image"):
        store.take("mask", [0])


def test_every_piece_has_the_arrays_of_the_first(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": [1]})
    for other in ({"image": np.zeros((1, 3), np.uint8)}, {"image": np.zeros((1, 2), np.int8)}, {}):
        with pytest.raises(ValueError, match="as in the first piece"), SampleWriter(tmp_path / "a.zarr") as writer:
            writer.append({"image": np.zeros((1, 2), np.uint8)}, table)
            writer.append(other, table)
    with pytest.raises(ValueError, match="nothing was appended"), SampleWriter(tmp_path / "a.zarr"):
        pass


def test_several_shards_and_a_ragged_last_one(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (300, 1, 400, 400), dtype=np.uint8)
    write_samples(tmp_path / "a.zarr", {"image": image}, pd.DataFrame(index=range(300)).assign(x=1))
    # 64 MiB of 160,000 bytes are 419 samples, so all are in one; of smaller limits there would be more
    assert len(list((tmp_path / "a.zarr" / "image").glob("c.*"))) == 1
    many = np.arange(9000, dtype=np.uint16).reshape(9000, 1)
    write_samples(tmp_path / "b.zarr", {"image": many}, pd.DataFrame({"x": range(9000)}))
    assert len(list((tmp_path / "b.zarr" / "image").glob("c.*"))) == 3
    np.testing.assert_array_equal(
        SampleStore(tmp_path / "b.zarr").take("image", [8999, 0, 4096])[:, 0], [8999, 0, 4096]
    )


def refused(path: Path, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        SampleStore(path).take("image")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_shard_is_told_instead_of_zeros(tmp_path: Path) -> None:
    make(tmp_path / "a.zarr")
    shard(tmp_path / "a.zarr").unlink()
    refused(tmp_path / "a.zarr", "damaged: .*make the store again")


@pytest.mark.parametrize("position", [0.001, 0.3, 0.5, 0.9, 0.999])
def test_a_flipped_byte_is_told(tmp_path: Path, position: float) -> None:
    make(tmp_path / "a.zarr")
    path = shard(tmp_path / "a.zarr")
    content = bytearray(path.read_bytes())
    content[int(len(content) * position)] ^= 0xFF
    path.write_bytes(content)
    refused(tmp_path / "a.zarr", "damaged: ")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_cut_shard_is_told(tmp_path: Path, share: float) -> None:
    make(tmp_path / "a.zarr")
    path = shard(tmp_path / "a.zarr")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused(tmp_path / "a.zarr", "damaged: ")


def test_what_is_no_sample_store_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.zarr", "cannot be opened as a sample store")
    zarr.create_group(tmp_path / "other.zarr", zarr_format=3)
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "other.parquet")
    refused(tmp_path / "other.zarr", "is not a sample store of schema")
    make(tmp_path / "a.zarr")
    pd.DataFrame({"x": range(3)}).to_parquet(tmp_path / "a.parquet")
    refused(tmp_path / "a.zarr", "array 'image' has 600 samples, its table 3 rows")
    (tmp_path / "a.parquet").write_bytes(b"no table")
    refused(tmp_path / "a.zarr", "cannot be opened as a sample store")
    make(tmp_path / "b.zarr")
    (tmp_path / "b.zarr" / "image" / "zarr.json").write_text("{}")
    refused(tmp_path / "b.zarr", "cannot be opened|damaged")


def test_arrays_and_table_have_to_have_one_length(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has 2 samples, the table 3 rows"):
        write_samples(tmp_path / "a.zarr", {"image": np.zeros((2, 1))}, pd.DataFrame({"x": range(3)}))
