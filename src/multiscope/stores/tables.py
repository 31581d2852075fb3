"""AnnData tables in Zarr v3 and their Parquet twin with `Metadata_*` columns."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
import zarr

from multiscope.errors import InputError
from multiscope.stores.matrix import Matrix

_PARTS = ("obs", "var", "obsm", "varm", "obsp", "varp", "layers", "uns")


def write_anndata(path: Path, x: npt.NDArray[np.float32], obs: pd.DataFrame, uns: Mapping[str, Any]) -> None:
    """Write `x` (n, d) with one row of `obs` each; features are named `emb_0000`, `emb_0001`, ..."""
    table = ad.AnnData(X=x.astype(np.float32), obs=obs, var=_var(x.shape[1]), uns=dict(uns))
    with _as_we_write():
        table.write_zarr(path)


def complete_anndata(path: Path, obs: pd.DataFrame, uns: Mapping[str, Any]) -> None:
    """Make an AnnData table of the folder `path`, whose array `X` a `MatrixWriter` wrote, as `write_anndata` would."""
    group = zarr.open_group(path, mode="a", zarr_format=3)
    table = ad.AnnData(obs=obs, var=_var(Matrix(path / "X").shape[1]), uns=dict(uns))
    table.strings_to_categoricals()
    group.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
    with _as_we_write():
        for part in _PARTS:
            found = getattr(table, part)
            ad.io.write_elem(group, part, found if isinstance(found, pd.DataFrame) else dict(found))
        zarr.consolidate_metadata(group.store)


@contextmanager
def _as_we_write() -> Iterator[None]:
    with ad.settings.override(zarr_write_format=3, auto_shard_zarr_v3=False), warnings.catch_warnings():
        # anndata consolidates the metadata, which zarr remarks on for every store of format 3
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        yield


def _var(n: int) -> pd.DataFrame:
    return pd.DataFrame(index=feature_names(n))


def read_anndata(path: Path) -> ad.AnnData:
    """Read a table written by `write_anndata`, by `complete_anndata` or by another tool."""
    try:
        return ad.read_zarr(path)
    except Exception as error:  # anndata and zarr raise many kinds; all mean that this is no AnnData store
        raise InputError(f"{path}: cannot be read as AnnData Zarr ({' '.join(str(error).split())[:200]})") from None


def write_profiles_parquet(path: Path, x: npt.NDArray[np.float32], obs: pd.DataFrame) -> None:
    """Write the rows as one wide table: columns of `obs` as `Metadata_*`, then the features."""
    metadata = obs.reset_index(drop=True).add_prefix("Metadata_")
    features = pd.DataFrame(x.astype(np.float32), columns=feature_names(x.shape[1]))
    pd.concat([metadata, features], axis=1).to_parquet(path, compression="zstd")


def feature_names(n: int) -> list[str]:
    """Names of `n` features."""
    return [f"emb_{i:04d}" for i in range(n)]
