"""The summary says what the numbers say, also where that is unwelcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiscope.metrics.intervals import mean_interval
from multiscope.report import restoration
from multiscope.report.blocks import Statements
from multiscope.report.confusion import recognition
from multiscope.report.inputs import open_folders
from multiscope.report.predictions import predictions
from multiscope.report.restoration_answers import restoration_answers
from multiscope.report.scores import read_scores
from multiscope.report.summary import confidence_answers, recognition_answers, scale_answers
from multiscope.report.trusted import read_trust, structure_answers
from tests.report.stages import Tree


def restored(tree: Tree, gain: dict[str, float] | float, **options: Any) -> Statements:
    return answers(restoration.described(tree.scores(gain=gain, **options)))


def answers(scores: pd.DataFrame) -> Statements:
    return restoration_answers(scores, restoration.compare(scores))


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
    scores = restoration.described(tree.scores(gain=3.0))
    flipped = (scores["metric"] == "ssim") & (scores["label"] != "input")
    scores.loc[flipped, "value"] -= 0.3
    assert {item.label for item in answers(scores).items} == {"mixed"}


def test_the_numbers_are_those_of_the_table(tree: Tree) -> None:
    scores = tree.scores(gain=2.0, seeds=(0, 1))
    means = scores.query("defect == 'noise' and metric == 'psnr' and rule == 'fixed'").groupby("method")["value"].mean()
    text = next(item.text for item in answers(restoration.described(scores)).items if item.lead == "noise")
    assert f"PSNR goes from {means['input']:.2f} to {means['cgan']:.2f} dB" in text


def test_the_best_of_several_methods_is_named_with_its_lead(tree: Tree) -> None:
    methods = {"care": -1.0, "cgan": 0.0, "median": -6.0, "gaussian": -3.0}
    answer = restored(tree, 3.0, methods=methods, n_images=12, defects=("noise",))
    text = answer.items[0].text
    assert answer.headline == "Better than the input: noise (cgan)."
    assert text.startswith("Of 4 methods cgan has the highest PSNR. cgan is better than the input.")
    assert "It is clearly above the next, care, by 0." in text or "It is clearly above the next, care, by 1." in text
    assert "The others against the input: better: care; worse: median; not clear: gaussian." in text


def test_methods_that_cannot_be_told_apart_are_all_named(tree: Tree) -> None:
    methods = {"care": -0.02, "cgan": 0.0, "median": -6.0}
    answer = restored(tree, 3.0, methods=methods, defects=("noise",))
    assert set(answer.headline.removeprefix("Better than the input: noise (").removesuffix(").").split(" or ")) == {
        "care",
        "cgan",
    }
    assert "Not told apart from it, as the interval of the difference includes zero: " in answer.items[0].text


def test_many_equal_methods_are_counted(tree: Tree) -> None:
    answer = restored(tree, 3.0, methods={f"m{i}": 0.0 for i in range(6)}, n_images=1, defects=("noise",))
    assert "not told apart from 5 others" in answer.headline
    assert answer.items[0].verdict == "unclear"


def test_structures_are_counted_beside_those_of_the_input(tree: Tree) -> None:
    data = tree.data()
    answer = structure_answers(read_trust(open_folders([tree.trust(data, []), tree.trust(data, [], method="care")])))
    assert answer.headline.startswith("Fewer are wrong after restoring: axial with 2 of 2 methods")
    assert "Of 120 structures of the clean images the degraded ones lose 60 and invent 36" in answer.items[0].text
    assert "care 24 and 12" in answer.items[0].text


@pytest.mark.parametrize(
    ("right", "verdict", "words"), [(0.9, "better", "Always naming"), (0.0, "unclear", "includes chance")]
)
def test_accuracy_against_chance(tree: Tree, right: float, verdict: str, words: str) -> None:
    found = predictions(open_folders([tree.localized(right=right)]))
    answer = recognition_answers([recognition(name, each.table) for name, each in found.items()])
    assert [item.verdict for item in answer.items] == [verdict]
    assert words in answer.items[0].text


@pytest.mark.parametrize(
    ("said", "right", "label"),
    [(0.95, 0.6, "too sure"), (0.6, 0.95, "too careful"), (0.8, 0.8, "not clearly off")],
)
def test_probabilities_are_held_against_what_is_right(said: float, right: float, label: str) -> None:
    rng = np.random.default_rng(0)
    excess = mean_interval(said - (rng.random(800) < right), np.arange(800) % 40)
    answer = confidence_answers([("cnn", excess)])
    assert [item.label for item in answer.items] == [label]
    assert f"Of 1 classifier, {int(label != 'not clearly off')} " in answer.headline
    (one_field,) = confidence_answers([("cnn", mean_interval([0.2, 0.3], [0, 0]))]).items
    assert (one_field.verdict, one_field.label) == ("unclear", "no interval")


def scales(tree: Tree, **options: object) -> list[Statements]:
    return scale_answers(read_scores(open_folders([tree.evaluated(**options)])[0]))  # type: ignore[arg-type]


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
