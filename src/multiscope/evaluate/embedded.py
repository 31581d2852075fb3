"""What the stage reads: profiles and cells of embed folders."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.errors import InputError
from multiscope.evaluate.profiles import Profiles
from multiscope.evaluate.scores.retrieval import Cells
from multiscope.folders import manifest
from multiscope.stores.tables import read_anndata

_SWEPT = re.compile(r"(?P<layer>.+)_epoch(?P<epoch>\d+)")


def read_profiles(folder: Path) -> list[Profiles]:
    """One table a source of an embed folder, and one for each further layer and epoch that it swept over.

    Rows without a protein are left out, and those of only zeros, which have no direction.
    """
    found = manifest.verify(folder, made_by=["embed"])
    notes = found["notes"]
    facts = {"path": folder, "encoder": str(notes["encoder"]), "seed": found.get("seed")}
    main = _tables(folder / "proteins.parquet", layer=str(notes["layer"]), epoch=notes["epoch"], **facts)
    swept = []
    for path in sorted((folder / "sweep").glob("*.parquet")):
        named = _SWEPT.fullmatch(path.stem)
        if named is None:
            raise InputError(f"{path}: its name is no layer and epoch (d2_epoch003.parquet); remove it, or embed again")
        swept += _tables(path, layer=named["layer"], epoch=int(named["epoch"]), swept=True, **facts)
    return main + swept


def _tables(file: Path, **facts: Any) -> list[Profiles]:
    try:
        table = pd.read_parquet(file)
        table = table[table["Metadata_Protein"].fillna("").astype(str) != ""]
        features = [column for column in table.columns if not column.startswith("Metadata_")]
        table = table[table[features].any(axis=1)]
        by_source = list(table.groupby("Metadata_Source", sort=True, observed=True))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{file}: is no table of profiles ({_one_line(error)}); embed again") from None
    if not by_source and not facts.get("swept"):
        raise InputError(f"{file}: has no protein; embed cells of known proteins")
    return [
        Profiles(
            source=str(source),
            x=rows[features].to_numpy(dtype=np.float32),
            proteins=rows["Metadata_Protein"].astype(str).tolist(),
            places=dict(zip(rows["Metadata_Protein"].astype(str), _texts(rows, "Metadata_Localization"), strict=True)),
            **facts,
        )
        for source, rows in by_source
    ]


def _texts(rows: pd.DataFrame, column: str) -> list[str]:
    return [""] * len(rows) if column not in rows else [str(text) for text in rows[column].fillna("")]


def read_cells(folder: Path) -> tuple[npt.NDArray[np.float32], pd.DataFrame] | None:
    """Embeddings (n, d) of all cells of an embed folder and what is known of each; None where it has no cells."""
    path = folder / "cells.zarr"
    if not path.is_dir():
        return None
    table = read_anndata(path)
    columns = ["protein", "localization", "field_id", "split", "source"]
    missing = [column for column in columns if column not in table.obs]
    if missing:
        raise InputError(f"{path}: has no column '{missing[0]}' in obs; embed again")
    return np.asarray(table.X, dtype=np.float32), table.obs[columns].astype(str)


def cells_by_side(
    cells: tuple[npt.NDArray[np.float32], pd.DataFrame] | None, source: str, shared: list[str]
) -> tuple[dict[str, Cells], int]:
    """Train and test cells of a source and of the shared proteins, and how many cells of only zeros were left out."""
    if cells is None:
        none = Cells(np.empty((0, 1)), np.empty(0, dtype=str), np.empty(0, dtype=str))
        return {"train": none, "test": none}, 0
    x, obs = cells
    wanted = ((obs["source"] == source) & obs["protein"].isin(shared)).to_numpy()
    # a cell on which all features are off has no direction; one such cell must not end the stage
    zero = wanted & ~x.any(axis=1)
    of_source = Cells(x, obs["protein"].to_numpy(dtype=str), obs["field_id"].to_numpy(dtype=str))
    keep = wanted & ~zero
    sides = {side: of_source.rows(keep & (obs["split"] == side).to_numpy()) for side in ("train", "test")}
    return sides, int(zero.sum())


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
