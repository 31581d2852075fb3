from __future__ import annotations

from pathlib import Path

import torch

from multiscope.config import Pix2Pix
from multiscope.restore.methods.method import by_steps
from multiscope.restore.methods.pix2pix import Pix2PixRecipe
from tests.restore.methods.tasks import errors, noise, task_of

SMALL = Pix2Pix(model="pix2pix", width=8, critic_width=8, lr=2e-3)
NOISE = {"noise": noise}


def test_takes_noise_away(tmp_path: Path) -> None:
    learned = by_steps(Pix2PixRecipe)(task_of(SMALL, NOISE, tmp_path / "s", steps=100))
    assert errors(learned, NOISE)["noise"] < 0.8
    assert learned.multiple == 32
    assert learned.arguments["downs"] == 5
    assert not learned.network.training


def test_the_discriminator_sees_the_input_too(tmp_path: Path) -> None:
    recipe = Pix2PixRecipe(task_of(SMALL, NOISE, tmp_path / "s"))
    batch = recipe.draw(0)
    mixed_up = type(batch)(batch.degraded.flip(0), batch.clean, batch.defect)
    losses = [recipe._judge(b, batch.clean, real=True).detach() for b in (batch, mixed_up)]
    assert not torch.equal(*losses)
