"""What every restorer shares: the task it is given, what it leaves, and how the trained ones are trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from multiscope.nn.content import ContentFeatures
from multiscope.restore.methods.images import Batch, TrainingImages
from multiscope.training.loop import Plan, Stateful, train
from multiscope.training.order import step_rng
from multiscope.training.state import StateFolder
from multiscope.training.update import update


@dataclass(frozen=True)
class Task:
    """What a restorer is to learn, and by what means."""

    name: str
    """What the method is called in this run."""
    config: Any
    """Its section of `restore.methods`."""
    images: TrainingImages
    content: Callable[[], ContentFeatures]
    """The content network; made when it is first asked for, since some methods need none."""
    steps: int
    batch_size: int
    seed: int
    fabric: Fabric
    state: Callable[[], StateFolder]
    """Where the state of a training is kept; asked for by methods that train."""


@dataclass(frozen=True)
class Learned:
    """A restorer: a network (N, 1, Y, X) in [-1, 1] to the same, and how to build and use it again."""

    network: nn.Module
    architecture: str
    arguments: Mapping[str, Any]
    conditional: bool = False
    """The network takes the defects' indices (N,) int64 as a second argument."""
    multiple: int = 1
    """Heights and widths that it takes are multiples of this."""
    receptive: int = 0
    """How far, in pixels, an output sees; 0 where that has no end, as with instance normalization."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else is worth knowing, for the card."""


Method = Callable[[Task], Learned]


class Recipe(ABC):
    """A restorer trained step by step; see `multiscope.training.loop.Recipe`."""

    architecture: ClassVar[str]
    """Its name in `multiscope.nn.cards`."""
    unpaired: ClassVar[bool] = False
    """It learns from strangers, not from pairs."""
    multiple: ClassVar[int] = 4

    def __init__(self, task: Task) -> None:
        """Networks start from the task's seed."""
        self.task, self.fabric = task, task.fabric
        self.defects = task.images.pairs.defects
        self._parts: dict[str, Stateful] = {}
        torch.manual_seed(task.seed)
        self.build(task.config)

    @abstractmethod
    def build(self, config: Any) -> None:
        """Make the networks; `self.network` is the restorer."""

    @abstractmethod
    def losses(self, batch: Batch) -> dict[str, float]:
        """One update of everything from a batch on the device."""

    @abstractmethod
    def arguments(self, config: Any) -> dict[str, Any]:
        """Arguments of the restorer's network."""

    network: nn.Module

    @property
    def conditional(self) -> bool:
        """Whether the restorer is told the defect."""
        return False

    @property
    def receptive(self) -> int:
        """How far an output sees; 0 where that has no end."""
        return 0

    def add(self, name: str, network: nn.Module, *, lr: float, betas: tuple[float, float]) -> tuple[nn.Module, Any]:
        """A network on its device with an Adam of its own; both survive a kill."""
        model, optimizer = self.fabric.setup(network, torch.optim.Adam(network.parameters(), lr=lr, betas=betas))
        self._parts |= {name: model, f"{name}_optimizer": optimizer}
        return model, optimizer

    def keep(self, name: str, part: Stateful) -> None:
        """Something else that must survive a kill."""
        self._parts[name] = part

    def decay(self, name: str, optimizer: Any, *, to: float = 0.0) -> torch.optim.lr_scheduler.LRScheduler:
        """A schedule for `optimizer`: constant over the first half of the steps, then falling linearly to a share."""
        half = self.task.steps / 2
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: 1 - (1 - to) * max(0.0, (step - half) / max(half, 1))
        )
        self.keep(name, schedule)
        return schedule

    def update(self, optimizer: Optimizer, loss: Tensor) -> float:
        """One step down the gradient; returns the loss."""
        update(self.fabric, optimizer, loss)
        return float(loss.detach())

    @property
    def stateful(self) -> Mapping[str, Stateful]:
        """Networks, optimizers, and what else was kept."""
        return self._parts

    def step(self, step: int) -> dict[str, float]:
        """One update from the batch of this step: the same one for every method."""
        return self.losses(self.draw(step))

    def draw(self, step: int, part: int = 0) -> Batch:
        """The batch of a step on the device; `part` tells apart several in one step."""
        rng = step_rng(seed=self.task.seed, step=step, stream=1 + 16 * part)
        images, n = self.task.images, self.task.batch_size
        batch = images.strangers(rng, n) if self.unpaired else images.paired(rng, n)
        to = self.fabric.to_device
        return Batch(to(batch.degraded), to(batch.clean), to(batch.defect))

    def end_epoch(self, epoch: int, checkpoints: Path) -> dict[str, float]:
        """Counted in steps: no epochs."""
        return {}

    def restorer(self) -> nn.Module:
        """The network to restore with, in eval mode."""
        return self.network.eval()


def by_steps(recipe: type[Recipe]) -> Method:
    """The method that trains a recipe for the task's number of steps."""

    def learn(task: Task) -> Learned:
        trained = recipe(task)
        train(trained, Plan(what=f"restore: {task.name}", steps=task.steps, seed=task.seed), task.state())
        return Learned(
            trained.restorer(),
            recipe.architecture,
            trained.arguments(task.config),
            conditional=trained.conditional,
            multiple=trained.multiple,
            receptive=trained.receptive,
        )

    learn.recipe = recipe  # type: ignore[attr-defined]
    return learn
