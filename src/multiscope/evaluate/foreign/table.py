"""Profiles of a file, as they are scored: each protein once, finite numbers, no row of zeros."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from multiscope.errors import InputError
from multiscope.evaluate.controls import PLACES, SHUFFLED
from multiscope.evaluate.foreign.anndata_tables import read_anndata_table
from multiscope.evaluate.foreign.content import Content, Values, say_left_out, shown
from multiscope.evaluate.foreign.parquet_tables import read_parquet_table
from multiscope.evaluate.foreign.text_tables import read_text_table
from multiscope.evaluate.profiles import Profiles


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
    columns. Features are the columns of numbers that do not begin with `Metadata_`; AnnData's are its `X`. Columns of
    text and rows without a name are left out, and said on stderr. `standardize` gives each feature mean 0 and standard
    deviation 1, `clip` then limits it to -clip to clip. Rows of one name are an `InputError`, or, with `aggregate`,
    become their mean.
    """
    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    check_name(name)
    content = _named(path, _read(path, gene_column))
    x, names, features = content.x, content.names, content.features
    if aggregate:
        _check_finite(str(path), x, names, features)
        x, names = _averaged(x, names)
    check_values(str(path), x, names, features)
    if standardize:
        x = _standardized(path, x, features)
    if clip is not None:
        x = np.clip(x, -clip, clip)
    check_directions(str(path), x, names)
    return Profiles(path, "profiles", name, "table", None, None, x, names)


def check_name(name: str) -> None:
    """Refuse (`InputError`) a table that is called like a control, whose scores would be taken for the control's."""
    if name in (SHUFFLED, PLACES):
        raise InputError(f"a table of profiles is called '{name}', as a control is; give it another name")


def check_values(where: str, x: Values, names: Sequence[str], features: Sequence[str]) -> None:
    """Refuse (`InputError`) an empty x (n, d), proteins that come twice and values that are not finite."""
    if not x.size:
        raise InputError(f"{where}: has {x.shape[0]} rows and {x.shape[1]} features; expected one row a protein")
    counts = pd.Series(names).value_counts()
    if counts.iloc[0] > 1:
        raise InputError(
            f"{where}: {shown(counts.index[0])} has {counts.iloc[0]} rows, and {int((counts > 1).sum())} names have "
            "more than one; expected one profile a protein: average them with --aggregate"
        )
    _check_finite(where, x, names, features)


def check_directions(where: str, x: Values, names: Sequence[str]) -> None:
    """Refuse (`InputError`) rows of x (n, d) of only zeros, which have no cosine with any other."""
    empty = np.flatnonzero(~x.any(axis=1))
    if len(empty):
        raise InputError(
            f"{where}: {shown(names[empty[0]])} is 0 in all {x.shape[1]} features ({len(empty)} such rows), so it is "
            "like no other; drop these rows"
        )


def _read(path: Path, gene_column: str | None) -> Content:
    kind = path.name.lower().removesuffix(".gz").rsplit(".", 1)[-1]
    if not path.exists():
        raise InputError(f"{path}: is not there; expected a table of profiles")
    if kind in ("h5ad", "zarr"):
        return read_anndata_table(path, gene_column)
    if kind == "parquet":
        return read_parquet_table(path, gene_column)
    if kind not in ("csv", "tsv", "txt"):
        raise InputError(f"{path}: ends in '.{kind}'; expected .csv, .tsv, .txt, .parquet, .h5ad or .zarr")
    return read_text_table(path, gene_column, "," if kind == "csv" else "\t")


def _named(path: Path, content: Content) -> Content:
    """The rows that have a name."""
    if not content.names:
        raise InputError(f"{path}: has no rows; expected one row a protein")
    named = np.array([bool(name) for name in content.names])
    if not named.any():
        raise InputError(f"{path}: has no row with the name of a protein; name the column with --gene-column")
    if named.all():
        return content
    print(f"evaluate: {path}: left out {int((~named).sum())} rows without the name of a protein", file=sys.stderr)
    return Content(content.x[named], [name for name in content.names if name], content.features)


def _check_finite(where: str, x: Values, names: Sequence[str], features: Sequence[str]) -> None:
    rows, columns = np.nonzero(~np.isfinite(x))
    if len(rows):
        raise InputError(
            f"{where}: feature {shown(features[columns[0]])} of {shown(names[rows[0]])} is not a finite number, as are "
            f"{len(rows)} values in {len(np.unique(rows))} rows; drop these rows or features, or fill them"
        )


def _averaged(x: Values, names: list[str]) -> tuple[Values, list[str]]:
    means = pd.DataFrame(x).groupby(np.asarray(names, dtype=object), sort=True).mean()
    return means.to_numpy(), means.index.tolist()


def _standardized(path: Path, x: Values, features: Sequence[str]) -> Values:
    """Mean 0 and standard deviation 1 of each feature; a constant one is left out, and said."""
    deviation = x.std(axis=0)
    varying = deviation > 1e-12 * np.abs(x).max(axis=0)
    if not varying.any():
        raise InputError(f"{path}: all {len(features)} features are constant, so all profiles are alike")
    say_left_out(path, "constant features", [features[number] for number in np.flatnonzero(~varying).tolist()])
    x, deviation = x[:, varying], deviation[varying]
    return np.asarray((x - x.mean(axis=0)) / deviation)
