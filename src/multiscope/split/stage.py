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
from multiscope.split.overlap import n_overlapping
from multiscope.split.sides import sides_of, untested


def run(*, crops: Path, out: Path, config: CellSplit, fold: int = 0) -> None:
    """Deal the cells of the folder `crops`, and write `split.parquet` (`cell_id`, `split`) to the stage folder `out`.

    Crops on two sides that show the same pixels, or nearly, are an `InputError`, or a note where `config` says so.
    Restorers learned from the training fields of the data set, whatever is dealt here: with another split than that,
    test cells of restored sources may be of fields that a restorer learned from.
    """
    cells = Crops(crops)
    sides = sides_of(cells.table, config, fold, where=str(crops))
    described = config.model_dump(mode="json") | {"fold": fold}
    with stage_output(out, stage="split", version=STAGE_VERSION, config=described, inputs={"crops": crops}) as made:
        refusing = Split(near_duplicates=config.near_duplicates)
        made.note("leaks", report_leaks(copies(cells, sides.tolist()), refusing, where=str(crops)))
        made.note("n_overlapping", n_overlapping(cells.table, sides, cells.size))
        made.note("untested", untested(cells.table, sides))
        _warn(made, config)
        _write(made, cells.table, sides)
        for key, value in (("by", config.by), ("fold", fold), ("folds", config.folds)):
            made.note(key, value)


def _warn(made: StageRun, config: CellSplit) -> None:
    lines = list(made.notes["leaks"])
    if n := made.notes["n_overlapping"]:
        lines.append(
            f"{n} crops of the test side share pixels with a crop of the training side: cells of one field are on two "
            f"sides (by: {config.by})"
        )
    if without := made.notes["untested"]:
        lines.append(
            f"no cell of {', '.join(without)} is on the test side: a classifier of localizations will refuse "
            "that; leave the localization of these proteins empty, or split otherwise"
        )
    for line in lines:
        print(f"split: {line}", file=sys.stderr, flush=True)


def _write(made: StageRun, cells: pd.DataFrame, sides: pd.Series[str]) -> None:
    table = cells[["cell_id"]].assign(split=sides.to_numpy())
    table.to_parquet(made.path / "split.parquet", compression="zstd")
    for side in SPLITS:
        of_side = cells[(sides == side).to_numpy()]
        made.count(f"{side} cells", len(of_side))
        made.count(f"{side} proteins", len(set(of_side["protein"]) - {""}))
        made.count(f"{side} fields", len(set(of_side["field_id"]) - {""}))
    made.note("split_digest", split_digest(table["cell_id"].tolist(), table["split"].tolist()))
