"""The stage `split` and its command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiscope import cli
from multiscope.config import CellSplit
from multiscope.data.crops import Crops
from multiscope.data.split import split_digest
from multiscope.errors import InputError
from multiscope.folders.manifest import verify
from multiscope.split import stage
from multiscope.split.stage import run


def command(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["multiscope", "split", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def notes_of(folder: Path) -> dict[str, Any]:
    notes: dict[str, Any] = json.loads((folder / "manifest.json").read_text())["notes"]
    return notes


def test_the_stage_writes_the_sides_and_says_what_they_are(
    tiny_crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(crops=tiny_crops, out=tmp_path / "out", config=CellSplit(by="field", train=0.4, val=0.3))
    table, cut = pd.read_parquet(tmp_path / "out" / "split.parquet"), Crops(tiny_crops).table
    assert list(table) == ["cell_id", "split"] and table["cell_id"].tolist() == cut["cell_id"].tolist()
    manifest = verify(tmp_path / "out", made_by=["split"], full=True)
    notes, counts = manifest["notes"], manifest["counts"]
    digest = split_digest(table["cell_id"].tolist(), table["split"].tolist())
    nothing: dict[str, Any] = {"leaks": [], "n_overlapping": 0, "untested": []}
    assert notes == nothing | {"split_digest": digest, "by": "field", "fold": 0, "folds": None}
    for side in ("train", "val", "test"):
        of_side = cut[(table["split"] == side).to_numpy()]
        for what, column in (("cells", "cell_id"), ("fields", "field_id"), ("proteins", "protein")):
            assert counts[f"{side} {what}"]["kept"] == of_side[column].nunique() > 0
    assert "on two sides" not in capsys.readouterr().err


def test_a_fold_is_asked_for_by_its_number(tiny_crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested: list[str] = []
    for fold in range(3):
        out = tmp_path / str(fold)
        words = ("--crops", tiny_crops, "--config", "{by: field, folds: 3, val: 0}", "--fold", fold, "--out", out)
        assert command(monkeypatch, *words) == 0
        assert (notes_of(out)["fold"], notes_of(out)["folds"]) == (fold, 3)
        tested += pd.read_parquet(out / "split.parquet").query("split == 'test'")["cell_id"].tolist()
    assert sorted(tested) == sorted(Crops(tiny_crops).table["cell_id"])
    assert len({notes_of(tmp_path / str(fold))["split_digest"] for fold in range(3)}) == 3


def test_the_command_without_options_keeps_the_data_set_s_sides(
    tiny_crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(monkeypatch, "--crops", tiny_crops, "--out", tmp_path / "out") == 0
    found, expected = pd.read_parquet(tmp_path / "out" / "split.parquet"), Crops(tiny_crops).table
    assert found.to_numpy().tolist() == expected[["cell_id", "split"]].to_numpy().tolist()


def test_overlaps_of_a_split_by_cell_are_said(
    tiny_crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--crops", tiny_crops, "--out", tmp_path / "out", "--config", "{by: cell, train: 0.4, val: 0.2}")
    assert command(monkeypatch, *words) == 0
    n = notes_of(tmp_path / "out")["n_overlapping"]
    said = capsys.readouterr().err
    assert n > 0 and f"split: {n} crops of the test side share pixels with a crop of the training side" in said


def test_a_localization_without_test_cells_is_said(
    tiny_crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lonely(crops: Path) -> Crops:
        found = Crops(crops)
        found.table.loc[found.table["protein"] == found.table["protein"].iloc[0], "localization"] = "alone"
        return found

    monkeypatch.setattr(stage, "Crops", lonely)
    run(crops=tiny_crops, out=tmp_path / "out", config=CellSplit(by="protein"))
    untested = notes_of(tmp_path / "out")["untested"]
    assert "alone" in untested and len(untested) == 2  # and the place that it was taken from, of two proteins
    assert f"split: no cell of {', '.join(untested)} is on the test side" in capsys.readouterr().err


def test_copies_on_two_sides_are_refused_or_said(
    tiny_crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Crops(tiny_crops).table
    sides = table["split"].to_numpy()
    one, other = (int(np.flatnonzero(sides == side)[0]) for side in ("train", "test"))
    rng, read = np.random.default_rng(0), Crops.read

    def with_copy(self: Crops, rows: Any, channels: list[int]) -> Any:
        images = read(self, np.where(np.asarray(rows) == other, one, rows), channels).astype(np.float32)
        return images + rng.normal(0, 0.01, images.shape) * np.ptp(images, axis=(-2, -1), keepdims=True)

    monkeypatch.setattr(Crops, "read", with_copy)
    first, second = (table["cell_id"].iloc[number] for number in sorted((one, other)))
    words = ("--crops", tiny_crops, "--out", tmp_path / "out")
    assert command(monkeypatch, *words) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"multiscope: {tiny_crops}: the same pixels, or nearly, are on two sides of the split: {first} and" in said
    assert second in said and said.endswith("or set split.near_duplicates to warn")
    assert not (tmp_path / "out").exists()
    assert command(monkeypatch, *words, "--config", "{near_duplicates: warn}") == 0
    (noted,) = notes_of(tmp_path / "out")["leaks"]
    assert f"{first} and {second}" in noted and f"split: {noted}\n" in capsys.readouterr().err


def test_what_cannot_be_dealt_leaves_nothing(tiny_crops: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^{tiny_crops}: protein .* has 3 fields; expected at least 5 for 5 folds"):
        run(crops=tiny_crops, out=tmp_path / "out", config=CellSplit(by="field", folds=5))
    assert not list(tmp_path.iterdir())
