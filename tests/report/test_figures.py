"""Figures and the frames behind them, against independent calculations."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

from multiscope.errors import InputError
from multiscope.report import bars, confusion, curves, maps, pictures, scores, strips, usage
from multiscope.report.album import COLOURS, MARKERS, Album, class_style, ends, short
from multiscope.report.blocks import Plot, listing, number
from multiscope.report.inputs import child, open_folders, read_history
from multiscope.report.predictions import MOST_CLASSES, predictions
from multiscope.report.restoration_tables import signed
from tests.report.stages import NOISE, Tree


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path / "figures")


def test_strips_hold_the_errors_of_the_images(tree: Tree, album: Album) -> None:
    data = tree.data(channels=("protein",))
    folder, restored = open_folders([data])[0], open_folders([tree.restored(data)])[0]
    plots = strips.strips(album, folder, [restored], 2, 0.16)
    assert [plot.name for plot in plots] == [f"strips_screen_{d}_protein" for d in ("axial", "blur", "noise")]
    for defect, noise in NOISE.items():
        table = pd.read_csv(album.folder / f"strips_screen_{defect}_protein.csv")
        assert table["field_id"].nunique() == 2
        error = table.groupby("source")["mean_abs_error"].mean()
        assert error["clean"] == 0
        # the mean of |N(0, s)| is 0.8 s; below zero the degraded image is cut
        assert error["restored: cgan"] == pytest.approx(0.8 * 0.4 * noise, rel=0.1)
        assert error["degraded"] > 1.5 * error["restored: cgan"]
        assert (table.groupby("field_id")["window_low"].nunique() == 1).all()


def test_many_methods_go_on_below(tree: Tree, album: Album) -> None:
    data = tree.data(channels=("protein",), defects=("noise",))
    folders = open_folders([tree.restored(data, method=f"m{i}", defects=("noise",)) for i in range(7)])
    plot = strips.strips(album, open_folders([data])[0], folders, 1, None)[0]
    table = pd.read_csv(album.folder / f"{plot.name}.csv")
    assert set(table["source"]) == {"clean", "degraded", *(f"restored: m{i}" for i in range(7))}
    width, height = Image.open(io.BytesIO(plot.png)).size
    assert height > 0.55 * width  # two lines of images, each with its errors


def test_examples_are_test_fields_of_different_proteins() -> None:
    table = pd.DataFrame(
        {
            "field_id": ["a1", "a2", "a3", "b1", "b2"],
            "protein": ["A", "A", "A", "B", "B"],
            "split": ["test", "test", "test", "test", "train"],
        }
    )
    assert strips.example_fields(table, 3)["field_id"].tolist() == ["a1", "b1", "a2"]


def test_large_fields_are_shown_where_most_is_to_be_seen() -> None:
    plane = np.zeros((700, 700))
    plane[650:660, 20:30] = 100
    y, x = pictures.liveliest_tile(plane)
    assert y <= 650 < y + 320
    assert x <= 20 < x + 320


def test_confusion_scores_agree_with_scikit_learn(tree: Tree, album: Album) -> None:
    table = predictions(open_folders([tree.localized()]))["deeploc"].table
    found = confusion.recognition("deeploc", table)
    assert found.accuracy == pytest.approx(accuracy_score(table["truth"], table["predicted"]))
    assert found.balanced == pytest.approx(balanced_accuracy_score(table["truth"], table["predicted"]))
    assert set(table["split"]) == {"test"}
    confusion.confusion(album, found, table)
    data = pd.read_csv(album.folder / "confusion_deeploc.csv").pivot(index="truth", columns="predicted", values="cells")
    assert (data.to_numpy() == confusion_matrix(table["truth"], table["predicted"], labels=list(data.index))).all()


def test_chance_is_the_commonest_class() -> None:
    table = pd.DataFrame(
        {
            "cell_id": list("abcd"),
            "unit": list("wxyz"),
            "truth": ["n", "n", "n", "v"],
            "predicted": ["n", "v", "n", "n"],
            "seed": 0,
        }
    )
    found = confusion.recognition("e", table)
    assert (found.chance, found.majority, found.accuracy, found.balanced) == (0.75, "n", 0.5, pytest.approx(1 / 3))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=60))
def test_the_interval_holds_the_accuracy(cells: list[tuple[bool, int]]) -> None:
    correct = pd.Series([hit for hit, _ in cells])
    low, high = confusion.accuracy_interval(correct, pd.Series([unit for _, unit in cells]))
    assert 0 <= low <= correct.mean() + 1e-9
    assert correct.mean() - 1e-9 <= high <= 1
    assert high > low


def test_cells_that_come_in_fields_widen_the_interval() -> None:
    correct = pd.Series([True] * 50 + [False] * 50)
    alone = confusion.accuracy_interval(correct, pd.Series(range(100)))
    together = confusion.accuracy_interval(correct, pd.Series([i // 25 for i in range(100)]))
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


def test_many_classes_are_put_together(tree: Tree, album: Album) -> None:
    classes = [f"compartment_with_a_long_name_{i:02d}" for i in range(40)]
    table = predictions(open_folders([tree.localized(classes=classes, n_cells=960)]))["deeploc"].table
    counts = confusion.matrix(table)
    assert len(counts) == MOST_CLASSES + 1
    assert counts.to_numpy().sum() == len(table)
    plot = confusion.confusion(album, confusion.recognition("deeploc", table), table)
    assert "put together" in plot.caption


def test_curves_draw_every_quantity_and_skip_what_is_no_number(tree: Tree, album: Album) -> None:
    history = curves.histories(open_folders([tree.localized(0), tree.localized(1)]))[("localize", "deeploc")]
    assert curves.curves(album, "localize", "deeploc", history) is not None
    data = pd.read_csv(album.folder / "curves_deeploc.csv")
    assert {"step", "epoch", "split", "loss", "accuracy", "seed"} <= set(data.columns)
    assert len(data) == 2 * 2 * 12
    assert curves.curves(album, "x", "y", pd.DataFrame({"step": [1], "split": ["train"], "seed": [0]})) is None


def test_the_epoch_that_is_kept_is_marked_where_it_is_not_the_last(tree: Tree, album: Album) -> None:
    folders = open_folders([tree.localized(0, epoch=9), tree.localized(1, epoch=12)])
    history = curves.histories(folders)[("localize", "deeploc")]
    assert set(history.loc[history["kept"], "epoch"]) == {9}
    assert set(history.loc[history["kept"], "seed"]) == {0}
    plot = curves.curves(album, "localize", "deeploc", history)
    assert plot is not None
    assert "2 seeds, a thin line each." in plot.caption
    assert "Circles" in plot.caption
    without = curves.histories(folders[1:])[("localize", "deeploc")]
    assert not without["kept"].any()
    assert "Circles" not in curves.curves(album, "localize", "deeploc", without).caption  # type: ignore[union-attr]


def test_a_broken_history_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text('{"step": 1}\nnot json\n')
    with pytest.raises(InputError, match="line 2"):
        read_history(path)
    assert read_history(tmp_path / "none.jsonl").empty


def mapped(album: Album, path: Path) -> Plot:
    (folder,) = open_folders([path])
    points = maps.points_of(folder)
    return maps.embedding_map(album, folder, points, maps.located(points, "t-SNE"))


def test_maps_show_every_protein_once_a_source(tree: Tree, album: Album) -> None:
    mapped(album, tree.embedding())
    data = pd.read_csv(album.folder / "map_deeploc.csv")
    assert data.groupby("source").size().to_dict() == {"clean": 24, "degraded": 24, "restored:cgan": 24}
    clean = data[data["source"] == "clean"]
    spread = clean.groupby("compartment")[["x", "y"]].std().mean().mean()
    assert spread < 0.5 * clean[["x", "y"]].std().mean()


def test_few_proteins_are_shown_as_cells(tree: Tree, album: Album) -> None:
    plot = mapped(album, tree.embedding(n_proteins=4, sources=("clean",)))
    assert "every point is a cell" in plot.caption
    assert len(pd.read_csv(album.folder / "map_deeploc.csv")) == 4 * 5


@pytest.mark.parametrize(
    "x", [np.ones((1, 3)), np.ones((3, 3)), np.ones((8, 3)), np.random.default_rng(0).normal(size=(5, 1))]
)
def test_few_or_equal_points_have_coordinates(x: np.ndarray) -> None:
    found = maps.coordinates(x.astype(np.float32))
    assert found.shape == (len(x), 2)
    assert np.isfinite(found).all()


def test_scores_over_seeds_keep_the_widest_interval(tree: Tree) -> None:
    folder = tree.evaluated(seeds=(0, 1), encoders=("deeploc",), full=False)
    raw = pd.read_parquet(folder / "scores.parquet").query("scale == 'compartment' and source == 'clean'")
    row = scores.read_scores(open_folders([folder])[0]).query("scale == 'compartment' and source == 'clean'").iloc[0]
    assert row["value"] == pytest.approx(raw["value"].mean())
    assert (row["ci_low"], row["ci_high"]) == (raw["ci_low"].min(), raw["ci_high"].max())
    assert row["n_seeds"] == 2


def test_the_last_epoch_counts() -> None:
    row = {"source": "clean", "encoder": "e", "layer": "d2", "seed": 0, "metric": "map", "chance": 0.1}
    columns = row | {"ci_low": 0.0, "ci_high": 1.0, "n_proteins": 3}
    table = pd.DataFrame([{**columns, "epoch": 1, "value": 0.2}, {**columns, "epoch": 12, "value": 0.6}])
    assert scores.over_seeds(table, [], ["n_proteins"])["value"].tolist() == [0.6]


def test_bars_hold_scores_in_the_order_of_scales(tree: Tree, album: Album) -> None:
    encoders = [f"encoder_{i:02d}" for i in range(15)]
    found = scores.read_scores(open_folders([tree.evaluated(encoders=encoders, full=False)])[0])
    plot = bars.score_bars(album, found)
    assert plot is not None
    assert "first 12 of 15 encoders" in plot.caption
    data = pd.read_csv(album.folder / "scores_ap.csv")
    assert list(dict.fromkeys(data["scale"])) == ["compartment", "process", "complex"]
    assert len(data) == 15 * 3 * 3


def test_usage_reads_what_snakemake_could_not_measure(tree: Tree, album: Album) -> None:
    rules = usage.by_rule(usage.read_benchmarks(tree.benchmarks())).set_index("rule")
    assert rules.loc["restore", "seconds"] == pytest.approx(166.2)
    assert rules.loc["restore", "memory_mb"] == 900
    assert np.isnan(rules.loc["crop", "memory_mb"])
    assert rules["jobs"].tolist() == [2, 2, 2]
    usage.usage_bars(album, rules.reset_index())
    assert (album.folder / "usage.csv").is_file()


def test_a_foreign_file_among_benchmarks_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(InputError, match=r"x\.tsv: is not a benchmark file"):
        usage.read_benchmarks(tmp_path)


def test_figures_of_one_name_do_not_overwrite_each_other(album: Album) -> None:
    from matplotlib.figure import Figure

    names = [
        album.add(name, Figure(), pd.DataFrame({"a": [1]}), alt="", caption="").name for name in ("a/b", "a_b", "A_b")
    ]
    assert names == ["a_b", "a_b_2", "A_b_3"] or len({name.lower() for name in names}) == 3
    assert Image.open(io.BytesIO(album.plots[0].png)).format == "PNG"


def test_classes_have_styles_that_differ() -> None:
    styles = class_style([str(i) for i in range(len(COLOURS) * len(MARKERS))])
    assert len(set(styles.values())) == len(styles)


@given(st.text(), st.integers(2, 40))
def test_short_names_are_short_and_on_one_line(name: str, most: int) -> None:
    for found in (short(name, most), ends(name, most)):
        assert len(found) <= most
        assert "\n" not in found


def test_names_that_begin_alike_differ_at_their_end() -> None:
    assert ends("compartment_with_a_name_01", 12) == "compar…me_01"
    assert ends("nucleus", 7) == "nucleus"


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "a//b", "/etc", "a\0b"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        child(tmp_path, name)


def test_words() -> None:
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert (number(float("nan"), 1), number(float("inf"), 1), number(-1.25, 1)) == ("\u2013", "\u221e", "\u22121.2")
    assert (number(-0.001, 2), signed(-0.001, 2), signed(0.004, 2), signed(0.006, 2)) == (
        "0.00",
        "0.00",
        "0.00",
        "+0.01",
    )
