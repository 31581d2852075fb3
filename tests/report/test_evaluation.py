"""All scores of an evaluation: tables, figures, terms, origins; and results that have less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiscope import config
from multiscope.report import bars, beyond, cell_counts, evaluation_sections, origins, recovered, score_tables
from multiscope.report.album import Album
from multiscope.report.blocks import NONE, Details, Section, Table, Text
from multiscope.report.evaluation import Evaluation
from multiscope.report.inputs import open_folders
from multiscope.report.results import Results
from tests.report.stages import Tree

COMPLEX = ("complex", "screen_complex")


def evaluation(tree: Tree, **options: Any) -> Evaluation:
    return Evaluation(open_folders([tree.evaluated(**options)])[0])


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path / "figures")


def sections(run_config: config.Config, found: Evaluation, album: Album) -> dict[str, Section]:
    results = Results(run_config=run_config, data=[], evaluated=found.folder)
    return {section.name: section for section in evaluation_sections.scored(album, results) if section is not None}


def text_of(section: Section) -> str:
    return " ".join(block.text for block in section.blocks if isinstance(block, Text))


def test_controls_are_no_encoders(tree: Tree, album: Album) -> None:
    found = evaluation(tree)
    controls = found.scores[found.scores["control"]]
    assert set(controls["label"]) == {"places", "shuffled"}
    assert set(controls.loc[controls["encoder"] == "places", "source"]) == {"clean"}
    plot = bars.score_bars(album, found.scores)
    assert plot is not None and "Dashed:" in plot.caption and "places" not in plot.alt
    assert found.best_encoder() == "deeploc"


def test_a_standard_has_a_row_an_encoder_and_a_column_a_score(tree: Tree) -> None:
    found = evaluation(tree, seeds=(0, 1), encoders=("autoencoder", "deeploc"), paired=0.03)
    table = score_tables.standard_table(found.scores, found.differences, COMPLEX, "clean")
    assert table is not None
    assert list(table.headers) == [
        "encoder", "AP", "AP within places", "mAP of terms", "AMI", "AMI, best of grid", "F of clusters",
        "recall, 5% tails", "recall, 10% tails",
    ]  # fmt: skip
    assert [row[0].text for row in table.rows] == ["autoencoder", "deeploc", "places", "shuffled", "chance"]
    assert all(len(row) == len(table.headers) for row in table.rows)
    assert [row[0].tone for row in table.rows] == ["", "", "soft", "soft", "soft"]
    raw = pd.read_parquet(found.folder.path / "scores.parquet")
    own = raw.query(
        "encoder == 'autoencoder' and standard == 'screen_complex' and source == 'clean' and metric == 'ap'"
    )
    ap = table.rows[0][1]
    assert ap.text == f"{own['value'].mean():.3f}"
    assert ap.note.split("\n") == [
        f"{own['ci_low'].min():.2f} to {own['ci_high'].max():.2f}",
        f"{own['value'].mean() / own['chance'].mean():.2f}-fold",
        f"\u00b1 {own['value'].std():.3f}",
    ]
    assert table.rows[-1][7].text == "0.100"


@pytest.mark.parametrize(("half", "bold"), [(0.001, True), (0.9, False)])
def test_the_best_is_bold_only_where_it_is_clearly_so(tree: Tree, half: float, bold: bool) -> None:
    found = evaluation(tree, paired=half)
    table = score_tables.standard_table(found.scores, found.differences, COMPLEX, "clean")
    assert table is not None
    assert table.rows[0][1].strong is bold
    # the best of a grid has no draws, so no difference of it is clear
    assert not table.rows[0][5].strong
    assert not any(cell.strong for row in table.rows[1:] for cell in row)
    without = score_tables.standard_table(found.scores, None, COMPLEX, "clean")
    assert without is not None and not any(cell.strong for row in without.rows for cell in row)


def test_a_score_that_an_encoder_lacks_is_a_dash(tree: Tree) -> None:
    found = evaluation(tree)
    scores = found.scores[~((found.scores["label"] == "autoencoder") & (found.scores["metric"] == "map"))]
    table = score_tables.standard_table(scores, found.differences, COMPLEX, "clean")
    assert table is not None
    assert [row[3].text == NONE for row in table.rows] == [False, True, False, False, False]


def test_chance_that_depends_on_the_choice_is_a_range(tree: Tree) -> None:
    scores = evaluation(tree).scores
    scores.loc[(scores["label"] == "deeploc") & (scores["metric"] == "f"), "chance"] = 0.5
    table = score_tables.standard_table(scores, None, COMPLEX, "clean")
    assert table is not None and " to 0.500" in table.rows[-1][6].text


def test_how_cuts_were_chosen_is_said(tree: Tree) -> None:
    table = score_tables.choices(evaluation(tree).folder)
    assert table is not None
    assert {row[1].text for row in table.rows} == {"AMI", "F of clusters"}
    assert {row[-1].text for row in table.rows} == {"linkage: average; cut: 0.42"}
    assert score_tables.choices(evaluation(tree, full=False).folder) is None


def test_beyond_the_compartment_is_drawn_over_chance(tree: Tree, album: Album) -> None:
    found = evaluation(tree)
    plot = beyond.beyond_dots(album, found.scores)
    assert plot is not None
    data = pd.read_csv(album.folder / "beyond_compartment.csv")
    assert set(data["metric"]) == {"ap", "ap_within"} and set(data["source"]) == {"clean"}
    assert set(data["standard"]) == {"screen_process", "screen_complex"}
    assert data["over_chance"].to_numpy() == pytest.approx((data["value"] / data["chance"]).to_numpy())
    assert data.query("label == 'places' and metric == 'ap_within'")["over_chance"].to_numpy() == pytest.approx(1)
    assert beyond.beyond_dots(album, evaluation(tree, full=False).scores) is None


def test_terms_are_ranked_and_counted(tree: Tree) -> None:
    found = evaluation(tree, seeds=(0, 1))
    assert found.terms is not None
    ranked = dict(recovered.best_terms(found.terms))
    assert list(ranked) == [(s, f"screen_{s}") for s in ("compartment", "process", "complex")]
    table = ranked[COMPLEX]
    assert "deeploc: 10 of 20 terms" in table.caption and "2 seeds" in table.caption
    values = [float(row[1].text) for row in table.rows]
    assert values == sorted(values, reverse=True) and len(values) == recovered.MOST_TERMS
    assert [row[1].strong for row in table.rows] == [True] * 7 + [False] * 3
    counts = recovered.found_table(found.terms)
    assert [row[0].text for row in counts.rows] == ["autoencoder", "deeploc", "places", "shuffled"]
    assert [row[3].text for row in counts.rows] == ["7 of 20"] * 3 + ["0 of 20"]
    assert [row[0].tone for row in counts.rows] == ["", "", "soft", "soft"]


@pytest.mark.parametrize(("p", "said"), [(0.0312, "0.031"), (0.00002, "2e-05"), (float("nan"), NONE)])
def test_p_values(p: float, said: str) -> None:
    assert recovered.p_value(p) == said


def test_numbers_of_cells_are_means_over_draws_and_seeds(tree: Tree, album: Album) -> None:
    found = evaluation(tree, seeds=(0, 1), encoders=[f"e{i}" for i in range(9)])
    plot = cell_counts.by_cells(album, found.folder)
    assert plot is not None
    assert "The highest 7 of 9 encoders" in plot.caption and "6 choices" in plot.caption
    raw = pd.read_parquet(found.folder.path / "by_cells.parquet")
    own = raw.query("encoder == 'e3' and n_cells == 10 and source == 'clean' and scale == 'complex'")["value"]
    row = pd.read_csv(album.folder / "cells_ap.csv").query("label == 'e3' and n_cells == 10 and scale == 'complex'")
    assert row[["mean", "min", "max", "size"]].to_numpy()[0] == pytest.approx([own.mean(), own.min(), own.max(), 6])


def test_origins_say_what_was_lost(tree: Tree) -> None:
    folder = evaluation(tree).folder
    table = origins.origin_table(folder)
    assert table is not None
    row = dict(zip(table.headers, (cell.text for cell in table.rows[0]), strict=True))
    assert row["left out"] == "retired names: 7; terms too small: 12; terms too large: 3"
    assert (row["organism"], row["licence"], row["release"]) == ("4932", "CC-BY-4.0", "2026-01-31")
    assert "deeploc/d2/epoch12/seed0/degraded: 3 proteins" in origins.lost_proteins(folder)
    (notice,) = origins.circular_notices(folder)
    assert "screen_compartment" in notice.title and "an AP of 0.95" in notice.text


def test_every_part_has_its_section(tree: Tree, run_config: config.Config, album: Album) -> None:
    found = sections(run_config, evaluation(tree), album)
    assert list(found) == ["biology", "scores", "differences", "beyond", "terms", "cellcounts", "standards"]
    assert "Not in this evaluation" not in text_of(found["scores"])
    assert found["biology"].blocks[0].kind == "notice"
    shown = [block for block in found["scores"].blocks if isinstance(block, Table)]
    assert ["circular" in table.caption for table in shown] == [True, False, False]
    folded = [block.title for block in found["scores"].blocks if isinstance(block, Details)]
    assert folded[:2] == ["The same on degraded images", "The same on restored:cgan images"]
    assert "labels of the data set" in text_of(found["beyond"])


def test_what_an_earlier_result_lacks_is_said(tree: Tree, run_config: config.Config, album: Album) -> None:
    found = sections(run_config, evaluation(tree, full=False), album)
    assert list(found) == ["biology", "scores", "standards"]
    said = text_of(found["scores"])
    assert "Not in this evaluation: AP within places, mAP of terms, AMI" in said
    assert "paired differences of encoders and sources, terms one by one and scores by number of cells." in said
    assert "no best encoder is marked" in said and "Grey" not in said


def test_numbers_that_were_not_counted_are_dashes(tree: Tree, run_config: config.Config, album: Album) -> None:
    found = evaluation(tree, full=False)
    path = found.folder.path / "scores.parquet"
    pd.read_parquet(path).drop(columns="n_positive_pairs").assign(ci_low=np.nan).to_parquet(path)
    assert found.scores["n_positive_pairs"].isna().all()
    results = Results(run_config=run_config, data=[], evaluated=found.folder)
    assert [section.name for section in evaluation_sections.scored(album, results) if section] == [
        *("biology", "scores", "standards")
    ]
    assert {item.label for answer in results.answers for item in answer.items} >= {"no interval"}


def test_an_evaluation_without_standards_has_no_scores(tree: Tree, run_config: config.Config, album: Album) -> None:
    path = tree.evaluated(full=False, scales=())
    found = sections(run_config, Evaluation(open_folders([path])[0]), album)
    assert "scores" not in found
