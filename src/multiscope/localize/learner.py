"""What every encoder does in `localize`: learn from the training cells, and keep what it learned as a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

import pandas as pd
import torch
from torch import nn

from multiscope.config import Encoder
from multiscope.data.cells import CellReader
from multiscope.data.labels import Labels
from multiscope.errors import InputError
from multiscope.localize.task import Task
from multiscope.nn.cards import build_network
from multiscope.training.draws import Rows
from multiscope.training.state import StateFolder

C = TypeVar("C", bound=Encoder)


class Learner(ABC, Generic[C]):
    """An encoder of the section `config`, given a `task`. Nothing is learned before `learn`."""

    architecture: ClassVar[str]
    """Its name in `multiscope.nn.cards.ARCHITECTURES`."""

    unused: ClassVar[str] = "no label"
    """Why it does not learn from some training cells."""

    def __init__(self, config: C, task: Task) -> None:
        """Choose cells, and make the network as it is before learning."""
        self.config, self.task = config, task
        self.labels = self.find_labels()
        self.reader = CellReader(task.crops, self.facts)
        self.train_rows, self.val_rows = self.choose(task.rows("train")), self.choose(task.rows("val"))
        self.network = self.build()

    @property
    @abstractmethod
    def intensities(self) -> str:
        """What its input is; see `multiscope.data.cells.CellReader`."""

    @property
    @abstractmethod
    def arguments(self) -> dict[str, Any]:
        """Arguments of the network."""

    @abstractmethod
    def learn(self, folder: StateFolder, what: str) -> None:
        """Learn from the training cells, going on where `folder` left off; `what` names it on the progress bar."""

    def find_labels(self) -> Labels | None:
        """The labels that it goes by, if it does."""
        return None

    def choose(self, rows: Rows) -> Rows:
        """Those of `rows`, cells of one side, that it can learn from."""
        return rows if self.labels is None else rows[self.labels.known[rows]]

    def build(self) -> nn.Module:
        """The network, drawn from the seed."""
        torch.manual_seed(self.task.seed)
        try:
            return build_network(self.architecture, self.arguments)
        except ValueError as error:  # the crops are too small for the network
            raise InputError(f"{self.task.crops.path}: {error}; cut larger crops") from None

    def tables(self) -> dict[str, pd.DataFrame]:
        """What else it has to say after learning, by name."""
        return {}

    @property
    def layer(self) -> str:
        """The layer that is the embedding."""
        return str(self.config.layer)

    @property
    def epoch(self) -> int:
        """The epoch of the weights that are kept, from 1; 0 where there are none."""
        return 0

    @cached_property
    def channels(self) -> list[str]:
        """The channels that it takes."""
        return self.task.crops.channels if self.config.channels is None else list(self.config.channels)

    @property
    def shape(self) -> dict[str, int]:
        """Arguments that the crops set."""
        return {"in_channels": len(self.channels), "crop_size": self.task.crops.size}

    @property
    def facts(self) -> Mapping[str, Any]:
        """What its user must know to give it cells."""
        return {
            "channels": self.channels,
            "intensities": self.intensities,
            "classes": [] if self.labels is None else self.labels.classes,
            "places": getattr(self.config, "places", None),
            "cell_channel": getattr(self.config, "cell_channel", None),
        }
