"""The tables that a comparison leaves, each as Parquet and CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from multiscope.evaluate.comparison import Comparison
from multiscope.evaluate.differences import COLUMNS as DIFFERENCE_COLUMNS
from multiscope.evaluate.profiles import RUN_COLUMNS
from multiscope.evaluate.scoring import Scored

SCORE_COLUMNS = (
    *RUN_COLUMNS, "standard", "scale", "metric", "value", "ci_low", "ci_high", "chance", "over_chance",
    "n_proteins", "n_terms", "n_positive_pairs", "chosen",
)  # fmt: skip
_WHOLE = ("epoch", "seed", "draw")
_REAL = ("value", "ci_low", "ci_high", "chance", "over_chance", "difference")


def write_tables(folder: Path, found: Comparison) -> None:
    """`scores`, `differences`, and, where terms were retrieved, `terms` and `proteins`."""
    write_table(folder / "scores", [row for scored in found.scored for row in scored.rows()], SCORE_COLUMNS)
    write_table(folder / "differences", found.differences, DIFFERENCE_COLUMNS)
    for name in ("terms", "proteins"):
        tables = [_with_run(table, scored) for scored in found.scored if len(table := getattr(scored.found, name))]
        if tables:
            _write(folder / name, pd.concat(tables, ignore_index=True))


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """A tidy table as Parquet and CSV, with its columns and their types even where it has no row."""
    table = pd.DataFrame(rows, columns=list(columns))
    whole = [column for column in columns if column in _WHOLE or column.startswith("n_")]
    real = [column for column in columns if column in _REAL]
    types = {**dict.fromkeys(columns, "string"), **dict.fromkeys(whole, "Int64"), **dict.fromkeys(real, "float64")}
    _write(path, table.astype(types))


def _with_run(table: pd.DataFrame, scored: Scored) -> pd.DataFrame:
    run = {**scored.table.run, "standard": scored.against.standard.name, "scale": scored.against.standard.scale}
    table = table.assign(**run)[[*run, *table.columns]]
    return table.astype({"epoch": "Int64", "seed": "Int64"})


def _write(path: Path, table: pd.DataFrame) -> None:
    table.to_parquet(path.with_suffix(".parquet"), compression="zstd", index=False)
    table.to_csv(path.with_suffix(".csv"), index=False)
