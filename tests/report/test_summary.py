"""The summary says what the numbers say, also where that is unwelcome."""

from __future__ import annotations

import pandas as pd
import pytest

from multiscope.report import bars, restoration
from multiscope.report.blocks import Statements
from multiscope.report.confusion import predictions, recognition
from multiscope.report.inputs import open_folders
from multiscope.report.summary import recognition_answers, restoration_answers, scale_answers
from tests.report.stages import Tree


def restored(tree: Tree, gain: dict[str, float] | float, **options: int) -> Statements:
    scores = restoration.read_scores(tree.restore_scores(gain=gain, **options))  # type: ignore[arg-type]
    return restoration_answers(scores, restoration.summarise(scores))


def test_each_defect_gets_its_own_verdict(tree: Tree) -> None:
    answer = restored(tree, {"noise": 3.0, "axial": -3.0, "blur": 0.0}, n_images=12)
    verdicts = {item.lead: item.verdict for item in answer.items}
    assert verdicts["noise"] == "better"
    assert verdicts["axial"] == "worse"
    assert "Better than the input: noise" in answer.headline
    assert "worse than the input: axial" in answer.headline
    worse = next(item for item in answer.items if item.lead == "axial")
    assert "is worse than the input." in worse.text
    assert "higher in 0 of 12" in worse.text


@pytest.mark.parametrize(("gain", "verdict"), [(3.0, "better"), (-3.0, "worse")])
def test_the_sentence_flips_with_the_numbers(tree: Tree, gain: float, verdict: str) -> None:
    answer = restored(tree, gain)
    assert {item.verdict for item in answer.items} == {verdict}
    assert all(f"is {verdict} than the input" in item.text for item in answer.items)


def test_one_image_decides_nothing(tree: Tree) -> None:
    answer = restored(tree, 5.0, n_images=1)
    assert {item.verdict for item in answer.items} == {"unclear"}
    assert all("nothing can be concluded" in item.text for item in answer.items)


def test_measures_that_disagree_are_called_mixed(tree: Tree) -> None:
    scores = restoration.read_scores(tree.restore_scores(gain=3.0))
    flipped = (scores["metric"] == "ssim") & (scores["label"] != "input")
    scores.loc[flipped, "value"] -= 0.3
    answer = restoration_answers(scores, restoration.summarise(scores))
    assert {item.label for item in answer.items} == {"mixed"}


def test_the_numbers_are_those_of_the_table(tree: Tree) -> None:
    path = tree.restore_scores(gain=2.0, seeds=(0, 1))
    table = pd.read_parquet(path).query("defect == 'noise' and metric == 'psnr' and rule == 'fixed'")
    means = table.groupby("method")["value"].mean()
    scores = restoration.read_scores(path)
    text = next(i.text for i in restoration_answers(scores, restoration.summarise(scores)).items if i.lead == "noise")
    assert f"PSNR goes from {means['input']:.2f} to {means['cgan']:.2f} dB" in text


@pytest.mark.parametrize(
    ("right", "verdict", "words"), [(0.9, "better", "Always naming"), (0.0, "unclear", "includes chance")]
)
def test_accuracy_against_chance(tree: Tree, right: float, verdict: str, words: str) -> None:
    found = predictions(open_folders([tree.localized(right=right)]))
    answer = recognition_answers([recognition(name, table) for name, table in found.items()])
    assert [item.verdict for item in answer.items] == [verdict]
    assert words in answer.items[0].text


def scales(tree: Tree, **options: object) -> list[Statements]:
    return scale_answers(bars.read_scores(tree.evaluated(**options) / "scores.parquet"))  # type: ignore[arg-type]


def test_scales_above_chance_and_raised_by_restoring(tree: Tree) -> None:
    above, changes = scales(tree, half=0.01, encoders=("deeploc",))
    assert {item.verdict for item in above.items} == {"better"}
    assert above.headline.startswith("Above chance: compartment with 1 of 1 encoder;")
    assert {item.verdict for item in changes.items} == {"better"}
    assert "3 clearly raised, 0 clearly lowered" in changes.headline


def test_an_interval_over_chance_is_said(tree: Tree) -> None:
    above, changes = scales(
        tree, values={"clean": 0.24, "degraded": 0.23, "restored:cgan": 0.23}, encoders=("deeploc",)
    )
    assert {item.label for item in above.items} == {"not above chance"}
    assert all("includes chance" in item.text for item in above.items)
    assert {item.label for item in changes.items} == {"no clear difference"}
    assert all("intervals overlap" in item.text for item in changes.items)


def test_restoring_that_harms_is_said(tree: Tree) -> None:
    values = {"clean": 0.8, "degraded": 0.7, "restored:cgan": 0.3}
    changes = scales(tree, values=values, half=0.01, encoders=("deeploc",))[1]
    assert all("Restoring lowers it." in item.text for item in changes.items)
    assert {item.verdict for item in changes.items} == {"worse"}


def test_clean_images_alone_have_nothing_to_compare(tree: Tree) -> None:
    assert len(scales(tree, sources=("clean",))) == 1
