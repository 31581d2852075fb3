"""DeepLoc, the plain CNN of the second paper."""

from __future__ import annotations

from typing import Any

from multiscope.config import DeepLoc
from multiscope.localize.classifier import ClassifierRecipe


class DeepLocRecipe(ClassifierRecipe[DeepLoc]):
    """Softmax cross-entropy on DeepLoc's logits (Kraus et al. 2017; Razdaibiedina and Brechalov 2022)."""

    architecture = "deeploc"

    @property
    def arguments(self) -> dict[str, Any]:
        """As its section says."""
        names = ("width", "dense", "dense_last", "dropout", "padding", "dense_norm")
        assert self.labels is not None
        return (
            self.shape | {"n_classes": len(self.labels.classes)} | {name: getattr(self.config, name) for name in names}
        )
