from __future__ import annotations

from pathlib import Path

import pytest
import torch

from multiscope.config import Care
from multiscope.restore.methods.care import CareRecipe
from multiscope.restore.methods.method import by_steps
from tests.restore.methods.tasks import blur, errors, noise, task_of

SMALL = Care(model="care", width=8, lr=2e-3)


def test_takes_noise_away(tmp_path: Path) -> None:
    learned = by_steps(CareRecipe)(task_of(SMALL, {"noise": noise}, tmp_path / "s", steps=80))
    assert errors(learned, {"noise": noise})["noise"] < 0.4
    assert (learned.conditional, learned.multiple, learned.receptive) == (False, 4, 23)
    assert not learned.network.training


def test_without_weights_it_is_the_identity(tmp_path: Path) -> None:
    recipe = CareRecipe(task_of(SMALL, {"noise": noise}, tmp_path / "s"))
    for parameter in recipe.network.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.randn(2, 1, 32, 32)
    assert torch.equal(recipe.restorer()(x), x)


def test_the_rate_falls_to_a_tenth(tmp_path: Path) -> None:
    recipe = CareRecipe(task_of(SMALL, {"blur": blur, "noise": noise}, tmp_path / "s", steps=8))
    rates = []
    for step in range(8):
        rates.append(recipe.optimizer.param_groups[0]["lr"])
        recipe.step(step)
    rates.append(recipe.optimizer.param_groups[0]["lr"])
    assert rates[:5] == [2e-3] * 5
    assert rates[6] == pytest.approx(0.55 * 2e-3)
    assert rates[8] == pytest.approx(2e-4)


def test_the_published_profile() -> None:
    published = Care(model="care", profile="paper")
    assert (published.width, published.kernel, published.lr) == (32, 5, 4e-4)
