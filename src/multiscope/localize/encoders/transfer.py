"""A network that was trained elsewhere, on new cells: with a linear probe, or trained further."""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from multiscope.config import Transfer
from multiscope.localize.classifier import ClassifierRecipe
from multiscope.localize.encoders.trained import Trained
from multiscope.localize.recipe import Moment
from multiscope.metrics.probe import probe
from multiscope.metrics.representation import effective_rank, similarity
from multiscope.nn.cards import load_network
from multiscope.training.draws import Rows
from multiscope.training.loader import read_ahead

_LOOKED_AT = 2000
"""Cells of each side, evenly spread, on which embeddings are compared."""


class Headed(nn.Module):
    """A network with a linear classifier on one of its layers, and a prediction of its former layer from that."""

    def __init__(self, network: nn.Module, layer: str, width: int, n_classes: int, *, invariant: bool) -> None:
        """`width` is that of the layer; `invariant` keeps a frozen copy of the network to compare with."""
        super().__init__()
        self.network, self.layer = network, layer
        self.head = nn.Linear(width, n_classes)
        self.projection = _identity(width) if invariant else None
        self.former = copy.deepcopy(network).requires_grad_(False) if invariant else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, n_classes), and the share of the variance of the former layer that is not predicted."""
        found = self.network.features(x)[self.layer]  # type: ignore[operator]
        if self.projection is None or self.former is None:
            return self.head(found), found.new_zeros(())
        with torch.no_grad():
            former = self.former.features(x)[self.layer]  # type: ignore[operator]
        # between cells: a bias alone predicts what is the same in all of them
        variance = former.var(dim=0, unbiased=False).mean().clamp_min(1e-6)
        return self.head(found), mse_loss(self.projection(found), former) / variance


def _identity(width: int) -> nn.Linear:
    """A projection that predicts the former layer perfectly as long as nothing has changed."""
    projection = nn.Linear(width, width)
    nn.init.eye_(projection.weight)
    nn.init.zeros_(projection.bias)
    return projection


class TransferRecipe(Trained, ClassifierRecipe[Transfer]):
    """A linear classifier on the embedding of a trained network, which stays or is trained further.

    With `invariance`, the embedding that it had stays linearly predictable from the one that it has (Razdaibiedina et
    al., "Representation projection invariance mitigates representation collapse", EMNLP 2023).
    """

    config: Transfer
    unused = "no label, or beyond cells_per_class"

    def choose(self, rows: Rows) -> Rows:
        """Of each class so many cells, the same ones whatever else is set."""
        rows, most = super().choose(rows), self.config.cells_per_class
        if most is None:
            return rows
        order = rows[np.random.default_rng((self.task.seed, 5)).permutation(len(rows))]
        kinds = self._known.kind[order]
        return np.sort(np.concatenate([order[kinds == kind][:most] for kind in range(len(self._known.kinds))]))

    def module(self) -> Headed:
        """The network with its new last layer."""
        if self.config.learns == "probe":
            self.network.requires_grad_(False)
        torch.manual_seed(self.task.seed)
        n_classes, width = len(self._known.classes), self.widths[self.layer]
        return Headed(self.network, self.layer, width, n_classes, invariant=self.config.invariance > 0)

    def set_modes(self) -> None:
        """Training mode, but for what stays, and for batch normalization: few cells are too few to measure by."""
        self.model.train()
        if self.config.learns == "probe":
            self.network.eval()
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
                module.eval()

    def losses(self, crops: Tensor, rows: Rows, moment: Moment) -> dict[str, Tensor]:
        """Cross-entropy, and the invariance."""
        logits, penalty = self.model(crops)
        found = self.compare(logits.float(), rows)
        if not self.config.invariance:
            return found
        return found | {"loss": found["loss"] + self.config.invariance * penalty, "invariance": penalty}

    def logits(self, crops: Tensor) -> Tensor:
        """Of the new last layer."""
        found: Tensor = self.model(crops)[0]
        return found

    def tables(self) -> dict[str, pd.DataFrame]:
        """Predictions, and what became of the embedding where it was trained further."""
        found = super().tables()
        return found | {"collapse": self._collapse()} if self.config.learns == "all" else found

    def _collapse(self) -> pd.DataFrame:
        """Effective rank, similarity and probe accuracy of the former and the new embedding, on test cells."""
        former, _ = load_network(self.config.trained)
        labelled = [rows[self._known.known[rows]] for rows in (self.task.rows("train"), self.task.rows("test"))]
        train, test = (rows[np.unique(np.linspace(0, len(rows) - 1, _LOOKED_AT).astype(int))] for rows in labelled)
        rows, places = [], {}
        for name, network in (("before", former.to(self.fabric.device)), ("after", self.network.eval())):
            of_train, places[name] = (self._embedded(network, part) for part in (train, test))
            kinds = self._known.kind[train], self._known.kind[test]
            accuracy = float(probe(of_train, kinds[0], places[name], kinds[1]).mean())
            rows += [("effective_rank", name, effective_rank(places[name])), ("probe_accuracy", name, accuracy)]
        rows.append(("similarity", "after", similarity(places["before"], places["after"])))
        return pd.DataFrame(rows, columns=["metric", "when", "value"]).assign(n_train=len(train), n_test=len(test))

    def _embedded(self, network: nn.Module, rows: Rows) -> npt.NDArray[np.float32]:
        parts = np.array_split(rows, max(1, len(rows) // self.config.batch_size))
        with torch.inference_mode(), read_ahead(self.reader.read, parts) as batches:
            crops = (self.reader.prepare(batch.images, self.fabric.device) for batch in batches)
            return np.concatenate([network.features(x)[self.layer].float().cpu().numpy() for x in crops])  # type: ignore[operator]
