"""Matrices block by block: whole and readable for others, and the same after kills."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr

from multiscope.errors import InputError
from multiscope.folders.manifest import stage_output
from multiscope.stores.matrix import Matrix, MatrixWriter, Values
from multiscope.stores.tables import complete_anndata, read_anndata, write_anndata
from tests.stores.kills import killed_again_and_again, starter

N_ROWS, BLOCK_ROWS = 50, 8


def values(n_features: int = 3, n_rows: int = N_ROWS) -> Values:
    return np.random.default_rng(n_features).normal(size=(n_rows, n_features)).astype(np.float32)


def write(path: Path, x: Values, block_rows: int = BLOCK_ROWS) -> None:
    with MatrixWriter({path: x.shape[1]}, n_rows=len(x), block_rows=block_rows) as writer:
        for number in reversed(writer.missing):
            writer.write(number, partial(dict, {path: x[slice(*writer.rows(number))]}))


@pytest.mark.parametrize("block_rows", [1, 7, 25, 50])
def test_blocks_are_the_whole_in_any_order(tmp_path: Path, block_rows: int) -> None:
    x = values()
    write(tmp_path / "x", x, block_rows)
    matrix = Matrix(tmp_path / "x")
    assert (matrix.shape, matrix.block_rows) == (x.shape, block_rows)
    assert np.array_equal(np.concatenate([matrix.block(k) for k in range(-(-N_ROWS // block_rows))]), x)
    assert np.array_equal(np.asarray(zarr.open_array(tmp_path / "x", mode="r")[...]), x)


def test_zeros_are_written_and_what_is_missing_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "x", np.zeros((N_ROWS, 3), np.float32))
    assert not Matrix(tmp_path / "x").block(2).any()
    (tmp_path / "x" / "c.2.0").unlink()
    with pytest.raises(InputError, match=r"damaged: .*make the store again"):
        Matrix(tmp_path / "x").block(2)


def test_a_flipped_bit_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "x", values())
    chunk = tmp_path / "x" / "c.1.0"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        Matrix(tmp_path / "x").block(1)


def test_a_block_of_another_shape_and_a_failed_write_are_raised(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with (
        pytest.raises(ValueError, match=r"block 0 is \(7, 3\), expected \(8, 3\)"),
        MatrixWriter({path: 3}, n_rows=N_ROWS, block_rows=BLOCK_ROWS) as writer,
    ):
        writer.write(0, lambda: {path: values()[:7]})


def test_it_is_the_table_that_anndata_itself_writes(tmp_path: Path) -> None:
    x = values()
    obs = pd.DataFrame(
        {"cell_id": [f"c{i}" for i in range(N_ROWS)], "protein": ["A", "B"] * (N_ROWS // 2)},
        index=[f"clean/c{i}" for i in range(N_ROWS)],
    )
    uns = {"embedding": {"layer": "d2", "epoch": 3, "flips": False}}
    write_anndata(tmp_path / "whole.zarr", x, obs, uns)
    write(tmp_path / "blocks.zarr" / "X", x)
    complete_anndata(tmp_path / "blocks.zarr", obs, uns)
    whole, blocks = (read_anndata(tmp_path / name) for name in ("whole.zarr", "blocks.zarr"))
    assert np.array_equal(blocks.X, whole.X) and blocks.X.dtype == np.float32
    pd.testing.assert_frame_equal(blocks.obs, whole.obs)
    pd.testing.assert_frame_equal(blocks.var, whole.var)
    assert blocks.uns == whole.uns
    keys = [{str(key) for key in zarr.open_group(tmp_path / name, mode="r")} for name in ("whole.zarr", "blocks.zarr")]
    assert keys[0] - {"raw"} == keys[1]
    part = zarr.open_group(tmp_path / "blocks.zarr", mode="r")["X"]
    assert isinstance(part, zarr.Array) and np.array_equal(np.asarray(part[9:12]), x[9:12])


def make(out: Path) -> None:
    """A stage with two matrices in blocks, the second in the scratch folder, then a third made of it."""
    with stage_output(out, stage="embed", version=1, config={}, inputs={}, seed=3) as made:
        scratch, x, y = made.journal.scratch / "d1", made.path / "X", made.path / "Y"
        blocks = {"n_rows": 3000, "block_rows": 100, "journal": made.journal}
        with MatrixWriter({x: 40, scratch: 9}, **blocks) as writer:
            for number in writer.missing:
                start, stop = writer.rows(number)
                both = {x: values(40, 3000)[start:stop], scratch: values(9, 3000)[start:stop]}
                writer.write(number, partial(dict, both))
        with MatrixWriter({y: 9}, **blocks) as writer:
            for number in writer.missing:
                writer.write(number, partial(dict, {y: 2 * Matrix(scratch).block(number)}))


@pytest.mark.slow
def test_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    start = starter(make, "multiscope.folders.manifest", "multiscope.stores.matrix")
    last = killed_again_and_again(tmp_path, start, kills=12)
    assert np.array_equal(Matrix(last / "Y").block(7), 2 * values(9, 3000)[700:800])
