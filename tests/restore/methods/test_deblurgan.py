from __future__ import annotations

from pathlib import Path

import pytest
import torch

from multiscope.config import DeblurGan
from multiscope.restore.methods.deblurgan import DeblurGanRecipe
from multiscope.restore.methods.method import by_steps
from tests.conftest import die_at
from tests.restore.methods.tasks import errors, noise, save_each_step, task_of

SMALL = DeblurGan(model="deblurgan", width=8, blocks=1, dropout=0.1, critic_width=4, critic_steps=1, lr=2e-3)
NOISE = {"noise": noise}


def test_takes_noise_away(tmp_path: Path) -> None:
    learned = by_steps(DeblurGanRecipe)(task_of(SMALL, NOISE, tmp_path / "s", steps=40))
    assert errors(learned, NOISE)["noise"] < 0.8
    assert learned.multiple == 4
    assert not learned.network.training


def test_the_critic_learns_to_tell(tmp_path: Path) -> None:
    recipe = DeblurGanRecipe(task_of(SMALL, NOISE, tmp_path / "s"))
    pairs = recipe.task.images.pairs

    def distance() -> float:
        with torch.no_grad():
            return float(recipe.critic(pairs.clean).mean() - recipe.critic(recipe.network(pairs.degraded)).mean())

    before = distance()
    for part in range(30):
        recipe._update_critic(recipe.draw(0, part))
    assert distance() > max(before, 0) + 0.05, "clean images score above restored ones"


def test_each_update_of_the_critic_has_a_batch_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = DeblurGanRecipe(task_of(SMALL.model_copy(update={"critic_steps": 3}), NOISE, tmp_path / "s"))
    seen = []
    for name in ("_update_critic", "losses"):
        whole = getattr(recipe, name)
        monkeypatch.setattr(recipe, name, lambda batch, whole=whole: (seen.append(batch.clean), whole(batch))[1])
    recipe.step(0)
    assert len(seen) == 4
    assert not any(torch.equal(a, b) for i, a in enumerate(seen) for b in seen[:i])


def test_killed_and_run_again_it_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_each_step(monkeypatch)
    learn = by_steps(DeblurGanRecipe)
    whole = learn(task_of(SMALL, NOISE, tmp_path / "whole", steps=6)).network.state_dict()
    with monkeypatch.context() as killing:
        die_at(killing, DeblurGanRecipe, step=4)
        with pytest.raises(RuntimeError, match="killed"):
            learn(task_of(SMALL, NOISE, tmp_path / "killed", steps=6))
    resumed = learn(task_of(SMALL, NOISE, tmp_path / "killed", steps=6)).network.state_dict()
    assert "resumed at step 4" in capsys.readouterr().err
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
