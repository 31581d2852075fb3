"""How networks are trained on crops: epochs over the training cells, each drawn, turned and bent at random.

Adam (Kingma and Ba 2015) with a cosine schedule (Loshchilov and Hutter 2017); a checkpoint an epoch. See
`multiscope.training.loop.Recipe`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from multiscope.config import Network
from multiscope.errors import InputError
from multiscope.localize.draw import draw_of
from multiscope.localize.learner import Learner
from multiscope.localize.task import Task
from multiscope.nn.cards import load_checkpoint, save_weights
from multiscope.nn.synced_norm import sync_norms
from multiscope.training.draws import Rows
from multiscope.training.jitter import random_gamma, random_rotations
from multiscope.training.loader import Loader, read_ahead
from multiscope.training.loop import Plan, Stateful, train
from multiscope.training.order import step_rng
from multiscope.training.ranks import SharedRng
from multiscope.training.sampling import Sampling
from multiscope.training.state import StateFolder
from multiscope.training.symmetry import random_symmetries
from multiscope.training.update import update

N = TypeVar("N", bound=Network)


@dataclass(frozen=True)
class Moment:
    """When a loss is asked for."""

    rng: np.random.Generator
    """Random numbers of this step; in validation the same ones after every epoch."""
    progress: float = 1.0
    """Share of the training that is done; 1 in validation."""


class Best:
    """The epoch of the least loss on the validation cells so far."""

    def __init__(self) -> None:
        """None yet."""
        self.epoch, self.loss, self.waited = 0, float("inf"), 0

    def see(self, epoch: int, loss: float) -> None:
        """Take in the loss after an epoch."""
        self.waited += 1
        if loss < self.loss:
            self.epoch, self.loss, self.waited = epoch, loss, 0

    def state_dict(self) -> dict[str, Any]:
        """What must survive a kill."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Go on from there."""
        vars(self).update(state)


