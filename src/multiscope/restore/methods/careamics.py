"""CARE and Noise2Void as careamics trains them, where it is installed: outside references.

CARE (Weigert et al. 2018) learns from the pairs; Noise2Void (Krull et al. 2019) from degraded images alone, one network
a defect. Network, normalization, flips, masks, optimizer, schedule and loop are careamics' own, with its defaults.
Given to it are the patches, drawn as for all other methods, the number of steps and of patches a step. It wants
images to validate with, which decide over the learning rate alone: they are training patches too, since there may be
few, and neither the best epoch is chosen nor the training stopped by them. A training that was killed starts anew.
"""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from multiscope.errors import InputError, Interrupted
from multiscope.nn.careamics_unet import CareamicsRestorer
from multiscope.progress import Progress
from multiscope.restore.methods.method import Learned, Task
from multiscope.training.order import step_rng
from multiscope.training.state import StateFolder

Patches = npt.NDArray[np.float32]
_EPOCHS = 30  # careamics' default
_MOST_PIXELS = 2**26
_EPS = 1e-6  # careamics adds it to standard deviations
_LOG_EVERY = 10
_STREAM = 5


def learn_care(task: Task) -> Learned:
    """CARE by careamics: one network for all defects."""
    train = _trainer(task, "create_advanced_care_config", early_stopping_params={})
    rng = step_rng(seed=task.seed, step=0, stream=_STREAM)
    drawn = task.images.pairs.draw(rng, _n_patches(task), real_share=task.images.real_share)
    degraded, clean = drawn.degraded[:, 0].numpy(), drawn.clean[:, 0].numpy()
    return _learned(task, [train("pixel", 0, degraded, clean)])


def learn_n2v(task: Task) -> Learned:
    """Noise2Void by careamics: each defect has a network of its own, trained for all the steps.

    A defect that there are no pairs of, as where each is learned alone, shares the first one's.
    """
    train = _trainer(task, "create_advanced_n2v_config")
    names, trained = task.images.pairs.defects, {}
    for number in task.images.pairs.present:
        rng = step_rng(seed=task.seed, step=number, stream=_STREAM)
        drawn = task.images.unpaired.degraded(rng, [names[number]] * _n_patches(task))
        trained[number] = train(f"masked {names[number]}", number, drawn[:, 0].numpy(), None)
    first = next(iter(trained.values()))
    return _learned(task, [trained.get(number, first) for number in range(len(names))], conditional=True)


@dataclass(frozen=True)
class _Trained:
    """A network of careamics, and the mean and scale of what it takes and of what it gives."""

    network: nn.Module
    before: tuple[float, float]
    after: tuple[float, float]


def _trainer(task: Task, configure: str, **options: Any) -> Any:
    """The training of one network, with what of careamics it needs; where that is missing, an `InputError`."""
    try:
        careamist = import_module("careamics").CAREamist
        create = getattr(import_module("careamics.config.factories"), configure)
        callback = import_module("lightning.pytorch.callbacks").LambdaCallback
    except (ImportError, AttributeError) as error:
        why = f"{error.name} is not installed" if isinstance(error, ImportError) else "it is of another version"
        raise InputError(
            f"restore.methods.{task.name}: '{task.config.model}' cannot be used here ({why}; expected careamics 0.3); "
            "run snakemake --sdm conda, which makes envs/careamics.yaml, or leave it out"
        ) from None
    size, multiple = task.images.pairs.size, 1 << task.config.depth
    if size % multiple:
        raise InputError(
            f"restore.methods.{task.name}.depth: {task.config.depth} halvings need patches whose side is a multiple of "
            f"{multiple}, but they are {size} pixels; choose fewer, or another augment.patch_size"
        )
    return partial(_train, task, careamist, partial(create, **options), callback, task.state())


