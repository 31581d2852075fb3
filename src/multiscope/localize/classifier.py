"""Networks that learn to name a class of each cell."""

from __future__ import annotations

from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from multiscope.config import Classifier
from multiscope.data.labels import Labels, identities, localizations
from multiscope.localize.coverage import check_classes
from multiscope.localize.prediction import predictions
from multiscope.localize.recipe import Moment, NetworkRecipe
from multiscope.training.draws import Rows

K = TypeVar("K", bound=Classifier)


class ClassifierRecipe(NetworkRecipe[K]):
    """Cross-entropy on the label of each cell's protein; on each place by itself for `places: several`."""

    def find_labels(self) -> Labels:
        """Localizations or proteins."""
        crops = self.task.crops
        if self.config.target == "protein":
            labels, least = identities(crops.table, self.task.rows("train")), {"train": 1}
        else:
            labels = localizations(
                crops.table, self.config.places, self.task.classes, where=crops.path, named_by="localize.classes"
            )
            least = {"train": 2, "test": 1}
        check_classes(labels, self.task, least)
        return labels

    def logits(self, crops: Tensor) -> Tensor:
        """Logits (n, K) of prepared crops."""
        found: Tensor = self.model(crops)
        return found

    def losses(self, crops: Tensor, rows: Rows, moment: Moment) -> dict[str, Tensor]:
        """Those of the logits."""
        return self.compare(self.logits(crops).float(), rows)

    def compare(self, logits: Tensor, rows: Rows) -> dict[str, Tensor]:
        """Cross-entropy of logits (n, K) of the cells `rows`, and the share of cells whose label is named."""
        if self._several:
            return self._losses_of_several(logits, torch.from_numpy(self._known.vectors(rows)).to(logits.device))
        truth = torch.from_numpy(self._known.kind[rows]).to(logits.device)
        loss = nn.functional.cross_entropy(
            logits, truth, weight=self._weights, label_smoothing=self.config.label_smoothing
        )
        return {"loss": loss, "accuracy": (logits.argmax(dim=1) == truth).float().mean()}

    def _losses_of_several(self, logits: Tensor, truth: Tensor) -> dict[str, Tensor]:
        smoothing = self.config.label_smoothing
        loss = nn.functional.binary_cross_entropy_with_logits(
            logits, truth * (1 - smoothing) + smoothing / 2, pos_weight=self._weights
        )
        return {"loss": loss, "accuracy": ((logits > 0) == (truth > 0)).all(dim=1).float().mean()}

    @cached_property
    def _weights(self) -> Tensor | None:
        """One a class: its rarity, with mean 1 over cells; for several places the odds against each."""
        if not self.config.class_weights:
            return None
        counts = self._known.counts(self.train_rows).astype(np.float64)
        n = len(self.train_rows)
        weights = (n - counts) / counts if self._several else n / (len(counts) * counts)
        return torch.from_numpy(weights.astype(np.float32)).to(self.fabric.device)

    def tables(self) -> dict[str, pd.DataFrame]:
        """`predictions`: a row a cell; for localizations alone."""
        if self.config.target == "protein":
            return {}
        self.model.eval()
        found = predictions(self.logits, self.task, self.reader, self._known, several=self._several)
        return {"predictions": found}

    @property
    def _several(self) -> bool:
        return self.config.target == "localization" and self.config.places == "several"

    @property
    def _known(self) -> Labels:
        assert self.labels is not None
        return self.labels
