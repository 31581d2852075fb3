"""The label as its own embedding: a control."""

from __future__ import annotations

from typing import Any

from multiscope.config import OneHot
from multiscope.data.labels import Labels, localizations
from multiscope.localize.learner import Learner
from multiscope.training.draws import Rows
from multiscope.training.state import StateFolder


class OneHotLearner(Learner[OneHot]):
    """What the localization of a protein says of it, without any image."""

    architecture = "one_hot"
    unused = "nothing is learned"
    intensities = "label"

    def find_labels(self) -> Labels:
        """Localizations."""
        crops = self.task.crops
        return localizations(
            crops.table, self.config.places, self.task.classes, where=crops.path, named_by="localize.classes"
        )

    @property
    def arguments(self) -> dict[str, Any]:
        """The number of classes."""
        assert self.labels is not None
        return {"n_classes": len(self.labels.classes)}

    def choose(self, rows: Rows) -> Rows:
        """It learns from none."""
        return rows[:0]

    def learn(self, folder: StateFolder, what: str) -> None:
        """Nothing."""
