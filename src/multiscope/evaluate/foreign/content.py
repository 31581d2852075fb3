"""What is read of any table: names, features and numbers; and what all readers say in the same words."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError

Values = npt.NDArray[np.float64]
MOST_BYTES = 2**30
MOST_COLUMNS = 2**20
NAME_BYTES = 64
"""About what a short string takes."""
METADATA = "Metadata_"
GENES = ("Metadata_Protein", "Metadata_Symbol", "Metadata_Gene", "gene", "Gene", "gene_symbol", "protein", "Protein")


@dataclass(frozen=True)
class Content:
    """Rows of a table."""

    x: Values
    """Numbers, (n, d)."""
    names: list[str]
    """Names of proteins, (n,), empty where a row has none."""
    features: list[str]
    """Names of the columns of numbers, (d,)."""


def gene_column(path: Path, columns: Sequence[str], wanted: str | None) -> str:
    """The column of names among `columns`: the one that is `wanted`, or else the first of a few usual ones."""
    if wanted is not None and wanted not in columns:
        raise InputError(
            f"{path}: has no column '{wanted}'; expected the column of gene names, one of {listed(columns)}"
        )
    found = wanted or next((column for column in GENES if column in columns), None)
    if found is None:
        raise InputError(f"{path}: which column has the gene names? name one with --gene-column: {listed(columns)}")
    return found


def as_name(value: Any) -> str:
    """A cell as a name: whole numbers without a point (`1000`, not `1000.0`), what is missing empty."""
    if value is None or (isinstance(value, (float, np.floating)) and np.isnan(value)):
        return ""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return (value.decode(errors="replace") if isinstance(value, bytes) else str(value)).strip()


def check_size(path: Path, size: int) -> None:
    """Refuse (`InputError`) what takes more than `MOST_BYTES`."""
    if size > MOST_BYTES:
        raise InputError(f"{path}: has more than {MOST_BYTES / 2**30:g} GiB of values; cut it into several tables")


def check_table(path: Path, n_rows: int, n_features: int) -> None:
    """Refuse (`InputError`) a table whose numbers and names, as they lie in memory, are more than `MOST_BYTES`."""
    check_size(path, n_rows * (8 * n_features + NAME_BYTES))


def check_columns(path: Path, columns: Sequence[str]) -> None:
    """Refuse (`InputError`) more than `MOST_COLUMNS` columns."""
    if len(columns) > MOST_COLUMNS:
        raise InputError(f"{path}: has {len(columns)} columns; expected up to {MOST_COLUMNS}: leave some out")


def no_numbers(path: Path, column: str) -> InputError:
    """The error of a table without features."""
    return InputError(f"{path}: has no column of numbers beside {shown(column)}; expected features, one a column")


def say_left_out(path: Path, what: str, columns: Sequence[str]) -> None:
    """One line on stderr that `columns` are left out, if there are any."""
    if columns:
        print(f"evaluate: {path}: left out {len(columns)} {what}: {listed(columns, 4)}", file=sys.stderr)


def listed(columns: Sequence[str], most: int = 8) -> str:
    """The first `most` names, and how many more there are."""
    names = ", ".join(shown(column) for column in columns[:most])
    return names + (f" and {len(columns) - most} more" if len(columns) > most else "")


def shown(text: str) -> str:
    """A foreign text in quotes, on one line, cut short."""
    return "'" + "".join(sign if sign.isprintable() else "?" for sign in text[:40]) + "'"


def one_line(error: BaseException) -> str:
    """What another reader said, on one line, cut short."""
    return " ".join(str(error).split())[:200] or type(error).__name__
