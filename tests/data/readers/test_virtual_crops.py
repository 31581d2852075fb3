"""Virtual crops as a data set: image, clean image and mask row for row, the truth beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from multiscope.config import VirtualCrops
from multiscope.data.readers.virtual_screen import VirtualCropsReader
from multiscope.data.stage import run
from multiscope.folders import manifest
from multiscope.simulate.screen.crops import crops
from multiscope.simulate.screen.proteins import proteins, standards, truth
from multiscope.stores import shards
from multiscope.stores.samples import SampleStore, SampleWriter

CELLS, FIELDS = 5, 3


def config_of(**values: Any) -> VirtualCrops:
    tiny = {
        "compartments": ["nucleus", "er", "vacuole"],
        "processes_per_compartment": 1,
        "pathways_per_process": 1,
        "complexes_per_pathway": 1,
        "fields_per_protein": FIELDS,
        "cells_per_field": CELLS,
        "crop_size": 48,
        "split": {"train": 0.34, "val": 0.33},
    }
    return VirtualCrops.model_validate({"reader": "virtual_crops", **tiny, **values})


CONFIG = config_of(labels={"multi_localized": 0.34, "unlabelled": 0.17}, replicates=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("virtual_crops") / "data"
    run(out=out, dataset="tiny", config=CONFIG)
    return out


def test_crops_are_in_the_order_of_their_table(made: Path) -> None:
    store = SampleStore(made / "crops.zarr")
    assert len(store) == 6 * FIELDS * CELLS
    assert store.shape("image") == store.shape("clean") == (len(store), 2, 48, 48)
    assert store.shape("mask") == (len(store), 1, 48, 48)
    assert store.take("image").dtype == store.take("clean").dtype == np.uint16
    assert store.take("mask").dtype == np.uint8
    for number, protein in enumerate(proteins(CONFIG)):
        rows = np.arange(FIELDS * CELLS) + number * FIELDS * CELLS
        expected = crops(CONFIG, protein, range(FIELDS))
        np.testing.assert_array_equal(store.take("image", rows), expected.image.numpy())
        np.testing.assert_array_equal(store.take("clean", rows), expected.clean.numpy())
        np.testing.assert_array_equal(store.take("mask", rows)[:, 0], expected.mask.numpy())
        assert set(store.table["protein"].iloc[rows]) == {protein.name}
    table = store.table
    assert table["cell_id"].tolist()[:7] == [*(f"VP001_01_00{k}" for k in range(1, 6)), "VP001_02_001", "VP001_02_002"]
    assert table["cell_id"].is_unique
    assert (table["cell_id"].str[:-4] == table["field_id"]).all()
    pd.testing.assert_frame_equal(table, pd.read_parquet(made / "crops.parquet"))


def test_cells_have_plates_and_sides_by_their_field(made: Path) -> None:
    table = pd.read_parquet(made / "crops.parquet")
    assert table.groupby("field_id")["split"].nunique().eq(1).all()
    assert table.groupby("protein")["split"].agg(set).map(len).eq(3).all()
    assert set(table["plate"]) == {"P1R1", "P1R2"}
    assert table.groupby("protein")["well"].nunique().eq(1).all()
    fields = table.groupby("field_id")["plate"].first()
    assert fields.iloc[:3].tolist() == ["P1R1", "P1R2", "P1R1"], "fields are dealt to the replicates in turn"


def test_what_is_told_of_proteins_is_beside_the_truth(made: Path) -> None:
    told = pd.read_parquet(made / "proteins.parquet")
    known = proteins(CONFIG)
    assert told["protein"].tolist() == [protein.name for protein in known]
    assert told["localization"].tolist() == [protein.label for protein in known]
    assert (told["localization"] == "").sum() == 1 and told["localization"].str.contains("|", regex=False).any()
    pd.testing.assert_frame_equal(pd.read_parquet(made / "standards" / "truth.parquet"), truth(CONFIG))
    for scale, terms in standards(known).items():
        lines = (made / "standards" / f"{scale}.gmt").read_text().splitlines()
        assert {line.split("\t")[0]: line.split("\t")[2:] for line in lines} == terms
        assert yaml.safe_load((made / "standards" / f"{scale}.yaml").read_text())["scale"] == scale


def test_the_manifest_counts_and_verifies_them(made: Path) -> None:
    described = manifest.verify(made, full=True)
    assert described["stage"] == "data" and described["seed"] == CONFIG.seed and described["inputs"] == {}
    kept = {what: count["kept"] for what, count in described["counts"].items()}
    assert kept == {"cells": 90, "fields": 18, "proteins": 6}
    notes = described["notes"]
    assert notes["kind"] == "crops" and notes["dtype"] == "uint16" and notes["pixel_size_um"] == 0.16
    assert notes["channels"] == ["protein", "cytosol"] and set(notes["range"]) == {"protein", "cytosol"}
    attributes = SampleStore(made / "crops.zarr").attributes
    assert attributes["channels"] == ["protein", "cytosol"] and attributes["source"] == "clean"


def test_the_same_config_gives_the_same_bytes_and_another_seed_others(made: Path, tmp_path: Path) -> None:
    run(out=tmp_path / "again", dataset="tiny", config=CONFIG)
    run(out=tmp_path / "other", dataset="tiny", config=CONFIG.model_copy(update={"seed": 1}))
    digest = manifest.verify(made)["digest"]
    assert manifest.verify(tmp_path / "again")["digest"] == digest
    assert manifest.verify(tmp_path / "other")["digest"] != digest


def test_a_job_that_was_killed_goes_on_and_ends_with_the_same(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # the pieces and the shards are small enough that some are whole
    monkeypatch.setattr("multiscope.data.readers.virtual_screen._AT_ONCE", {"cpu": CELLS, "cuda": CELLS})
    monkeypatch.setattr(shards, "_SHARD_ROWS", (8, 8))
    whole, out = tmp_path / "whole", tmp_path / "results" / "out"
    run(out=whole, dataset="tiny", config=CONFIG)
    append, calls = SampleWriter.append, iter(range(1000))

    def append_or_die(self: SampleWriter, *pieces: Any, **options: Any) -> None:
        if next(calls) == 12:
            raise SystemExit
        append(self, *pieces, **options)

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(SampleWriter, "append", append_or_die)
        run(out=out, dataset="tiny", config=CONFIG)
    assert not out.exists()
    capsys.readouterr()
    run(out=out, dataset="tiny", config=CONFIG)
    assert "finished parts of a job that was stopped" in capsys.readouterr().err
    assert manifest.verify(out, full=True)["digest"] == manifest.verify(whole)["digest"]
    assert manifest.verify(out)["notes"] == manifest.verify(whole)["notes"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    first, second = (SampleStore(folder / "crops.zarr") for folder in (out, made))
    for name in ("image", "clean", "mask"):
        np.testing.assert_array_equal(first.take(name), second.take(name))


@pytest.mark.parametrize("at_once", [1, 2, 6, 12, 1000])
def test_pieces_hold_the_same_crops_however_many_are_drawn_together(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multiscope.data.readers.virtual_screen._AT_ONCE", {"cpu": at_once, "cuda": at_once})
    config = config_of(compartments=["golgi", "er"])
    pieces = list(VirtualCropsReader(config).pieces())
    joined = {name: np.concatenate([piece[name] for piece in pieces]) for name in ("image", "clean", "mask")}
    made = [crops(config, protein, range(FIELDS)) for protein in proteins(config)]
    np.testing.assert_array_equal(joined["image"], np.concatenate([one.image.numpy() for one in made]))
    np.testing.assert_array_equal(joined["clean"], np.concatenate([one.clean.numpy() for one in made]))
    np.testing.assert_array_equal(joined["mask"][:, 0], np.concatenate([one.mask.numpy() for one in made]))
    assert len(pieces) == (4 * FIELDS if at_once < 2 * CELLS else 4 * 2 if at_once < 3 * CELLS else 4)


def test_parts_together_are_the_whole(made: Path, tmp_path: Path) -> None:
    whole = SampleStore(made / "crops.zarr")
    parts = []
    for number in (1, 2, 3):
        out = tmp_path / str(number)
        run(out=out, dataset="tiny", config=CONFIG.model_copy(update={"part": f"{number}/3"}))
        parts.append(SampleStore(out / "crops.zarr"))
        assert (out / "standards" / "truth.parquet").read_bytes() == (made / "standards" / "truth.parquet").read_bytes()
    for name in ("image", "clean", "mask"):
        np.testing.assert_array_equal(np.concatenate([part.take(name) for part in parts]), whole.take(name))
    tables = pd.concat([part.table for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(tables, whole.table)


def test_human_crops_have_their_pixel_size(tmp_path: Path) -> None:
    config = config_of(morphology="human", compartments=["er", "nucleus"], crop_size=96)
    run(out=tmp_path / "out", dataset="tiny", config=config)
    described = manifest.verify(tmp_path / "out", full=True)
    assert described["notes"]["pixel_size_um"] == 0.36
    assert SampleStore(tmp_path / "out" / "crops.zarr").shape("image") == (4 * FIELDS * CELLS, 2, 96, 96)
