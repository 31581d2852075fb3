"""Profiles as other tools write them: AnnData, Parquet or CSV with a column of gene names."""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet

from multiscope.errors import InputError
from multiscope.evaluate.profiles import Profiles
from multiscope.images.bounded import read_bounded
from multiscope.stores.foreign_zarr import check_zarr
from multiscope.stores.tables import read_anndata

Values = npt.NDArray[np.float64]
_MOST_BYTES = 4 * 2**30
_GENES = ("Metadata_Protein", "Metadata_Symbol", "Metadata_Gene", "gene", "Gene", "gene_symbol", "protein", "Protein")
_METADATA = "Metadata_"


def read_table(
    path: Path,
    *,
    gene_column: str | None = None,
    standardize: bool = False,
    clip: float | None = None,
    aggregate: bool = False,
) -> Profiles:
    """Profiles of `path`, named after it: `.csv`, `.tsv` or `.txt` (also `.gz`), `.parquet`, `.h5ad` or `.zarr`.

    Names of proteins are in `gene_column`, in AnnData in `obs` (or its index); without it, in the first of a few usual
    columns. Features are the columns of numbers that do not begin with `Metadata_`; AnnData's are its `X`. Rows without
    a name are left out. `standardize` gives each feature mean 0 and standard deviation 1, `clip` then limits it to
    -clip to clip. Rows of one name are an `InputError`, or, with `aggregate`, become their mean.
    """
    x, names, features = _read(path, gene_column)
    named = np.array([bool(name) for name in names])
    x, names = x[named], [name for name in names if name]
    if not len(x):
        raise InputError(f"{path}: has no row with the name of a protein; name the column with --gene-column")
    if aggregate:
        x, names = _averaged(x, names)
    check_values(str(path), x, names, features)
    if standardize:
        x = _standardized(path, x, features)
    if clip is not None:
        x = np.clip(x, -clip, clip)
    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return Profiles(path, "profiles", name, "table", None, None, x, names)


def _read(path: Path, gene_column: str | None) -> tuple[Values, list[str], list[str]]:
    kind = path.name.lower().removesuffix(".gz").rsplit(".", 1)[-1]
    if not path.exists():
        raise InputError(f"{path}: is not there; expected a table of profiles")
    if kind in ("h5ad", "zarr"):
        return _from_anndata(path, gene_column)
    if kind not in ("csv", "tsv", "txt", "parquet"):
        raise InputError(f"{path}: ends in '.{kind}'; expected .csv, .tsv, .txt, .parquet, .h5ad or .zarr")
    table = _parquet(path) if kind == "parquet" else _text(path, "," if kind == "csv" else "\t")
    column = _gene_column(path, list(map(str, table.columns)), gene_column)
    names = _names(table[column])
    rest = table.drop(columns=[column, *(c for c in table.columns if str(c).startswith(_METADATA) and c != column)])
    numbers = rest.select_dtypes("number")
    if not len(numbers.columns):
        raise InputError(f"{path}: has no column of numbers beside '{column}'; expected features, one a column")
    return numbers.to_numpy(dtype=np.float64, copy=True), names, [str(c) for c in numbers.columns]


def _parquet(path: Path) -> pd.DataFrame:
    try:
        facts = pyarrow.parquet.read_metadata(path)
        size = sum(facts.row_group(i).total_byte_size for i in range(facts.num_row_groups))
        _check_size(path, max(size, 8 * facts.num_rows * facts.num_columns))
        return pd.read_parquet(path)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: is no Parquet table ({_one_line(error)}); write it again") from None


