"""Paired differences: looked up either way, shown with their sign, and what is concluded from them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from multiscope.report import difference_tables
from multiscope.report.blocks import NONE
from multiscope.report.differences import Difference, Differences, read_differences
from multiscope.report.evaluation_answers import best_encoder_answers, beyond_answers
from multiscope.report.inputs import Folder, open_folders
from multiscope.report.scores import read_scores
from multiscope.report.summary import scale_answers
from tests.report.stages import Tree

COMPLEX = ("complex", "screen_complex")


def opened(tree: Tree, **options: Any) -> tuple[Folder, pd.DataFrame, Differences]:
    (folder,) = open_folders([tree.evaluated(**options)])
    found = read_differences(folder)
    assert found is not None
    return folder, read_scores(folder), found


def test_a_difference_is_found_either_way(tree: Tree) -> None:
    folder, _, found = opened(tree)
    row = pd.read_parquet(folder.path / "differences.parquet").iloc[0]
    a, b = (row["source_a"], row["encoder_a"]), (row["source_b"], row["encoder_b"])
    one, other = (found.between(row["standard"], row["metric"], *runs) for runs in ((a, b), (b, a)))
    assert one == Difference(row["difference"], row["ci_low"], row["ci_high"])
    assert other == Difference(-row["difference"], -row["ci_high"], -row["ci_low"])
    assert found.between(row["standard"], row["metric"], a, ("clean", "nobody")) is None


@pytest.mark.parametrize(
    ("found", "tone"),
    [
        (Difference(0.2, 0.1, 0.3), "up"),
        (Difference(-0.2, -0.3, -0.1), "down"),
        (Difference(0.1, -0.1, 0.3), "pale-up"),
        (Difference(-0.1, -0.3, 0.0), "pale-down"),
        (Difference(0.2, math.nan, math.nan), "pale-up"),
    ],
)
def test_the_colour_is_the_sign_and_pale_where_zero_is_possible(found: Difference, tone: str) -> None:
    cell = difference_tables.tinted(found)
    assert cell.tone == tone and cell.text[0] == ("+" if found.value > 0 else "\u2212")
    assert ("interval" in cell.note) == math.isnan(found.low)
    assert difference_tables.tinted(None).text == NONE


def test_a_matrix_is_row_less_column_with_places_last(tree: Tree) -> None:
    _, scores, found = opened(tree, encoders=("autoencoder", "deeploc", "cytoself"))
    table = difference_tables.encoder_matrix(scores, found, COMPLEX, "ap")
    assert table is not None
    assert [header.replace("\u200b", "") for header in table.headers] == [
        *("", "autoencoder", "deeploc", "cytoself", "places")
    ]
    values = scores.query("standard == 'screen_complex' and metric == 'ap' and source == 'clean'")
    value = values.set_index("label")["value"]
    assert table.rows[0][2].text == f"+{value['autoencoder'] - value['deeploc']:.3f}"
    assert table.rows[1][1].text == f"\u2212{value['autoencoder'] - value['deeploc']:.3f}"
    assert [row[i + 1].text for i, row in enumerate(table.rows)] == [""] * 3
    assert all(row[-1].tone in ("up", "pale-up") for row in table.rows[:2])


def test_a_matrix_of_many_encoders_is_bounded_and_says_so(tree: Tree) -> None:
    encoders = [f"encoder_{i:02d}" for i in range(14)]
    _, scores, found = opened(tree, encoders=encoders)
    table = difference_tables.encoder_matrix(scores, found, COMPLEX, "ap")
    assert table is not None
    assert len(table.rows) == difference_tables.MOST_ENCODERS
    assert "The 10 highest of 14 encoders" in table.caption
    assert all(len(row) == len(table.headers) for row in table.rows)


def test_one_encoder_has_no_matrix_without_controls(tree: Tree) -> None:
    _, scores, found = opened(tree, encoders=("deeploc",))
    assert difference_tables.encoder_matrix(scores[~scores["control"]], found, COMPLEX, "ap") is None
    assert difference_tables.leader_table(scores, found, "ap") is None


@pytest.mark.parametrize(("half", "told"), [(0.001, True), (0.9, False)])
def test_an_encoder_leads_only_where_the_difference_is_clear(tree: Tree, half: float, told: bool) -> None:
    _, scores, found = opened(tree, paired=half)
    table = difference_tables.leader_table(scores, found, "ap")
    assert table is not None
    assert [row[1].text for row in table.rows] == ["deeploc"] * 3
    assert [[cell.text for cell in row[3:]] for row in table.rows] == [
        ["autoencoder", NONE] if told else [NONE, "autoencoder"]
    ] * 3
    answer = best_encoder_answers(scores, found)
    assert {item.verdict for item in answer.items} == {"better" if told else "unclear"}
    assert answer.headline == f"One encoder is clearly above all others by {3 if told else 0} of 3 standards."


def test_sources_of_an_encoder_are_compared_later_less_earlier(tree: Tree) -> None:
    _, scores, found = opened(tree, encoders=("deeploc",))
    table = difference_tables.source_table(scores, found, "ap")
    assert table is not None
    assert [row[1].text for row in table.rows] == [
        "degraded less clean", "restored:cgan less clean", "restored:cgan less degraded",
    ]  # fmt: skip
    assert [[cell.text[0] for cell in row[2:]] for row in table.rows] == [["\u2212"] * 3, ["\u2212"] * 3, ["+"] * 3]


def test_paired_differences_decide_where_intervals_overlap(tree: Tree) -> None:
    _, scores, found = opened(tree, half=0.3, paired=0.01, encoders=("deeploc",))
    (_, overlapping), (_, paired) = scale_answers(scores), scale_answers(scores, differences=found)
    assert {item.verdict for item in overlapping.items} == {"unclear"}
    assert {item.verdict for item in paired.items} == {"better"}
    assert all("(paired difference 0." in item.text for item in paired.items)
    wide = scale_answers(scores, differences=opened(tree, half=0.01, paired=0.9, encoders=("deeploc",))[2])[1]
    assert {item.label for item in wide.items} == {"no clear difference"}


@pytest.mark.parametrize(("half", "verdict"), [(0.01, "better"), (0.5, "unclear")])
def test_signal_within_places_is_held_against_chance(tree: Tree, half: float, verdict: str) -> None:
    answer = beyond_answers(opened(tree, half=half)[1])
    assert [item.lead for item in answer.items] == ["process (screen_process)", "complex (screen_complex)"]
    assert {item.verdict for item in answer.items} == {verdict}


def test_differences_need_their_columns(tree: Tree, tmp_path: Path) -> None:
    (folder,) = open_folders([tree.evaluated(full=False)])
    assert read_differences(folder) is None
