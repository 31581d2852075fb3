"""Classic features of cells: nothing is learned but their scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from multiscope.config import Classic
from multiscope.features.classic import classic_features
from multiscope.localize.learner import Learner
from multiscope.nn.classic import ClassicFeatures
from multiscope.progress import track
from multiscope.training.state import StateFolder

_MOST = 50_000
"""Training cells, evenly spread, of which the scales are taken: more change nothing that matters."""
_BATCH = 256


class ClassicLearner(Learner[Classic]):
    """Means and deviations of the features of training cells, and their principal components where asked for."""

    architecture = "classic"
    intensities = "measured"

    @property
    def arguments(self) -> dict[str, Any]:
        """Those of the fitted network."""
        return self.network.arguments if isinstance(self.network, ClassicFeatures) else {}

    def build(self) -> nn.Module:
        """Nothing before it is fitted."""
        return nn.Identity()

    def tables(self) -> dict[str, pd.DataFrame]:
        """`components`: the share of the variance of each principal component, where there are any."""
        if not isinstance(self.network, ClassicFeatures) or not len(self.network.explained):
            return {}
        shares = self.network.explained.numpy()
        number = np.arange(1, len(shares) + 1)
        return {"components": pd.DataFrame({"component": number, "explained": shares, "together": shares.cumsum()})}

    def learn(self, folder: StateFolder, what: str) -> None:
        """Measure training cells."""
        rows = self.train_rows[np.unique(np.linspace(0, len(self.train_rows) - 1, _MOST).astype(int))]
        parts = np.array_split(rows, max(1, -(-len(rows) // _BATCH)))
        measured = []
        for part in track(parts, what=what, total=len(parts)):
            cells = self.reader.read(part)
            measured.append(classic_features(cells[:, :-1], cells[:, -1].astype(bool), self.channels).to_numpy())
        self.network = ClassicFeatures.fitted(
            np.concatenate(measured),
            channels=self.channels,
            crop_size=self.task.crops.size,
            only=self.config.only,
            pca=self.config.pca,
        )