def _text(path: Path, separator: str) -> pd.DataFrame:
    try:
        if path.name.lower().endswith(".gz"):
            with gzip.open(path, "rb") as file:
                content = file.read(_MOST_BYTES + 1)
            _check_size(path, len(content))
        else:
            _check_size(path, path.stat().st_size)
            content = read_bounded(path, limit=_MOST_BYTES, where=str(path), instead="use Parquet")
        return pd.read_csv(io.BytesIO(content), sep=separator, dtype={0: str}, low_memory=False)
    except (OSError, EOFError, ValueError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no table ({_one_line(error)}); expected columns with a header") from None


def _from_anndata(path: Path, gene_column: str | None) -> tuple[Values, list[str], list[str]]:
    table = _anndata(path)
    if table.X is None:
        raise InputError(f"{path}: has no X; expected profiles, one row a protein")
    x = table.X.toarray() if hasattr(table.X, "toarray") else np.asarray(table.X)
    usual = [column for column in _GENES if column in table.obs]
    if gene_column is None and not usual:
        names = _names(pd.Series(table.obs_names))
    else:
        names = _names(table.obs[_gene_column(path, list(map(str, table.obs.columns)), gene_column)])
    return x.astype(np.float64), names, [str(name) for name in table.var_names]


def _anndata(path: Path) -> ad.AnnData:
    if path.is_dir():
        check_zarr(path, most_values=_MOST_BYTES // 8)
        return read_anndata(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = ad.read_h5ad(path, backed="r")
            _check_size(path, 8 * table.n_obs * table.n_vars)
            return table.to_memory()
    except InputError:
        raise
    except Exception as error:  # anndata and h5py raise many kinds; all mean that this is no AnnData file
        raise InputError(f"{path}: cannot be read as AnnData ({_one_line(error)}); write it again") from None


def _gene_column(path: Path, columns: Sequence[str], wanted: str | None) -> str:
    if wanted is not None and wanted not in columns:
        raise InputError(
            f"{path}: has no column '{wanted}'; expected the column of gene names, one of {_listed(columns)}"
        )
    found = wanted or next((column for column in _GENES if column in columns), None)
    if found is None:
        raise InputError(f"{path}: which column has the gene names? name one with --gene-column: {_listed(columns)}")
    return found


def _names(column: pd.Series) -> list[str]:
    return [str(name).strip() for name in column.astype("string").fillna("")]


def _averaged(x: Values, names: list[str]) -> tuple[Values, list[str]]:
    means = pd.DataFrame(x).groupby(np.asarray(names), sort=True).mean()
    return means.to_numpy(), means.index.tolist()


def check_values(where: str, x: Values, names: Sequence[str], features: Sequence[str]) -> None:
    """Refuse (`InputError`) proteins that come twice and values of x (n, d) that are not finite."""
    counts = pd.Series(names).value_counts()
    if counts.iloc[0] > 1:
        raise InputError(
            f"{where}: '{counts.index[0]}' has {counts.iloc[0]} rows, and {int((counts > 1).sum())} names have more "
            "than one; expected one profile a protein: average them with --aggregate"
        )
    rows, columns = np.nonzero(~np.isfinite(x))
    if len(rows):
        raise InputError(
            f"{where}: feature '{features[columns[0]]}' of '{names[rows[0]]}' is not a finite number, as are "
            f"{len(rows)} values in {len(np.unique(rows))} rows; drop these rows or features, or fill them"
        )


def _standardized(path: Path, x: Values, features: Sequence[str]) -> Values:
    """Mean 0 and standard deviation 1 of each feature; a constant one is left out, and said."""
    deviation = x.std(axis=0)
    varying = deviation > 1e-12 * np.abs(x).max(axis=0)
    if not varying.any():
        raise InputError(f"{path}: all {len(features)} features are constant, so all profiles are alike")
    x, deviation = x[:, varying], deviation[varying]
    return np.asarray((x - x.mean(axis=0)) / deviation)


def _check_size(path: Path, size: int) -> None:
    if size > _MOST_BYTES:
        raise InputError(f"{path}: has more than {_MOST_BYTES // 2**30} GiB of values; cut it into several tables")


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(f"'{column[:40]}'" for column in columns[:8])
    return shown + (f" and {len(columns) - 8} more" if len(columns) > 8 else "")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
