"""A vector-quantized autoencoder that names the protein."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss

from multiscope.config import Cytoself
from multiscope.data.labels import Labels, identities
from multiscope.localize.coverage import check_classes
from multiscope.localize.recipe import Moment, NetworkRecipe
from multiscope.training.draws import Rows


class CytoselfRecipe(NetworkRecipe[Cytoself]):
    """Reconstruction, codes and the identity of the protein, weighed alike (Kobayashi et al. 2022)."""

    architecture = "cytoself"

    def find_labels(self) -> Labels:
        """Proteins."""
        labels = identities(self.task.crops.table, self.task.rows("train"))
        check_classes(labels, self.task, {"train": 1})
        return labels

    @property
    def arguments(self) -> dict[str, Any]:
        """As its section says."""
        names = ("width", "codes", "dims", "fc", "commitment")
        assert self.labels is not None
        return (
            self.shape | {"n_proteins": len(self.labels.classes)} | {name: getattr(self.config, name) for name in names}
        )

    def losses(self, crops: Tensor, rows: Rows, moment: Moment) -> dict[str, Tensor]:
        """Their sum, and each; the error is in units of the variance of the batch."""
        assert self.labels is not None
        found = self.model(crops)
        truth = torch.from_numpy(self.labels.kind[rows]).to(crops.device)
        error = mse_loss(found.reconstruction, crops) / crops.var().clamp_min(1e-6)
        identity = cross_entropy(found.logits.float(), truth)
        return {
            "loss": error + found.between + found.quantization + identity,
            "reconstruction": error,
            "between": found.between,
            "quantization": found.quantization,
            "identity": identity,
            "accuracy": (found.logits.argmax(dim=1) == truth).float().mean(),
        }