def _train(
    task: Task, careamist: Any, create: Any, callback: Any, state: StateFolder, what: str, number: int,
    degraded: Patches, clean: Patches | None,
) -> _Trained:  # fmt: skip
    """One network from patches (N, Y, X); `what` names its loss in the history."""
    device = task.fabric.device
    before = _mean_and_std(degraded)
    after = before if clean is None else _mean_and_std(clean)
    known: dict[str, Any] = {"input_means": [before[0]], "input_stds": [before[1]]}
    data: dict[str, Any] = {"train_data": degraded, "val_data": degraded[: task.batch_size]}
    if clean is not None:
        known |= {"target_means": [after[0]], "target_stds": [after[1]]}
        data |= {"train_data_target": clean, "val_data_target": clean[: task.batch_size]}
    seed = 1 + task.seed + number  # it wants more than 0
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with (
        Progress(f"restore: {task.name}: {what}", total=task.steps) as progress,
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
    ):
        # it advises on workers, logging, hardware and batches: the choices were made here
        warnings.simplefilter("ignore")
        config = create(
            experiment_name=task.config.model,
            data_type="array",
            axes="SYX",
            patch_size=[degraded.shape[-1]] * 2,
            batch_size=task.batch_size,
            num_epochs=-1,
            num_steps=-(-task.steps // _EPOCHS),
            augmentations=["x_flip", "y_flip"] if task.images.flips else [],
            normalization_params=known,
            num_workers=0,
            trainer_params={
                "max_steps": task.steps,
                "accelerator": "cpu" if device.type == "cpu" else "gpu",
                "devices": 1,
                "enable_model_summary": False,
            },
            model_params={"num_channels_init": task.config.width, "depth": task.config.depth},
            seed=seed,
        )
        watch = callback(on_train_batch_end=_Watch(what, task.steps, progress, state))
        own = careamist(config, work_dir=folder, callbacks=[watch], enable_progress_bar=False)
        if masks := getattr(own.model, "n2v_manipulate", None):
            # it takes a graphics card where there is one, even if told not to
            masks.rng = torch.Generator(device).manual_seed(seed)
        try:
            own.train(**data)
        except SystemExit:  # Lightning's answer to a signal, with code 0
            raise Interrupted(f"restore: {task.name}: stopped by a signal; run again: careamics starts anew") from None
    return _Trained(own.model.model.cpu(), (before[0], before[1] + _EPS), (after[0], after[1] + _EPS))


@dataclass
class _Watch:
    """Called by Lightning after each step: progress, and the history as `multiscope.training.loop` writes it."""

    what: str
    steps: int
    progress: Progress
    state: StateFolder
    losses: list[float] = field(default_factory=list)
    step: int = 0

    def __call__(self, trainer: Any, module: Any, outputs: Any, batch: Any, index: int) -> None:
        """Note the loss of one step."""
        self.step += 1
        self.losses.append(float(outputs["loss"]))
        self.progress.advance({self.what: self.losses[-1]})
        if self.step % _LOG_EVERY == 0 or self.step == self.steps:
            row = {"step": self.step, "split": "train", self.what: sum(self.losses) / len(self.losses)}
            with self.state.history.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            self.losses.clear()


def _learned(task: Task, trained: list[_Trained], *, conditional: bool = False) -> Learned:
    """The same in a module that needs no careamics."""
    arguments = {
        "width": task.config.width,
        "depth": task.config.depth,
        "input_mean": [each.before[0] for each in trained],
        "input_scale": [each.before[1] for each in trained],
        "output_mean": [each.after[0] for each in trained],
        "output_scale": [each.after[1] for each in trained],
    }
    network = CareamicsRestorer(**arguments)
    for own, each in zip(network.networks, trained, strict=True):
        own.take_over(each.network)  # type: ignore[operator]
    return Learned(
        network.to(task.fabric.device).eval(),
        "careamics_restorer",
        arguments,
        conditional=conditional,
        multiple=1 << task.config.depth,
        receptive=network.receptive,
    )


def _n_patches(task: Task) -> int:
    """Patches that it may draw from: as many as all steps see, but for what would fill the memory."""
    most = _MOST_PIXELS // (task.images.pairs.size**2 * task.batch_size)
    return task.batch_size * max(1, min(task.steps, most))


def _mean_and_std(patches: Patches) -> tuple[float, float]:
    return float(patches.mean(dtype=np.float64)), float(patches.std(dtype=np.float64))
