"""The stage `trust` on a small data set with restorations that are made up here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multiscope import config
from multiscope.data.patches import Fields
from multiscope.errors import InputError
from multiscope.folders.manifest import stage_output, verify
from multiscope.stores.fields import read_field, write_field
from multiscope.trust.stage import COLUMNS, INPUT, run


def restorer(out: Path, data: Path, *, seed: int = 0, method: str = "made_up", sd: float = 20.0) -> Path:
    """A folder as of `restore`: the clean fields with errors of `sd` counts where they are bright, else of none."""
    fields = Fields(data)
    with stage_output(out, stage="restore", version=1, config={}, inputs={"data": data}, seed=seed) as made:
        made.note("method", method)
        for row in fields.rows(split="test").to_dict("records"):
            clean = fields.image("clean", row["field_id"]).astype(np.float32)
            wrong = np.random.default_rng([seed, len(row["field_id"])]).normal(0, sd, clean.shape)
            image = clean + wrong * (clean > np.percentile(clean, 80))
            for defect in row["degraded"].split("|"):
                path = made.path / "restored.zarr" / defect / row["path"]
                write_field(path, image.astype(np.float32), channels=fields.channels)
    return out


@pytest.fixture(scope="module")
def looked_at(tiny_screen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trust")
    restored = [restorer(folder / f"seed{seed}", tiny_screen, seed=seed) for seed in range(3)]
    run(data=tiny_screen, restored=restored, out=folder / "trust", config=config.Trust(patch_size=32))
    return folder / "trust"


def test_every_test_image_has_a_row_and_one_of_its_input(looked_at: Path, tiny_screen: Path) -> None:
    table = pd.read_parquet(looked_at / "trust.parquet")
    assert list(table.columns) == COLUMNS
    test, fields = Fields(tiny_screen).rows(split="test"), Fields(tiny_screen)
    expected = len(test) * len(fields.channels) * len(fields.defects)
    assert table.groupby("method").size().to_dict() == {"made_up": expected, INPUT: expected}
    assert not table.duplicated(["method", "defect", "image_id"]).any()
    assert verify(looked_at)["counts"]["images"]["kept"] == expected
    assert (table["kept"] + table["lost"] == table["n_clean"]).all() and (table["n_clean"] > 0).any()


def test_seeds_disagree_where_they_err(looked_at: Path) -> None:
    table = pd.read_parquet(looked_at / "trust.parquet").set_index("method")
    restored, before = table.loc["made_up"], table.loc[INPUT]
    assert (restored["n_seeds"] == 3).all() and (restored["foretells"] > 0.5).all()
    assert before[["disagreement", "foretells"]].isna().all(axis=None)
    assert restored["error"].mean() < before["error"].mean()


def test_the_maps_are_the_spread_of_the_restorations(looked_at: Path, tiny_screen: Path) -> None:
    path = Fields(tiny_screen).rows(split="test")["path"].iloc[0]
    for defect in Fields(tiny_screen).defects:
        stack = [read_field(looked_at.parent / f"seed{k}" / "restored.zarr" / defect / path) for k in range(3)]
        found = read_field(looked_at / "disagreement.zarr" / defect / path)
        np.testing.assert_allclose(found, np.std(stack, axis=0, ddof=1), rtol=1e-3, atol=1e-3)


def test_nearly_clean_images_explain_their_inputs(looked_at: Path) -> None:
    table = pd.read_parquet(looked_at / "trust.parquet")
    noise = table[(table["method"] == "made_up") & (table["defect"] == "noise")]
    assert noise["consistency"].between(0.9, 1.2).all()
    assert table["familiar"].mean() > 0.8


def test_one_seed_has_no_map_and_the_manifest_says_so(tiny_screen: Path, tmp_path: Path) -> None:
    restored = restorer(tmp_path / "seed0", tiny_screen)
    run(data=tiny_screen, restored=[restored], out=tmp_path / "trust", config=config.Trust(patch_size=32, draws=1))
    assert not (tmp_path / "trust" / "disagreement.zarr").exists()
    assert pd.read_parquet(tmp_path / "trust" / "trust.parquet")["disagreement"].isna().all()
    assert "two seeds or more" in verify(tmp_path / "trust")["notes"]["left_out"]["disagreement"]


def test_real_defects_have_no_consistency(tiny_screen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiscope.trust.stage.forward_model", lambda fields, defect: None)
    restored = restorer(tmp_path / "seed0", tiny_screen)
    run(data=tiny_screen, restored=[restored], out=tmp_path / "trust", config=config.Trust(patch_size=32))
    assert pd.read_parquet(tmp_path / "trust" / "trust.parquet")["consistency"].isna().all()
    assert "their images were read" in verify(tmp_path / "trust")["notes"]["left_out"]["consistency"]


def test_what_does_not_belong_together_is_refused(tiny_screen: Path, tmp_path: Path) -> None:
    one = restorer(tmp_path / "one", tiny_screen)
    other = restorer(tmp_path / "other", tiny_screen, method="other", seed=1)
    same = restorer(tmp_path / "same", tiny_screen, sd=1)
    for restored, said in (
        ([one, other], "of another method"),
        ([one, same], "seed 0 is named 2 times"),
        ([], "missing"),
    ):
        with pytest.raises(InputError, match=said):
            run(data=tiny_screen, restored=restored, out=tmp_path / "trust", config=config.Trust())
    with pytest.raises(InputError, match="made by 'data'"):
        run(data=tiny_screen, restored=[tiny_screen], out=tmp_path / "trust", config=config.Trust())
    assert not (tmp_path / "trust").exists()
