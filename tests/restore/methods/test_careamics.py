"""careamics by a package of the same signatures; the last tests need the real one, and skip where it is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from multiscope.config import Careamics, CareamicsCare, CareamicsN2v, Restore
from multiscope.errors import InputError, Interrupted
from multiscope.nn.careamics_unet import CareamicsUNet
from multiscope.restore.methods.registry import METHODS
from tests.restore.methods.tasks import SIZE, Spoil, blur, errors, noise, pairs_of, task_of

BOTH: dict[str, Spoil] = {"blur": blur, "noise": noise}
CARE = CareamicsCare(model="careamics_care", width=8)
N2V = CareamicsN2v(model="careamics_n2v", width=8)
Calls = list[SimpleNamespace]


class StandIn:
    """As in careamics 0.3.5: arguments of `CAREamist`; its training says a loss a step and sets the last bias to 2."""

    def __init__(
        self, config: dict[str, Any], *, work_dir: Path | str | None = None,
        callbacks: list[Callable[..., None]] | None = None, enable_progress_bar: bool = True,
    ) -> None:  # fmt: skip
        self.config, self.callbacks = config, callbacks or []
        params = config["model_params"]
        self.model = SimpleNamespace(model=CareamicsUNet(width=params["num_channels_init"], depth=params["depth"]))

    def train(
        self, *, train_data: Any = None, train_data_target: Any = None, val_data: Any = None,
        val_data_target: Any = None, filtering_mask: Any = None, loading: Any = None,
    ) -> None:  # fmt: skip
        CALLS.append(SimpleNamespace(config=self.config, data=train_data, target=train_data_target, val=val_data))
        for step in range(self.config["trainer_params"]["max_steps"]):
            for callback in self.callbacks:
                callback(None, None, {"loss": torch.tensor(float(step))}, None, step)
        for parameter in self.model.model.last.parameters():
            torch.nn.init.zeros_(parameter)
        torch.nn.init.constant_(self.model.model.last.bias, 2)


CALLS: Calls = []


def create(
    *, experiment_name: str, data_type: str, axes: str, patch_size: list[int], batch_size: int, num_epochs: int,
    num_steps: int, augmentations: list[str], normalization_params: dict[str, Any], num_workers: int,
    trainer_params: dict[str, Any], model_params: dict[str, Any], seed: int,
    early_stopping_params: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    return dict(locals())


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Calls:
    def module(name: str, **members: object) -> None:
        made = ModuleType(name)
        vars(made).update(members)
        monkeypatch.setitem(sys.modules, name, made)

    factories = {f"create_advanced_{kind}_config": create for kind in ("care", "n2v")}
    module("careamics", CAREamist=StandIn)
    module("careamics.config")
    module("careamics.config.factories", **factories)
    for name in ("lightning", "lightning.pytorch"):
        module(name)
    module("lightning.pytorch.callbacks", LambdaCallback=lambda on_train_batch_end: on_train_batch_end)
    CALLS.clear()
    return CALLS


def test_care_gets_pairs_and_the_budget_of_all_methods(stand_in: Calls, tmp_path: Path) -> None:
    learned = METHODS["careamics_care"](task_of(CARE, BOTH, tmp_path / "s", steps=45))
    (call,) = stand_in
    assert (call.config["trainer_params"]["max_steps"], call.config["batch_size"]) == (45, 4)
    assert call.config["num_steps"] == 2  # 30 epochs, as careamics has by default
    assert call.config["augmentations"] == ["x_flip", "y_flip"]
    assert call.config["early_stopping_params"] == {}
    assert call.data.shape == call.target.shape == (45 * 4, SIZE, SIZE)
    pairs = pairs_of(BOTH, n=24, seed=1)
    known = {a.numpy().tobytes(): b.numpy().tobytes() for a, b in zip(pairs.degraded, pairs.clean, strict=True)}
    assert all(known[a.tobytes()] == b.tobytes() for a, b in zip(call.data, call.target, strict=True))
    assert (learned.conditional, learned.multiple, learned.receptive) == (False, 4, 29)
    # a network that answers 2 in its own units
    expected = call.target.mean() + 2 * call.target.std()
    torch.testing.assert_close(
        learned.network(torch.randn(1, 1, 16, 16)).mean().item(), float(expected), rtol=1e-4, atol=1e-4
    )
    rows = [json.loads(line) for line in (tmp_path / "s" / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [10, 20, 30, 40, 45]
    assert [row["pixel"] for row in rows] == [4.5, 14.5, 24.5, 34.5, 42]


def test_n2v_has_a_network_for_each_defect_and_sees_no_clean_image(stand_in: Calls, tmp_path: Path) -> None:
    def low(images: Any, rng: Any) -> Any:
        return images - 100

    learned = METHODS["careamics_n2v"](task_of(N2V, {"low": low, "noise": noise}, tmp_path / "s", steps=3))
    assert learned.conditional
    first, second = stand_in
    assert first.target is None and second.target is None
    assert first.data.max() < -90 < second.data.min()
    assert first.config["seed"] != second.config["seed"]
    made = learned.network(torch.zeros(2, 1, 16, 16), torch.tensor([0, 1])).mean(dim=(1, 2, 3))
    expected = [call.data.mean() + 2 * call.data.std() for call in stand_in]
    np.testing.assert_allclose(made.detach(), expected, rtol=1e-4)


def test_patches_that_it_cannot_halve_are_refused(stand_in: Calls, tmp_path: Path) -> None:
    task = task_of(CARE.model_copy(update={"depth": 6}), BOTH, tmp_path / "s")
    with pytest.raises(InputError, match=r"methods.test.depth: 6 halvings need .* multiple of 64, but they are 32"):
        METHODS["careamics_care"](task)


@pytest.mark.parametrize("config", [CARE, N2V], ids=lambda config: str(config.model))
def test_a_missing_package_ends_in_one_line_that_says_how(
    config: Careamics, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "careamics", None)
    with pytest.raises(InputError, match=r"restore.methods.test: .*not installed.*envs/careamics.yaml") as caught:
        METHODS[getattr(config, "model")](task_of(config, BOTH, tmp_path / "s"))  # noqa: B009
    assert "\n" not in str(caught.value)


def test_another_version_is_refused(stand_in: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(sys.modules["careamics.config.factories"], "create_advanced_care_config")
    with pytest.raises(InputError, match="is of another version; expected careamics"):
        METHODS["careamics_care"](task_of(CARE, BOTH, tmp_path / "s"))


def test_a_signal_stops_it_with_a_line(stand_in: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stopped(self: StandIn, **data: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(StandIn, "train", stopped)
    with pytest.raises(Interrupted, match="restore: test: stopped by a signal; run again"):
        METHODS["careamics_care"](task_of(CARE, BOTH, tmp_path / "s"))


def test_the_configuration_knows_both() -> None:
    methods = Restore.model_validate({"methods": {"a": {"model": "careamics_care"}, "b": {"model": "careamics_n2v"}}})
    assert {name: method.learns_from for name, method in methods.methods.items()} == {"a": "pairs", "b": "strangers"}
    with pytest.raises(ValidationError, match="multiple of 2"):
        CareamicsCare(model="careamics_care", width=9)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_our_network_is_careamics_s(depth: int) -> None:
    theirs = pytest.importorskip("careamics.models.unet", reason="needs careamics: envs/careamics.yaml").UNet
    torch.manual_seed(depth)
    # as its configuration has it
    network = theirs(conv_dims=2, depth=depth, num_channels_init=8, use_batch_norm=True, independent_channels=False)
    x = torch.randn(4, 1, 32, 32)
    network(x)  # moves the running means
    own = CareamicsUNet(width=8, depth=depth)
    own.take_over(network)
    assert torch.equal(own.eval()(x), network.eval()(x))


def test_both_take_noise_away_and_give_the_same_again(tmp_path: Path) -> None:
    pytest.importorskip("careamics", reason="needs careamics: envs/careamics.yaml")
    left = {}
    for config in (CARE, N2V):
        again = []
        for run in ("a", "b"):
            state = tmp_path / f"{config.model}_{run}"
            again.append(METHODS[config.model](task_of(config, {"noise": noise}, state, steps=150)))
        left[config.model] = errors(again[0], {"noise": noise})["noise"]
        first, second = (learned.network.state_dict() for learned in again)
        assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert left["careamics_care"] < 0.3
    assert left["careamics_n2v"] < 0.6
