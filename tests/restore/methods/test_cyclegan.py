from __future__ import annotations

from pathlib import Path

import pytest
import torch

from multiscope.config import CycleGan
from multiscope.nn.image_pool import ImagePool
from multiscope.restore.methods.cyclegan import CycleGanRecipe
from multiscope.restore.methods.method import by_steps
from tests.conftest import die_at
from tests.restore.methods.tasks import errors, haze, noise, save_each_step, task_of

SMALL = CycleGan(model="cyclegan", width=8, blocks=1, critic_width=4, lr=2e-3)
HAZE = {"haze": haze}


def test_takes_haze_away_without_a_pair(tmp_path: Path) -> None:
    learned = by_steps(CycleGanRecipe)(task_of(SMALL, HAZE, tmp_path / "s", steps=40))
    assert errors(learned, HAZE)["haze"] < 0.4
    assert not learned.network.training


def test_it_never_sees_a_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of(SMALL, HAZE, tmp_path / "s")
    monkeypatch.delattr(type(task.images), "paired")
    recipe = CycleGanRecipe(task)
    batch = recipe.draw(0)
    assert not torch.allclose(batch.degraded, torch.from_numpy(haze(batch.clean.numpy(), None)))  # type: ignore[arg-type]
    recipe.step(0)


def test_one_step_moves_all_four_networks(tmp_path: Path) -> None:
    recipe = CycleGanRecipe(task_of(SMALL, HAZE, tmp_path / "s", steps=4))
    parts = {name: getattr(recipe, name) for name in ("to_clean", "to_degraded", "of_clean", "of_degraded")}
    before = {name: [p.detach().clone() for p in part.parameters()] for name, part in parts.items()}
    losses = recipe.step(0)
    assert losses.keys() == {"critic", "adversarial", "cycle", "identity"}
    for name, part in parts.items():
        assert any(not torch.equal(p, q) for p, q in zip(part.parameters(), before[name], strict=True)), name


@pytest.mark.parametrize("forgetful", [False, True])
def test_killed_and_run_again_it_ends_as_one_that_was_not(
    forgetful: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_each_step(monkeypatch)
    learn, spoil = by_steps(CycleGanRecipe), {"haze": haze, "noise": noise}
    config = SMALL.model_copy(update={"pool": 6})
    whole = learn(task_of(config, spoil, tmp_path / "whole", steps=8)).network.state_dict()
    with monkeypatch.context() as killing:
        die_at(killing, CycleGanRecipe, step=4)
        with pytest.raises(RuntimeError, match="killed"):
            learn(task_of(config, spoil, tmp_path / "killed", steps=8))
    if forgetful:  # the pools matter
        monkeypatch.setattr(ImagePool, "load_state_dict", lambda self, state: None)
    resumed = learn(task_of(config, spoil, tmp_path / "killed", steps=8)).network.state_dict()
    assert "resumed at step 4" in capsys.readouterr().err
    assert all(torch.equal(whole[name], resumed[name]) for name in whole) != forgetful
