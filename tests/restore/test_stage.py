from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from multiscope.augment.stage import run_pairs
from multiscope.config import Augment, CGan, Content, Pairs, Restore, VirtualScreen
from multiscope.data.patches import Fields
from multiscope.data.stage import run as make_data
from multiscope.errors import InputError
from multiscope.folders.manifest import read_manifest
from multiscope.restore.cgan import CGanRecipe
from multiscope.restore.scores import RULES
from multiscope.restore.stage import SCORE_COLUMNS, gather_scores, run
from multiscope.stores.fields import read_field
from multiscope.training.loop import Plan
from tests.conftest import assert_same_run, die_at

SMALL = Restore(
    content=Content(steps=20, width=4), cgan=CGan(width=8, blocks=1, critic_width=4, steps=150, batch_size=8)
)


@pytest.fixture(scope="module")
def restored(tiny_screen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("restore")
    augment = Augment(data="tiny", patch_size=64, pairs=Pairs(n_pairs=20, alpha=1))
    run_pairs(data=tiny_screen, generator=None, out=folder / "pairs", config=augment, seed=0)
    out = folder / "cgan"
    state = folder / "state"
    run(data=tiny_screen, pairs=folder / "pairs", out=out, state=state, config=SMALL, seed=0, device="cpu", threads=2)
    return out


def test_killed_and_run_again_it_ends_as_one_that_was_not(
    restored: Path, tiny_screen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plan, "save_seconds", 0.0)
    inputs = {"data": tiny_screen, "pairs": restored.parent / "pairs", "out": tmp_path / "r", "state": tmp_path / "s"}
    with monkeypatch.context() as killing:
        die_at(killing, CGanRecipe, step=77)
        with pytest.raises(RuntimeError, match="killed"):
            run(**inputs, config=SMALL, seed=0, device="cpu", threads=2)
    run(**inputs, config=SMALL, seed=0, device="cpu", threads=2)
    assert_same_run(restored, tmp_path / "r")
    again = pd.read_parquet(tmp_path / "r" / "scores.parquet")
    pd.testing.assert_frame_equal(again, pd.read_parquet(restored / "scores.parquet"))


def test_pairs_of_other_data_are_refused(
    restored: Path, tmp_path: Path, tiny_config: VirtualScreen, tiny_screen: Path
) -> None:
    other = tmp_path / "other"
    make_data(out=other, dataset="other", config=tiny_config.model_copy(update={"seed": 9}))
    with pytest.raises(InputError, match=r"pairs: was not made from .*other; make it again"):
        run(data=other, pairs=restored.parent / "pairs", out=tmp_path / "r", state=tmp_path / "s", config=SMALL, seed=0)


def test_one_row_an_image_metric_and_rule(restored: Path, tiny_screen: Path) -> None:
    scores = pd.read_parquet(restored / "scores.parquet")
    fields = Fields(tiny_screen)
    test = fields.rows(split="test")
    assert list(scores.columns) == SCORE_COLUMNS
    assert len(scores) == len(test) * 2 * len(fields.defects) * 2 * 2 * len(RULES)
    assert not scores.duplicated(SCORE_COLUMNS[:-1]).any()
    assert set(scores["method"]) == {"input", "cgan"}
    assert set(scores["n_pairs"]) == {20}
    assert set(scores["augmentation"]) == {"none"}


def test_restoring_beats_doing_nothing(restored: Path) -> None:
    scores = pd.read_parquet(restored / "scores.parquet")
    fixed = scores[(scores["rule"] == "fixed") & (scores["metric"] == "psnr")]
    mean = fixed.groupby(["defect", "method"])["value"].mean().unstack()
    assert (mean["cgan"] > mean["input"]).sum() >= 2, mean


def test_scores_are_those_of_the_written_images(restored: Path, tiny_screen: Path) -> None:
    from skimage.metrics import peak_signal_noise_ratio

    fields = Fields(tiny_screen)
    row = pd.read_parquet(restored / "scores.parquet").query(
        "method == 'cgan' and rule == 'fixed' and metric == 'psnr'"
    )
    row = row.iloc[0]
    field_id, channel = row["image_id"].split("/")
    index = fields.channels.index(channel)
    image = read_field(restored / "restored.zarr" / row["defect"] / fields.paths[field_id])[index]
    scale = fields.scales[index]
    clean = fields.image("clean", field_id)[index].astype(float)
    expected = peak_signal_noise_ratio(clean, image.astype(float), data_range=scale.high - scale.low)
    assert row["value"] == pytest.approx(expected)


def test_the_manifest_says_which_content_network_was_used(restored: Path) -> None:
    note = read_manifest(restored)["notes"]["content_network"]
    assert note["kind"] == "autoencoder trained on this run's patches"


def test_gathering_keeps_the_input_once(restored: Path, tmp_path: Path) -> None:
    out, csv = tmp_path / "scores.parquet", tmp_path / "scores.csv"
    gather_scores(runs=[restored, restored], out=out, csv=csv)
    one = pd.read_parquet(restored / "scores.parquet")
    assert len(pd.read_parquet(out)) == len(one) == len(pd.read_csv(csv))
