from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from multiscope import cli
from multiscope.config import CellSplit
from multiscope.data.crops import Crops
from multiscope.data.split import split_digest
from multiscope.errors import InputError
from multiscope.split.copies import copies
from multiscope.split.stage import run

RNG = np.random.default_rng(0)


def fake(images: np.ndarray) -> Any:
    """Crops that are in memory."""
    return SimpleNamespace(
        table=pd.DataFrame({"cell_id": [f"c{i}" for i in range(len(images))]}),
        channels=["a", "b"],
        read=lambda rows, channels: images[rows][:, channels],
    )


def cells(n: int) -> np.ndarray:
    """Round cells with structures inside, 2 channels, as a camera gives them."""
    y, x = np.mgrid[:64, :64] - 31.5
    body = 1 / (1 + np.exp((np.hypot(y, x) - 16) / 1.5))
    inside = ndimage.gaussian_filter(RNG.normal(size=(n, 2, 64, 64)), (0, 0, 3, 3)) * 12
    return (100 + 600 * body * (1 + 0.5 * inside)).clip(0).astype(np.uint16)


def test_different_cells_are_no_copies() -> None:
    assert copies(fake(cells(300)), ["train", "test"] * 150) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        lambda image: image * 1.7 + 40,
        lambda image: image + RNG.normal(0, 12, image.shape),
        lambda image: ndimage.gaussian_filter(image.astype(float), (0, 0.5, 0.5)),
    ],
    ids=["same", "brighter", "noisy", "smoothed"],
)
def test_a_copy_on_another_side_is_found(change: Any) -> None:
    images = cells(40)
    images[25] = change(images[3]).clip(0, 65535).astype(np.uint16)
    sides = ["train"] * 20 + ["test"] * 20
    assert copies(fake(images), sides) == [("c3", "c25")]
    assert copies(fake(images), ["train"] * 40) == []


def test_empty_crops_are_no_copies_of_each_other() -> None:
    assert copies(fake(np.full((4, 2, 64, 64), 100, np.uint16)), ["train", "train", "test", "test"]) == []


def test_the_stage_writes_the_sides_and_says_what_they_are(tiny_crops: Path, tmp_path: Path) -> None:
    run(crops=tiny_crops, out=tmp_path / "out", config=CellSplit(by="field", train=0.4, val=0.3))
    table, cut = pd.read_parquet(tmp_path / "out" / "split.parquet"), Crops(tiny_crops).table
    assert list(table) == ["cell_id", "split"] and table["cell_id"].tolist() == cut["cell_id"].tolist()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    notes, counts = manifest["notes"], manifest["counts"]
    assert notes["split_digest"] == split_digest(table["cell_id"].tolist(), table["split"].tolist())
    assert notes["leaks"] == [] and notes["by"] == "field" and notes["n_overlapping"] == 0
    for side in ("train", "val", "test"):
        assert counts[f"{side} cells"]["kept"] == int((table["split"] == side).sum())


def test_overlaps_of_a_split_by_cell_are_said(
    tiny_crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["split", "--crops", str(tiny_crops), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["multiscope", *words, "--config", "{by: cell, train: 0.4, val: 0.2}"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    n = json.loads((tmp_path / "out" / "manifest.json").read_text())["notes"]["n_overlapping"]
    said = capsys.readouterr().err
    assert n > 0 and f"split: {n} crops of the test side share pixels with a crop of the training side" in said


def test_leaks_are_refused_or_noted(tiny_crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from multiscope.split import stage

    monkeypatch.setattr(stage, "copies", lambda crops, sides: [("a", "b")])
    with pytest.raises(InputError, match="nearly, are on two sides of the split: a and b; scores would be too good"):
        run(crops=tiny_crops, out=tmp_path / "out", config=CellSplit())
    assert not (tmp_path / "out").exists()
    run(crops=tiny_crops, out=tmp_path / "out", config=CellSplit(near_duplicates="warn"))
    noted = json.loads((tmp_path / "out" / "manifest.json").read_text())["notes"]["leaks"]
    assert len(noted) == 1 and "a and b" in noted[0]
