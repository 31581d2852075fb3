from __future__ import annotations

from pathlib import Path
from typing import cast

import pandas as pd
import pytest
import torch
from numpy.random import default_rng

from multiscope.config import CGan
from multiscope.data.patches import UnpairedPatches
from multiscope.restore.methods.cgan import CGanRecipe
from multiscope.restore.methods.images import TrainingImages, TrainingPairs
from multiscope.restore.methods.method import by_steps
from tests.restore.methods.tasks import blur, errors, haze, noise, pairs_of, task_of

SMALL = CGan(model="cgan", width=8, blocks=1, critic_width=4, lr=2e-3)


def test_the_published_profile_has_the_parameters_of_the_paper() -> None:
    paper = CGan(model="cgan", profile="paper")
    network = CGanRecipe(task_of(paper, {"noise": noise}, Path())).network
    assert sum(p.numel() for p in network.parameters()) == 11_376_129
    # lambda: content to adversarial
    assert paper.content_weight / paper.adversarial_weight == pytest.approx(10)
    assert paper.pixel_weight == 0
    assert not paper.condition


def test_a_key_beside_a_profile_wins() -> None:
    narrow = CGan(model="cgan", profile="paper", width=16)
    assert (narrow.width, narrow.blocks, narrow.dropout) == (16, 9, 0.5)
    assert CGan.model_validate(narrow.model_dump()) == narrow


PAPER = CGan(
    model="cgan",
    profile="paper",
    width=16,
    blocks=1,
    critic_width=4,
    dropout=0.0,
    lateral=True,
    lr=1e-3,
)


@pytest.mark.parametrize(("config", "steps", "left"), [(SMALL, 150, 0.3), (PAPER, 250, 0.5)])
def test_three_pairs_can_be_learned_by_heart(config: CGan, steps: int, left: float, tmp_path: Path) -> None:
    task = task_of(config, {"noise": noise}, tmp_path / "s", steps=steps, n=3)
    learned = by_steps(CGanRecipe)(task)
    pairs = task.images.pairs
    with torch.no_grad():
        restored = (
            learned.network(pairs.degraded, pairs.defect) if learned.conditional else learned.network(pairs.degraded)
        )
    before, after = ((x - pairs.clean).square().mean() for x in (pairs.degraded, restored))
    assert after < left * before


def test_several_defects_are_taken_away_by_one_network(tmp_path: Path) -> None:
    defects = {"haze": haze, "noise": noise}
    learned = by_steps(CGanRecipe)(task_of(SMALL, defects, tmp_path / "s", steps=200))
    left = errors(learned, defects)
    assert left["noise"] < 0.55
    assert left["haze"] < 0.2
    assert learned.conditional


def test_the_loss_is_the_weighted_sum_of_its_terms(tmp_path: Path) -> None:
    only = SMALL.model_copy(update={"adversarial_weight": 0.0, "content_weight": 0.0, "ema": 0.0})
    terms = CGanRecipe(task_of(only, {"blur": blur}, tmp_path / "s")).step(0)
    assert terms.keys() == {"pixel"}
    all_terms = CGanRecipe(task_of(SMALL, {"blur": blur}, tmp_path / "s")).step(0)
    assert all_terms.keys() == {"critic", "adversarial", "content", "pixel"}


def test_few_real_pairs_are_seen_beside_many_synthetic_ones() -> None:
    pairs = pairs_of({"noise": noise}, n=100, seed=0)
    table = pd.DataFrame({"defect": "noise", "origin": ["real"] * 2 + ["physics"] * 98})
    mixed = TrainingPairs(pairs.degraded.numpy(), pairs.clean.numpy(), table, ["noise"])
    assert mixed.count("noise") == (2, 98)
    real = {pairs.degraded[i].numpy().tobytes() for i in range(2)}

    def share(real_share: float) -> float:
        batch = mixed.draw(default_rng(0), 2000, real_share=real_share)
        return sum(x.numpy().tobytes() in real for x in batch.degraded) / 2000

    assert share(0.0) == pytest.approx(0.02, abs=0.015)
    assert share(0.3) == pytest.approx(0.3 + 0.7 * 0.02, abs=0.04)


def test_flips_turn_pairs_alike() -> None:
    pairs = pairs_of({"noise": lambda images, rng: images}, n=8, seed=0)
    images = TrainingImages(pairs, cast(UnpairedPatches, None), flips=True)
    for seed in range(5):
        batch = images.paired(default_rng(seed), 4)
        assert torch.equal(batch.degraded, batch.clean)
