"""The stage `split`: the side of every cell, made once for all encoders, and looked over for leaks."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from multiscope.config import CellSplit, Split
from multiscope.data.crops import Crops
from multiscope.data.leaks import report_leaks
from multiscope.data.split import SPLITS, split_digest
from multiscope.folders.manifest import StageRun, stage_output
from multiscope.split import STAGE_VERSION
from multiscope.split.copies import copies
from multiscope.split.sides import overlapping, sides_of


def run(*, crops: Path, out: Path, config: CellSplit, fold: int = 0) -> None:
    """Deal the cells of the folder `crops`, and write `split.parquet` (`cell_id`, `split`) to the stage folder `out`.

    Crops on two sides that show the same pixels, or nearly, are an `InputError`, or a note where `config` says so.
    Restorers learned from the training fields of the data set, whatever is dealt here: with another split than that,
    test cells of restored sources may be of fields that a restorer learned from.
    """
    cells = Crops(crops)
    sides = sides_of(cells.table, config, fold, where=str(crops))
    described = config.model_dump(mode="json") | {"fold": fold if config.folds else 0}
    with stage_output(out, stage="split", version=STAGE_VERSION, config=described, inputs={"crops": crops}) as made:
        refusing = Split(near_duplicates=config.near_duplicates)
        made.note("leaks", report_leaks(copies(cells, sides.tolist()), refusing, where=str(crops)))
        n_overlapping = overlapping(cells.table, sides, cells.size)
        if n_overlapping:
            print(
                f"split: {n_overlapping} crops of the test side share pixels with a crop of the training side: cells "
                f"of one field are on two sides (by: {config.by})",
                file=sys.stderr,
            )
        made.note("n_overlapping", n_overlapping)
        _write(made, cells.table, sides, config)
        made.note("fold", described["fold"])


def _write(made: StageRun, cells: pd.DataFrame, sides: pd.Series[str], config: CellSplit) -> None:
    table = cells[["cell_id"]].assign(split=sides.to_numpy())
    table.to_parquet(made.path / "split.parquet", compression="zstd")
    for side in SPLITS:
        of_side = cells[(sides == side).to_numpy()]
        made.count(f"{side} cells", len(of_side))
        made.count(f"{side} proteins", of_side["protein"].nunique())
        made.count(f"{side} fields", of_side["field_id"].nunique())
    made.note("split_digest", split_digest(table["cell_id"].tolist(), table["split"].tolist()))
    made.note("by", config.by)
    made.note("folds", config.folds)
