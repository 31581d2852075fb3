"""A network that was trained elsewhere, as it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pandas as pd

from multiscope.data.labels import Labels, localizations
from multiscope.localize.encoders.trained import Trained
from multiscope.localize.prediction import predictions
from multiscope.training.draws import Rows
from multiscope.training.state import StateFolder


class AppliedLearner(Trained):
    """Learns nothing, and needs no labels; predicts where it names the localizations that the cells have."""

    unused = "nothing is learned"

    def find_labels(self) -> Labels:
        """Localizations, where there are any."""
        crops, places = self.task.crops, self.config.places
        return localizations(crops.table, places, self.task.classes, where=crops.path, named_by="localize.classes")

    def choose(self, rows: Rows) -> Rows:
        """It learns from none."""
        return rows[:0]

    @property
    def facts(self) -> Mapping[str, Any]:
        """With the classes that the network names, whatever those of the cells are."""
        return {**super().facts, **{key: self.trained[1].get(key) for key in ("classes", "places")}}

    def learn(self, folder: StateFolder, what: str) -> None:
        """Nothing; say where its predictions would be of other classes."""
        if not self._names_these:
            theirs, ours = (", ".join(names) or "none" for names in (self.facts["classes"], self._classes))
            print(
                f"{what}: the network names other classes ({theirs}) than these cells have ({ours}): no predictions; "
                "learns: probe trains a new last layer",
                file=sys.stderr,
            )

    def tables(self) -> dict[str, pd.DataFrame]:
        """`predictions`, where the network names the classes of the cells."""
        if not self._names_these or self.labels is None:
            return {}
        several = self.config.places == "several"
        return {"predictions": predictions(self._network, self.task, self.reader, self.labels, several=several)}

    @property
    def _network(self) -> Any:
        return self.network.to(self.task.fabric.device).eval()

    @property
    def _classes(self) -> list[str]:
        return [] if self.labels is None else self.labels.classes

    @property
    def _names_these(self) -> bool:
        """Whether the network names the classes of these cells, and as these are named: one a cell, or several."""
        alike = (self.facts["places"] == "several") == (self.config.places == "several")
        return bool(self._classes and self.facts["classes"] == self._classes and alike)
