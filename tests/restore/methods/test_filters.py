from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from multiscope.config import Gaussian, Median, Nlm, RichardsonLucy
from multiscope.nn.cards import load_network, save_network
from multiscope.restore.methods.filters import fit_filter
from multiscope.restore.methods.images import TrainingImages, TrainingPairs
from tests.restore.methods.tasks import Spoil, blur, errors, noise, pairs_of, task_of

BOTH: dict[str, Spoil] = {"blur": blur, "noise": noise}
DENOISERS = [Gaussian(model="gaussian"), Median(model="median"), Nlm(model="nlm")]
ALL = [*DENOISERS, RichardsonLucy(model="richardson_lucy")]


def ids(config: object) -> str:
    return type(config).__name__


@pytest.mark.parametrize("config", DENOISERS, ids=ids)
def test_denoisers_denoise_and_leave_blur_alone(config: object, tmp_path: Path) -> None:
    learned = fit_filter(task_of(config, BOTH, tmp_path / "s"))
    left = errors(learned, BOTH)
    assert left["noise"] < 0.5
    assert left["blur"] < 1.01


def test_deconvolution_sharpens(tmp_path: Path) -> None:
    learned = fit_filter(task_of(ALL[-1], BOTH, tmp_path / "s"))
    left = errors(learned, BOTH)
    assert left["blur"] < 0.5
    assert left["noise"] < 1.01
    assert learned.arguments["sigma_y"][0] == learned.arguments["sigma_x"][0] == 1.5, "the blur's own"


@pytest.mark.parametrize("config", ALL, ids=ids)
def test_saved_and_loaded_like_a_network(config: object, tmp_path: Path) -> None:
    learned = fit_filter(task_of(config, BOTH, tmp_path / "s"))
    save_network(tmp_path, learned.network, learned.architecture, learned.arguments, {})
    network, card = load_network(tmp_path)
    pairs = pairs_of(BOTH, n=2, seed=5)
    expected = learned.network(pairs.degraded, pairs.defect)
    assert torch.equal(network(pairs.degraded, pairs.defect), expected)
    assert card["parameters"] == 0
    assert json.loads(json.dumps(card["arguments"])) == learned.arguments
    assert not (tmp_path / "s").exists(), "nothing is trained: no state"


def test_settings_come_from_the_training_pairs_alone(tmp_path: Path) -> None:
    task = task_of(DENOISERS[0], {"noise": noise}, tmp_path / "s")
    assert fit_filter(task).arguments["sigma"][0] > 0.5
    perfect = TrainingPairs(
        task.images.pairs.clean.numpy(),
        task.images.pairs.clean.numpy(),
        pd.DataFrame({"defect": ["noise"] * 24, "origin": "real"}),
        ["noise"],
    )
    images = TrainingImages(perfect, task.images.unpaired, flips=False)
    assert fit_filter(type(task)(**{**vars(task), "images": images})).arguments["sigma"] == [0.0]


def test_a_defect_without_pairs_gets_what_is_best_for_all(tmp_path: Path) -> None:
    task = task_of(DENOISERS[0], {"noise": noise}, tmp_path / "s")
    pairs = task.images.pairs
    table = pd.DataFrame({"defect": ["noise"] * 24, "origin": "real"})
    more = TrainingPairs(pairs.degraded.numpy(), pairs.clean.numpy(), table, ["axial", "noise"])
    images = TrainingImages(more, task.images.unpaired, flips=False)
    sigma = fit_filter(type(task)(**{**vars(task), "images": images})).arguments["sigma"]
    assert len(sigma) == 2
    assert sigma[0] == sigma[1] > 0


def test_settings_do_not_hang_on_how_many_pairs_there_are(tmp_path: Path) -> None:
    few, many = (fit_filter(task_of(DENOISERS[0], BOTH, tmp_path / "s", n=n)).arguments["sigma"] for n in (8, 200))
    np.testing.assert_allclose(few, many, atol=0.3)
