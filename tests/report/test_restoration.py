"""Tables and pictures of restoration, against independent calculations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multiscope.metrics.intervals import paired_interval
from multiscope.report import amounts, restoration, restoration_tables, synthetic, trusted, worst
from multiscope.report.album import Album
from multiscope.report.blocks import NONE
from multiscope.report.inputs import open_folders
from tests.report.stages import METHODS, SWEEP, Tree


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path / "figures")


def test_columns_are_those_that_restore_writes() -> None:
    from multiscope.restore.scoring import SCORE_COLUMNS

    assert restoration.SCORE_COLUMNS == SCORE_COLUMNS


def test_the_table_has_the_input_first_then_the_best(tree: Tree) -> None:
    gains = {"noise": 3.0, "axial": -3.0, "blur": 3.0}
    scores = tree.scores(gain=gains, seeds=(0, 1), methods={"care": -1.0, "cgan": 0.0})
    table = restoration_tables.main_table(restoration.compare(restoration.described(scores)))
    assert [row[1].text.split()[0] for row in table.rows] == ["input", "cgan", "care"] * 3
    bold = [row[2].strong for row in table.rows]  # of axial, blur, noise
    assert bold == [True, False, False, False, True, False, False, True, False]
    own = scores.query("method == 'cgan' and defect == 'noise' and metric == 'psnr' and rule == 'fixed'")
    mean = own.groupby("image_id")["value"].mean().mean()
    assert table.rows[7][2].text == f"{mean:.2f}"
    spread = own.groupby("seed")["value"].mean().std()
    assert table.rows[7][2].note.endswith(f"seeds ± {spread:.2f}")
    assert all("seeds" not in row[2].note and row[3].text == "" for row in table.rows[::3])


def test_changes_are_paired_by_image_and_drawn_by_field(tree: Tree) -> None:
    scores = tree.scores(gain=0.1, seeds=(0, 1), defects=("noise",))
    other = scores.assign(image_id=scores["image_id"].str.replace("protein", "cytosol"), value=scores["value"] + 0.3)
    both = pd.concat([scores, other], ignore_index=True)
    chosen = both.query("metric == 'psnr' and rule == 'fixed'")
    images = chosen.pivot_table(index="image_id", columns="method", values="value")
    expected = paired_interval(images["cgan"], images["input"], [name.rsplit("/")[0] for name in images.index])
    compared = restoration.compare(restoration.described(both))
    row = compared.query("label == 'cgan' and metric == 'psnr' and rule == 'fixed'").iloc[0]
    found = row["change"]
    assert (found.mean, found.low, found.high) == (expected.value, expected.low, expected.high)
    assert (found.n_images, found.n_fields, row["n_images"]) == (12, 6, 12)


def test_lower_is_better_where_it_is(tree: Tree) -> None:
    compared = restoration.compare(restoration.described(tree.scores(gain=3.0, methods=METHODS)))
    for metric, header in (("nrmse", "NRMSE ↓"), ("spectral_error", "spectral error ↓"), ("psnr", "PSNR (dB)")):
        rows = compared.query(f"metric == '{metric}' and rule == 'fixed' and defect == 'noise'")
        assert restoration.ranked(rows) == ["input", "cgan", "care"]
        assert {each.verdict for each in rows["change"] if each is not None} == {"better"}
        table = restoration_tables.details_table(compared, "fixed")
        at = list(table.headers).index(header)
        assert [row[at].strong for row in table.rows] == [False, True, False] * 3
    assert "spectral error ↓" not in restoration_tables.details_table(compared, "affine").headers


def test_images_equal_to_the_clean_one_are_left_out() -> None:
    index = pd.MultiIndex.from_tuples([("d", f"f{i}/c") for i in range(3)], names=["dataset", "image_id"])
    found = restoration.change(pd.Series(0.0, index), pd.Series([1.0, 2.0, np.inf], index), "psnr")
    assert (found.mean, found.n_images, found.n_infinite) == (1.5, 2, 1)


@pytest.mark.parametrize(("shift", "verdict"), [(-0.002, "unclear"), (-0.02, "worse"), (0.02, "better")])
def test_a_change_that_cannot_be_seen_is_none(shift: float, verdict: str) -> None:
    index = pd.MultiIndex.from_tuples([("d", f"f{i}/c") for i in range(9)], names=["dataset", "image_id"])
    found = restoration.change(pd.Series(20.0, index), pd.Series(20.0 + shift, index), "psnr")
    assert found.verdict == verdict


def test_what_a_method_was_trained_on_is_said(tree: Tree) -> None:
    for training, said in (
        ({}, "10 pairs + 10 made (cin_gan)"),
        ({"n_synthetic": 0, "augmentation": "flips", "n_pairs": 1}, "1 pair, flips"),
        ({"n_pairs": 0, "setting": "unpaired"}, "no real pair, 10 made (cin_gan)"),
        ({"n_pairs": 0, "n_synthetic": 0, "setting": "unpaired"}, "no pairs"),
        ({"trained_on": "alone", "n_synthetic": 0, "augmentation": "none"}, "10 pairs, a network for each defect"),
    ):
        scores = restoration.described(tree.scores(training=training))
        assert set(scores.loc[scores["method"] == "cgan", "how"]) == {said}
        assert set(scores["label"]) == {"input", "cgan"}
    two = pd.concat([tree.scores(), tree.scores(training={"n_pairs": 5})])
    labels = set(restoration.described(two)["label"])
    assert labels == {"input", "cgan (10 pairs + 10 made (cin_gan))", "cgan (5 pairs + 10 made (cin_gan))"}


def test_the_worst_image_of_each_method_is_shown(tree: Tree, album: Album) -> None:
    data = tree.data(channels=("protein",), defects=("noise",))
    scores = tree.scores(defects=("noise",), methods=METHODS, seeds=(0, 1))
    bad = (scores["method"] == "cgan") & (scores["image_id"] == "field_05/protein") & (scores["seed"] == 1)
    scores.loc[bad & (scores["metric"] == "psnr"), "value"] -= 20
    folders = [tree.restored(data, seed, method=name, defects=("noise",)) for name in METHODS for seed in (0, 1)]
    described = restoration.described(scores)
    found = worst.lowest_gains(described, dataset="screen", defect="noise")
    assert found["method"].tolist() == ["cgan", "care"]
    assert (found["image_id"][0], found["seed"][0]) == ("field_05/protein", 1)
    assert found["gain"][0] == pytest.approx(-17, abs=1)
    plots = worst.worst_cases(album, open_folders([data])[0], open_folders(folders), described, None)
    assert [plot.name for plot in plots] == ["worst_screen_noise"]
    table = pd.read_csv(album.folder / "worst_screen_noise.csv")
    assert table["method"].tolist() == ["cgan", "care"]
    # the mean of |N(0, s)| is 0.8 s
    assert table["mean_abs_error_restored"].to_numpy() == pytest.approx(0.8 * 0.4 * 300, rel=0.1)


def test_a_sweep_is_drawn_by_method_and_by_augmentation(tree: Tree, album: Album) -> None:
    scores = tree.swept(methods=METHODS)
    swept = amounts.swept_scores(restoration.described(scores), SWEEP)
    assert set(swept["curve"]) == {"", "flips", "cin_gan, alpha 0.5", "cin_gan, 20 made", "no pairs"}
    plots = amounts.amount_plots(album, swept, SWEEP)
    assert [plot.name for plot in plots] == [
        "amounts_psnr_methods",
        "amounts_ssim_methods",
        "amounts_psnr_augmentation",
    ]
    table = pd.read_csv(album.folder / "amounts_psnr_methods.csv")
    row = table.query("defect == 'blur' and method == 'care' and augmentation == 'flips' and n_pairs == 40").iloc[0]
    own = scores.query(
        "defect == 'blur' and method == 'care' and n_pairs == 40 and augmentation == 'flips' and metric == 'psnr' "
        "and rule == 'fixed'"
    )
    assert row["mean"] == pytest.approx(own["value"].mean())
    assert row["change_low"] < row["change"] < row["change_high"]
    assert "cyclegan" not in set(pd.read_csv(album.folder / "amounts_psnr_augmentation.csv")["method"])


def test_settings_a_and_b_stand_in_one_table(tree: Tree) -> None:
    swept = amounts.swept_scores(restoration.described(tree.swept(methods=METHODS)), SWEEP)
    tables = amounts.settings_tables(swept)
    assert len(tables) == 2
    rows = [(row[0].text, row[1].text, row[2].text) for row in tables[0].rows]
    assert rows == [
        ("", "input (nothing done)", ""),
        ("A: 10 real pairs", "cgan", "cin_gan, alpha 0.5"),
        ("", "cgan", "flips"),
        ("", "care", "cin_gan, alpha 0.5"),
        ("", "care", "flips"),
        ("B: no real pair", "cgan", "cin_gan, 20 made"),
        ("", "cyclegan", "no pairs"),
        ("", "care", "cin_gan, 20 made"),
    ]
    assert [row[3].strong for row in tables[0].rows].count(True) == 2  # one of each setting


def test_a_sweep_is_compared_on_the_images_that_all_of_it_scored(tree: Tree) -> None:
    wide = tree.scores(
        methods={"cgan": 0.0}, n_images=6, training={"n_pairs": 5, "augmentation": "flips", "n_synthetic": 0}
    )
    both = pd.concat([wide, tree.swept(methods=METHODS, n_images=4)], ignore_index=True)
    swept = amounts.swept_scores(restoration.described(both), SWEEP)
    assert swept["image_id"].nunique() == 4
    assert set(swept.loc[swept["method"] == "input", "image_id"]) == set(swept["image_id"])


def test_what_the_sweep_did_not_ask_for_makes_no_curve(tree: Tree) -> None:
    other = tree.scores(methods={"cgan": 0.0}, n_images=4, training={"n_pairs": 10, "augmentation": "physics"})
    both = tree.unlike([other, tree.swept(methods=METHODS)])
    assert "physics, alpha 0.5" not in set(amounts.swept_scores(restoration.described(both), SWEEP)["curve"])


def test_shares_are_known_by_what_they_add() -> None:
    sweep = SWEEP.model_copy(update={"alpha": [0.3, 0.5], "n_synthetic": [10]})
    assert amounts._curves(1, 2, "physics", sweep) == ["physics, alpha 0.3"]
    assert amounts._curves(10, 10, "cin_gan", sweep) == ["cin_gan, alpha 0.5", "cin_gan, 10 made"]
    assert amounts._curves(10, 7, "cin_gan", sweep) == []
    assert amounts._curves(5, 0, "none", sweep) == ["none"]


def test_trust_is_told_by_defect_with_the_input_first(tree: Tree, album: Album) -> None:
    data = tree.data()
    folders = {name: [tree.restored(data, seed, method=name) for seed in (0, 1)] for name in METHODS}
    trust = open_folders([tree.trust(data, own, method=name, feature="power_3") for name, own in folders.items()])
    table = trusted.read_trust(trust)
    assert table.groupby("method").size().to_dict() == {"input": 36, "care": 36, "cgan": 36}
    rows = trusted.trust_table(table).rows
    assert [row[1].text for row in rows[:3]] == ["input (nothing done)", "care", "cgan"]
    assert [cell.text for cell in rows[0][-4:]] == ["120", "60", "60", "36"]
    assert [cell.text for cell in rows[1][-4:]] == ["120", "96", "24", "12"]
    assert rows[0][3].text == NONE and rows[1][5].text == "1.10"
    restored = open_folders([folder for own in folders.values() for folder in own])
    plots = trusted.disagreement_maps(album, open_folders([data])[0], trust, restored, table, 0.16)
    assert [plot.name for plot in plots] == [f"disagreement_screen_{d}" for d in ("axial", "blur", "noise")]
    shown = pd.read_csv(album.folder / "disagreement_screen_blur.csv").set_index("method")
    for method in METHODS:
        own = table[(table["method"] == method) & (table["defect"] == "blur")]
        assert shown.loc[method, "disagreement"] == pytest.approx(own["disagreement"].max())
    strangers = trusted.strangers_table(table)
    assert strangers is not None
    assert {(row[0].text, row[2].text) for row in strangers.rows} == {
        ("field_01/protein", "power 3"),
        ("field_01/cytosol", "power 3"),
    }


def test_synthetic_pairs_stand_beside_real_ones(tree: Tree, album: Album) -> None:
    data = tree.data()
    folders = open_folders([tree.pairs(data, seed) for seed in (0, 1)])
    table = synthetic.synthetic_blocks(album, folders)[0]
    assert [row[1].text for row in table.rows] == ["cin_gan", "clean", "real"] * 3  # type: ignore[union-attr]
    shown = pd.read_csv(album.folder / "synthetic_pairs.csv")
    assert shown.groupby(["defect", "origin"]).size().to_dict() == {
        (defect, origin): 3 for defect in ("axial", "blur", "noise") for origin in ("cin_gan", "real")
    }


def test_real_pairs_alone_need_no_section(tree: Tree, album: Album) -> None:
    assert synthetic.synthetic_blocks(album, open_folders([tree.pairs(tree.data(), alpha=1.0)])) == []
    assert synthetic.synthetic_blocks(album, []) == []
