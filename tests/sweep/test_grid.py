from __future__ import annotations

from collections import Counter

import pytest
from pydantic import ValidationError

from multiscope.config import Pairs, Sweep
from multiscope.sweep.grid import n_parts, runs

DEFECTS = ["axial", "blur", "noise"]
SWEEP = Sweep(
    methods=["care"],
    n_pairs=[1, 10, "all"],
    augmentation=["none", "flips", "physics", "cin_gan"],
    alpha=[0.5, 0.3],
    n_synthetic=[200],
    unpaired=[50, 200],
)


def test_a_method_of_pairs_meets_every_mix_once() -> None:
    grid = list(runs(SWEEP, Pairs(), defects=DEFECTS, learns_from="pairs"))
    # 3 amounts x (2 plain ones, 2 mixed ones x 3 amounts of synthetic pairs), and 2 mixed ones x 2 without real pairs
    assert len(grid) == 3 * (2 + 2 * 3) + 2 * 2
    assert len({run.name for run in grid}) == len(grid)
    assert Counter(run.pairs.setting for run in grid) == {"paired": 24, "unpaired": 4}
    assert {run.pairs.n_pairs for run in grid if run.pairs.setting == "paired"} == {1, 10, "all"}
    assert all(run.defects == tuple(DEFECTS) and run.trained_on == "together" for run in grid)


def test_strangers_need_no_pairs_and_a_filter_no_more_than_its_few_numbers() -> None:
    assert len(list(runs(SWEEP, Pairs(), defects=DEFECTS, learns_from="strangers"))) == 1
    fitted = list(runs(SWEEP, Pairs(), defects=DEFECTS, learns_from="a few numbers"))
    assert [run.pairs.n_pairs for run in fitted if run.pairs.setting == "paired"] == [1, 10, "all"]
    assert {run.pairs.augmentation for run in fitted if run.pairs.setting == "unpaired"} == {"physics"}


def test_one_network_for_all_defects_or_one_for_each() -> None:
    both = SWEEP.model_copy(update={"defects": ["together", "alone"], "augmentation": ["flips"], "n_pairs": [5]})
    grid = list(runs(both, Pairs(), defects=DEFECTS, learns_from="pairs"))
    assert [run.defects for run in grid] == [tuple(DEFECTS), ("axial",), ("blur",), ("noise",)]
    assert len({run.name for run in grid}) == 4


def test_runs_that_would_be_the_same_are_one() -> None:
    same = SWEEP.model_copy(update={"alpha": [0.6, 0.7], "n_pairs": [1], "n_synthetic": [], "unpaired": []})
    # one pair at a share above a half gets no synthetic one
    assert [run.pairs.augmentation for run in runs(same, Pairs(), defects=DEFECTS, learns_from="pairs")] == [
        "none",
        "flips",
    ]
    alone = SWEEP.model_copy(update={"defects": ["together", "alone"], "augmentation": ["flips"]})
    assert len(list(runs(alone, Pairs(), defects=["noise"], learns_from="pairs"))) == 3


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"n_pairs": [2, 2]}, "n_pairs: each value may stand once"),
        ({"augmentation": ["flips"], "unpaired": [5]}, "unpaired: needs an augmentation that makes pairs"),
        ({"augmentation": ["physics"], "alpha": []}, "augmentation: 'physics' makes pairs, but how many is not said"),
        ({"augmentation": ["flips"], "n_pairs": []}, "n_pairs: is empty"),
    ],
)
def test_a_sweep_without_sense_is_refused(keys: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Sweep.model_validate({"methods": ["care"]} | keys)


def test_how_physics_is_done_is_taken_from_the_section_of_pairs() -> None:
    mix = Pairs(strengths=(0.25, 0.75))
    assert all(run.pairs.strengths == (0.25, 0.75) for run in runs(SWEEP, mix, defects=DEFECTS, learns_from="pairs"))


@pytest.mark.parametrize(("augmentation", "needed"), [(["flips", "physics"], False), (["both"], True)])
def test_a_generator_is_needed_for_its_pairs_alone(augmentation: list[str], needed: bool) -> None:
    assert SWEEP.model_copy(update={"augmentation": augmentation}).needs_generator is needed


@pytest.mark.parametrize(("runs_per_job", "parts"), [(None, 1), (28, 1), (27, 2), (10, 3), (1, 28)])
def test_a_job_has_no_more_runs_than_it_may(runs_per_job: int | None, parts: int) -> None:
    shared = SWEEP.model_copy(update={"runs_per_job": runs_per_job})
    assert n_parts(shared, Pairs(), defects=DEFECTS, learns_from="pairs") == parts
