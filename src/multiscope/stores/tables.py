"""AnnData tables in Zarr v3 and their Parquet twin with `Metadata_*` columns."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.errors import InputError


def write_anndata(path: Path, x: npt.NDArray[np.float32], obs: pd.DataFrame, uns: Mapping[str, Any]) -> None:
    """Write `x` (n, d) with one row of `obs` each; features are named `emb_0000`, `emb_0001`, ..."""
    var = pd.DataFrame(index=feature_names(x.shape[1]))
    table = ad.AnnData(X=x.astype(np.float32), obs=obs, var=var, uns=dict(uns))
    with ad.settings.override(zarr_write_format=3, auto_shard_zarr_v3=False), warnings.catch_warnings():
        # anndata consolidates the metadata, which zarr remarks on for every store of format 3
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        table.write_zarr(path)


def read_anndata(path: Path) -> ad.AnnData:
    """Read a table written by `write_anndata` or by another tool."""
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
