from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from multiscope.config import Augment, Gaussian, Restore, Sweep, SweepPlan
from multiscope.errors import InputError
from multiscope.restore.stage import gather_scores
from multiscope.sweep.stage import run

PLAN = SweepPlan(
    augment=Augment(data="tiny", patch_size=32),
    restore=Restore(methods={"filter": Gaussian(model="gaussian")}),
    sweep=Sweep(methods=["filter"], n_pairs=[1, 2, 3], augmentation=["flips"], test_fields=2),
)


def swept(data: Path, out: Path, **part: int) -> Path:
    run(data=data, generator=None, out=out, state=out.with_suffix(".state"), method="filter", plan=PLAN, seed=0, **part)
    return out


def test_jobs_that_share_the_runs_have_the_scores_of_one_that_does_all(tiny_screen: Path, tmp_path: Path) -> None:
    whole = pd.read_parquet(swept(tiny_screen, tmp_path / "whole") / "scores.parquet")
    shares = [swept(tiny_screen, tmp_path / f"{part}", part=part, parts=2) for part in (1, 2)]
    assert [len(list((share / "runs").glob("*pairs*"))) for share in shares] == [2, 1]
    gather_scores(runs=shares, out=tmp_path / "all.parquet", csv=tmp_path / "all.csv")
    keys = ["method", "n_pairs", "defect", "image_id", "metric", "rule"]
    both = pd.read_parquet(tmp_path / "all.parquet")
    expected, found = (table.sort_values(keys, ignore_index=True)[[*keys, "value"]] for table in (whole, both))
    pd.testing.assert_frame_equal(expected, found)


def test_a_part_beyond_the_last_is_refused(tiny_screen: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--part 3: there are 2 parts \(--parts\); name one from 1 to 2"):
        swept(tiny_screen, tmp_path / "out", part=3, parts=2)
