"""Sample stores: what goes in comes out, and damage is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multiscope.errors import InputError
from multiscope.stores.samples import SampleStore, write_samples

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