class NetworkRecipe(Learner[N]):
    """A network that learns by gradient steps; subclasses say which, and what is minimised."""

    def __init__(self, config: N, task: Task) -> None:
        """Make network, optimizer and the order of the cells; nothing is read yet."""
        super().__init__(config, task)
        self.fabric, self.seed = task.fabric, task.seed
        if config.keep == "best" and not len(self.val_rows):
            raise InputError(
                f"{task.crops.path}: has no validation cells, which keep: best goes by; raise localize.split.val, or "
                "keep the last epoch"
            )
        draw = draw_of(config, task.crops, self.train_rows)
        try:
            sampling = Sampling(self.train_rows, draw, config.batch_size, task.seed, task.stream, task.ranks)
        except ValueError as error:
            raise InputError(f"{task.crops.path}: {error}; start fewer processes") from None
        self.sampling = sampling
        self.names: list[str] = []  # of the losses, known from the first step on
        self.steps_per_epoch, self.n_steps = sampling.steps_per_epoch, sampling.steps_per_epoch * config.epochs
        self.loader = Loader(self.reader.read, sampling, epochs=config.epochs, threads=task.readers, pin=task.pins)
        module = self.module()
        if task.ranks.size > 1:
            sync_norms(module)
        learned = [parameter for parameter in module.parameters() if parameter.requires_grad]
        adam = torch.optim.Adam(learned, lr=config.lr, betas=(config.beta1, 0.999))
        self.model, self.optimizer = self.fabric.setup(module, adam)
        self.best = Best()
        if config.schedule == "cosine":
            self.schedule: Any = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=self.n_steps)
        else:
            self.schedule = torch.optim.lr_scheduler.ConstantLR(self.optimizer, factor=1.0)

    @abstractmethod
    def losses(self, crops: Tensor, rows: Rows, moment: Moment) -> dict[str, Tensor]:
        """Losses of a batch of prepared crops (n, C, S, S) of the cells `rows`; the one called `loss` is minimised."""

    def module(self) -> nn.Module:
        """What is trained: the network, and what its loss needs beside it."""
        return self.network

    @property
    def intensities(self) -> str:
        """As its section says."""
        return self.config.intensities

    @property
    def epoch(self) -> int:
        """The last, or the best."""
        return self.best.epoch if self.config.keep == "best" else self.config.epochs

    def learn(self, folder: StateFolder, what: str) -> None:
        """Train for the epochs of the section, or until it gets no better."""
        plan = Plan(
            what=what,
            steps=self.n_steps,
            seed=self.seed,
            steps_per_epoch=self.steps_per_epoch,
            over=self.is_over,
            ranks=self.task.ranks,
        )
        with self.loader:
            train(self, plan, folder)
        self.task.ranks.expect_same(self.network)
        if self.config.keep == "best" and self.task.ranks.is_first:
            load_checkpoint(self.network, folder.epochs / f"{self.epoch:03d}.safetensors")

    def is_over(self) -> bool:
        """Whether the loss on the validation cells has not fallen for long enough."""
        return self.config.patience is not None and self.best.waited >= self.config.patience

    @property
    def stateful(self) -> Mapping[str, Stateful]:
        """Network, optimizer, schedule, and which epoch was best."""
        return {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule, "best": self.best}

    def step(self, step: int) -> dict[str, float]:
        """One update on the next batch of the epoch."""
        batch, place = self.loader.batch(step), self.sampling.place(step % self.steps_per_epoch)
        rng = step_rng(seed=self.seed, step=step)
        crops = self.augmented(batch.images, SharedRng(rng, place) if place.share < 1 else rng)
        self.set_modes()
        losses = self.losses(crops, batch.rows, Moment(rng, step / self.n_steps))
        self.names = list(losses)
        # the processes' gradients are averaged: parts of a batch that differ in size count as they are
        loss = losses["loss"] * (place.share * self.task.ranks.size)
        update(self.fabric, self.optimizer, loss, model=self.model, clip=self.config.clip)
        self.schedule.step()
        return self.task.ranks.mean({name: float(value.detach()) for name, value in losses.items()}, place.share)

    def set_modes(self) -> None:
        """Training mode."""
        self.model.train()

    def augmented(self, images: Tensor, rng: np.random.Generator | SharedRng) -> Tensor:
        """Prepared crops of images that were read, changed at random as the section says."""
        config = self.config
        bend = partial(random_gamma, strength=config.jitter, rng=rng) if config.jitter else None
        crops = self.reader.prepare(images, self.fabric.device, bend=bend)
        if config.symmetry != "none":
            crops = random_symmetries(crops, rng=rng, turns=config.symmetry == "all")
        return random_rotations(crops, degrees=config.rotation, rng=rng) if config.rotation else crops

    def end_epoch(self, epoch: int, checkpoints: Path) -> dict[str, float]:
        """Checkpoint, and mean losses over the validation cells, which the processes share."""
        ranks = self.task.ranks
        if ranks.is_first:
            save_weights(checkpoints / f"{epoch:03d}.safetensors", self.network)
        sums: dict[str, float] = {}
        self.model.eval()
        moment = Moment(step_rng(seed=self.seed, step=0, stream=4))
        size = self.config.batch_size
        parts = [self.val_rows[start : start + size] for start in range(0, len(self.val_rows), size)]
        parts = parts[ranks.share(len(parts))]
        read = read_ahead(self.reader.read, parts, threads=self.task.readers, pin=self.task.pins)
        with torch.no_grad(), read as batches:
            for batch in batches:
                crops = self.reader.prepare(batch.images, self.fabric.device)
                for name, value in self.losses(crops, batch.rows, moment).items():
                    sums[name] = sums.get(name, 0.0) + float(value) * len(batch.rows)
        if not len(self.val_rows):
            return {}
        # a process may have had no part, and has no sums then
        totals = ranks.total([sums.get(name, 0.0) for name in self.names])
        means = {name: total / len(self.val_rows) for name, total in zip(self.names, totals, strict=True)}
        self.best.see(epoch, means["loss"])
        return means
