"""What is taken of predictions, and the figures of classes that are made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from multiscope.errors import InputError
from multiscope.metrics.calibration import BINS
from multiscope.report import calibration, classes, confident, confusion, roc, saliency
from multiscope.report.album import Album
from multiscope.report.inputs import open_folders
from multiscope.report.predictions import MOST_CLASSES, Predictions, predictions, probability
from multiscope.stores.samples import SampleStore
from tests.report.stages import COMPARTMENTS, Tree


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path / "figures")


def predicted(*folders: Path) -> Predictions:
    (found,) = predictions(open_folders(folders)).values()
    return found


def given(tmp_path: Path, **columns: object) -> Predictions:
    """Predictions as they would be read of a folder with these columns."""
    table = pd.DataFrame({"protein": "", "split": "test", "seed": 0, **columns})
    table = table.assign(cell_id=[f"c{i}" for i in range(len(table))], field_id="", unit=range(len(table)))
    return Predictions("cnn", table, [])


def test_cells_without_a_label_and_of_other_sides_are_left_out(tree: Tree) -> None:
    path = tree.localized()
    raw = pd.read_parquet(path / "predictions.parquet")
    found = predicted(path).table
    assert len(found) == ((raw["split"] == "test") & (raw["truth"] != "")).sum() < (raw["split"] == "test").sum()
    assert "" not in set(found["truth"])


def test_places_are_compared_in_one_order(tree: Tree) -> None:
    found = predicted(tree.localized(several=True))
    assert found.several
    assert all(
        label == "|".join(sorted(label.split("|"))) for label in [*found.table["truth"], *found.table["predicted"]]
    )
    assert found.table["truth"].str.contains("|", regex=False).any()
    scores = confusion.recognition("cnn", found.table)
    sets = [[frozenset(label.split("|")) for label in found.table[column]] for column in ("truth", "predicted")]
    assert scores.accuracy == pytest.approx(np.mean([one == other for one, other in zip(*sets, strict=True)]))
    assert scores.accuracy > 0.5


def test_a_cell_in_several_places_is_one_of_each_but_not_where_that_is_a_class(tmp_path: Path) -> None:
    columns = {"truth": ["a|b", "a", "b"], "predicted": ["a", "a", "b"], "probability": 0.5}
    several = given(tmp_path, **columns, **{"p:a": 0.5, "p:b": 0.5})
    assert several.of("a").tolist() == [True, True, False]
    combined = given(tmp_path, **columns, **{"p:a": 0.5, "p:b": 0.5, "p:a|b": 0.5})
    assert combined.of("a").tolist() == [False, True, False]
    assert combined.of("a|b").tolist() == [True, False, False]
    assert combined.shown == ["a", "a|b", "b"]


def test_probabilities_that_are_none_are_refused(tree: Tree) -> None:
    path = tree.localized()
    folders = open_folders([path])
    table = pd.read_parquet(path / "predictions.parquet")
    table.assign(**{"p:nucleus": 1.5}).to_parquet(path / "predictions.parquet")
    with pytest.raises(InputError, match="not from 0 to 1"):
        predictions(folders)


@pytest.mark.parametrize("several", [False, True])
def test_scores_by_class_agree_with_scikit_learn(tree: Tree, several: bool) -> None:
    found = predicted(tree.localized(0, several=several), tree.localized(1, several=several))
    scores = classes.class_scores(found).set_index("class")
    assert list(scores.index) == sorted(COMPARTMENTS)
    for name, row in scores.iterrows():
        expected = []
        for part in found.by_seed():
            truth, said = ([name in label.split("|") for label in part[column]] for column in ("truth", "predicted"))
            auc = roc_auc_score(truth, probability(part, str(name)))
            expected.append((recall_score(truth, said), precision_score(truth, said), auc))
        assert (row["recall"], row["precision"], row["auc"]) == pytest.approx(np.mean(expected, axis=0))
        assert row["ece_low"] <= row["ece"] <= row["ece_high"]
    assert (scores["n_seeds"] == 2).all()
    assert scores["n_cells"].sum() == len(found.first) + found.first["truth"].str.contains("|", regex=False).sum()


def test_bins_and_curves_hold_every_cell(tree: Tree, album: Album) -> None:
    found = predicted(tree.localized(0), tree.localized(1))
    scores = classes.class_scores(found)
    calibration.calibration(album, found, scores)
    bins = pd.read_csv(album.folder / "calibration_deeploc.csv")
    assert (bins.groupby("class")["n"].sum() == len(found.table)).all()
    assert ((bins["low"] <= bins["share"] + 1e-9) & (bins["share"] <= bins["high"] + 1e-9)).all()
    assert (bins["probability"] * BINS).between(bins["bin_low"] * BINS - 1e-6, bins["bin_high"] * BINS + 1e-6).all()
    assert roc.roc_curves(album, found, scores) is not None
    points = pd.read_csv(album.folder / "roc_deeploc.csv")
    for _, line in points.groupby(["class", "seed"]):
        rates = line[["false_positive_rate", "true_positive_rate"]].to_numpy()
        assert rates[0].tolist() == [0, 0] and rates[-1].tolist() == [1, 1]
        assert (np.diff(rates, axis=0) >= 0).all()


def test_many_classes_have_the_commonest_shown(tree: Tree, album: Album) -> None:
    names = [f"class_{i:02d}" for i in range(40)]
    found = predicted(tree.localized(classes=names, n_cells=960))
    scores = classes.class_scores(found)
    assert len(scores) == MOST_CLASSES
    plot = calibration.calibration(album, found, scores)
    assert f"The {MOST_CLASSES} commonest classes; {len(set(found.table['truth'])) - MOST_CLASSES} more" in plot.caption


def test_a_class_without_others_has_no_curve(tmp_path: Path, album: Album) -> None:
    found = given(tmp_path, truth=["a", "a"], predicted=["a", "b"], probability=0.6, **{"p:a": [0.6, 0.4], "p:b": 0.4})
    assert roc.roc_curves(album, found, classes.class_scores(found)) is None


def test_cells_are_chosen_by_how_sure_and_how_right_they_are(tree: Tree) -> None:
    found = predicted(tree.localized(right=0.6))
    chosen = confident.examples(found)
    for name, own in chosen.groupby("class"):
        table = found.table[found.table["truth"] == name]
        right = table[table["predicted"] == name]
        wrong = table[table["predicted"] != name]
        expected = {
            "surest, right": right["probability"].nlargest(3),
            "least sure": table["probability"].nsmallest(3),
            "surest, wrong": wrong["probability"].nlargest(3),
        }
        for kind, probabilities in expected.items():
            assert own.loc[own["kind"] == kind, "probability"].tolist() == pytest.approx(probabilities.tolist())


def test_places_are_judged_by_themselves(tree: Tree) -> None:
    found = predicted(tree.localized(several=True))
    chosen = confident.examples(found)
    for name, own in chosen.groupby("class"):
        p = own[f"p:{name}"]
        assert own["truth"].str.split("|").map(lambda places, name=name: name in places).all()
        assert (p[own["kind"] == "surest, right"] >= 0.5).all()
        assert (p[own["kind"] == "surest, wrong"] < 0.5).all()
        every = found.table.loc[found.of(str(name)), f"p:{name}"]
        assert (p[own["kind"] == "least sure"] - 0.5).abs().max() == pytest.approx(
            (every - 0.5).abs().nsmallest(3).max()
        )


def test_pictures_are_of_the_cells_that_are_named(tree: Tree, album: Album) -> None:
    crops = tree.crops()
    found, (folder,) = predicted(tree.localized(crops=crops)), open_folders([crops])
    plot = confident.confident_cells(album, found, folder)
    assert "channel protein" in plot.caption
    assert len(pd.read_csv(album.folder / f"{plot.name}.csv")) == len(confident.examples(found))
    seen = saliency.looks(found, folder)
    store = pd.read_parquet(crops / "crops.parquet")["cell_id"].tolist()
    images = SampleStore(crops / "crops.zarr").take("image")
    for cell, image, place in zip(seen.cells.to_dict("records"), seen.images, seen.maps, strict=True):
        assert (image == images[store.index(cell["cell_id"]), 0]).all()
        # 7 x 7 places, 4 pixels apart, in the middle of the crop
        assert np.isfinite(place).sum() == 28**2
        assert np.isfinite(place[18:46, 18:46]).all()
        assert np.nanmax(place) <= 1
        assert place[int(cell["peak_y"]), int(cell["peak_x"])] == np.nanmax(place)
    assert (seen.cells.groupby("class").size() == saliency.EACH).all()


def test_a_classifier_that_was_put_on_a_network_is_not_explained(tree: Tree) -> None:
    path = tree.localized(crops=tree.crops())
    found = predicted(path)
    assert saliency.can_explain(found)
    card = (path / "model.json").read_text()
    (path / "model.json").write_text(card.replace("{", '{"learns": "probe",', 1))
    assert not saliency.can_explain(found)
