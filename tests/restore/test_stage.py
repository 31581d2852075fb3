from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from multiscope.augment.stage import run_pairs
from multiscope.config import Augment, CGan, Content, Gaussian, Pairs, Restore, VirtualScreen
from multiscope.data.patches import Fields
from multiscope.data.stage import run as make_data
from multiscope.errors import InputError
from multiscope.folders.manifest import read_manifest
from multiscope.restore.methods.cgan import CGanRecipe
from multiscope.restore.scoring import SCORE_COLUMNS
from multiscope.restore.stage import gather_scores, run
from multiscope.stores.fields import read_field
from tests.conftest import assert_same_run, die_at
from tests.restore.methods.tasks import save_each_step

SMALL = Restore(
    content=Content(steps=20, width=4),
    steps=150,
    methods={
        "cgan": CGan(model="cgan", width=8, blocks=1, critic_width=4, self_ensemble=False),
        "gaussian": Gaussian(model="gaussian"),
    },
)


@pytest.fixture(scope="module")
def restored(tiny_screen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("restore")
    augment = Augment(data="tiny", patch_size=64, pairs=Pairs(n_pairs=16, augmentation="flips"))
    run_pairs(data=tiny_screen, generator=None, out=folder / "pairs", config=augment, seed=0)
    out = folder / "cgan"
    state = folder / "state"
    inputs = {"data": tiny_screen, "pairs": folder / "pairs", "out": out, "state": state}
    run(**inputs, method="cgan", config=SMALL, seed=0, device="cpu", threads=2)
    return out


def test_killed_and_run_again_it_ends_as_one_that_was_not(
    restored: Path,
    tiny_screen: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_each_step(monkeypatch)
    short = SMALL.model_copy(update={"steps": 12})

    def train(name: str) -> Path:
        inputs = {"data": tiny_screen, "pairs": restored.parent / "pairs", "state": tmp_path / "s"}
        run(**inputs, out=tmp_path / name, method="cgan", config=short, seed=0, device="cpu", threads=1)
        return tmp_path / name

    whole = train("whole")
    with monkeypatch.context() as killing:
        die_at(killing, CGanRecipe, step=7)
        with pytest.raises(RuntimeError, match="killed"):
            train("again")
    again = train("again")
    assert "resumed at step 7" in capsys.readouterr().err
    assert_same_run(whole, again)
    scores = [pd.read_parquet(folder / "scores.parquet") for folder in (whole, again)]
    pd.testing.assert_frame_equal(*scores)


def test_pairs_of_other_data_are_refused(
    restored: Path, tmp_path: Path, tiny_config: VirtualScreen, tiny_screen: Path
) -> None:
    other = tmp_path / "other"
    make_data(out=other, dataset="other", config=tiny_config.model_copy(update={"seed": 9}))
    with pytest.raises(InputError, match=r"pairs: was not made from .*other; make it again"):
        run(
            data=other,
            pairs=restored.parent / "pairs",
            out=tmp_path / "r",
            state=tmp_path / "s",
            method="cgan",
            config=SMALL,
            seed=0,
        )


def test_one_row_an_image_metric_and_rule(restored: Path, tiny_screen: Path) -> None:
    scores = pd.read_parquet(restored / "scores.parquet")
    fields = Fields(tiny_screen)
    test = fields.rows(split="test")
    assert list(scores.columns) == SCORE_COLUMNS
    n_scores = 4 * 3 + 4  # psnr, ssim, ms_ssim, nrmse under three rules; two of spectra, one of rings, one of features
    assert len(scores) == len(test) * 2 * len(fields.defects) * 2 * n_scores
    assert not scores.duplicated(SCORE_COLUMNS[:-1]).any()
    assert set(scores["method"]) == {"input", "cgan"}
    trained = scores[scores["method"] == "cgan"]
    assert set(trained["n_pairs"]) == {16}
    assert set(trained["augmentation"]) == {"flips"}
    assert set(trained["setting"]) == {"paired"}


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


def test_a_filter_is_a_method_like_any_other(restored: Path, tiny_screen: Path, tmp_path: Path) -> None:
    inputs = {"data": tiny_screen, "pairs": restored.parent / "pairs", "out": tmp_path / "g", "state": tmp_path / "s"}
    run(**inputs, method="gaussian", config=SMALL, seed=0, device="cpu")
    scores = pd.read_parquet(tmp_path / "g" / "scores.parquet")
    mean = scores.query("rule == 'fixed' and metric == 'psnr'").groupby(["defect", "method"])["value"].mean().unstack()
    assert mean.loc["noise", "gaussian"] > mean.loc["noise", "input"]
    assert read_manifest(tmp_path / "g")["notes"]["content_network"] == {"kind": "not used"}
    # what the images were like before is the same beside every method, but for the order in which threads add
    one = pd.read_parquet(restored / "scores.parquet").query("method == 'input'").reset_index(drop=True)
    pd.testing.assert_frame_equal(one, scores.query("method == 'input'").reset_index(drop=True), rtol=1e-3)
    out, csv = tmp_path / "scores.parquet", tmp_path / "scores.csv"
    gather_scores(runs=[restored, tmp_path / "g"], out=out, csv=csv)
    assert pd.read_parquet(out).groupby("method").size().nunique() == 1


def test_a_method_that_is_not_there_is_named(restored: Path, tiny_screen: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--method care: is not in restore.methods; have cgan, gaussian"):
        run(
            data=tiny_screen,
            pairs=restored.parent / "pairs",
            out=tmp_path / "r",
            state=tmp_path / "s",
            method="care",
            config=SMALL,
            seed=0,
        )
