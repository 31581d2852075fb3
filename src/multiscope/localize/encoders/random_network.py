"""A network before training: a control."""

from __future__ import annotations

from typing import Any

from multiscope.config import RandomNetwork
from multiscope.localize.learner import Learner
from multiscope.training.draws import Rows
from multiscope.training.state import StateFolder

_CLASSES = 2
"""Its logits are no embedding that is offered."""


class RandomLearner(Learner[RandomNetwork]):
    """DeepLoc with the weights that it begins with."""

    architecture = "deeploc"
    unused = "nothing is learned"
    intensities = "standardize"

    @property
    def arguments(self) -> dict[str, Any]:
        """As its section says."""
        return self.shape | {"n_classes": _CLASSES, "width": self.config.width, "dense": self.config.dense}

    def choose(self, rows: Rows) -> Rows:
        """It learns from none."""
        return rows[:0]

    def learn(self, folder: StateFolder, what: str) -> None:
        """Nothing."""
