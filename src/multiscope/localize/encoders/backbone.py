"""Networks of torchvision as classifiers."""

from __future__ import annotations

from typing import Any

from torch import nn

from multiscope.config import Backbone
from multiscope.localize.classifier import ClassifierRecipe
from multiscope.nn.backbone import load_pretrained


class BackboneRecipe(ClassifierRecipe[Backbone]):
    """Softmax cross-entropy; from pretrained weights where a file is named."""

    architecture = "backbone"

    @property
    def arguments(self) -> dict[str, Any]:
        """The network and its classes."""
        assert self.labels is not None
        return self.shape | {"network": self.config.network, "n_classes": len(self.labels.classes)}

    def build(self) -> nn.Module:
        """The network, with the weights of the file."""
        network = super().build()
        if self.config.weights is not None:
            load_pretrained(network, self.config.weights)
        return network
