"""Classic features as an encoder: measured, scaled, and their principal components where asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from multiscope.features.classic import classic_features

Matrix = npt.NDArray[np.float32]
_LEAST_SPREAD = 1e-6
"""Of a feature, over the largest of its values: less is rounding."""


class ClassicFeatures(nn.Module):
    """Features of cells, each with mean 0 and deviation 1 over the cells that it was fitted to."""

    mean: Tensor
    scale: Tensor
    kept: Tensor
    components: Tensor
    explained: Tensor

    def __init__(
        self, *, channels: list[str], crop_size: int, n_features: int, n_kept: int, n_components: int = 0
    ) -> None:
        """Of `n_features` measured, `n_kept` vary; `n_components` of them are given, 0 for the features themselves."""
        super().__init__()
        self.channels, self.crop_size = channels, crop_size
        self.register_buffer("kept", torch.zeros(n_features, dtype=torch.bool))
        self.register_buffer("mean", torch.zeros(n_kept))
        self.register_buffer("scale", torch.ones(n_kept))
        self.register_buffer("components", torch.zeros(n_components, n_kept))
        self.register_buffer("explained", torch.zeros(n_components))

    @property
    def arguments(self) -> dict[str, Any]:
        """What makes one of the same shape."""
        return {
            "channels": self.channels,
            "crop_size": self.crop_size,
            "n_features": len(self.kept),
            "n_kept": len(self.mean),
            "n_components": len(self.components),
        }

    @classmethod
    def fitted(
        cls, features: Matrix, *, channels: Sequence[str], crop_size: int, pca: float | None = None
    ) -> ClassicFeatures:
        """Of the features (n, f) of n cells; with `pca`, as many components as keep that share of the variance."""
        wide = features.astype(np.float64)
        spread = wide.std(axis=0)
        kept = spread > _LEAST_SPREAD * np.maximum(np.abs(wide).max(axis=0), 1e-12)
        scaled = (wide[:, kept] - wide[:, kept].mean(axis=0)) / spread[kept]
        components, explained = np.zeros((0, int(kept.sum()))), np.zeros(0)
        if pca is not None:
            _, lengths, directions = np.linalg.svd(scaled, full_matrices=False)
            shares = lengths**2 / (lengths**2).sum()
            n = int(np.searchsorted(shares.cumsum(), pca)) + 1
            components, explained = directions[:n], shares[:n]
        network = cls(
            channels=list(channels),
            crop_size=crop_size,
            n_features=len(kept),
            n_kept=int(kept.sum()),
            n_components=len(components),
        )
        found = {
            "kept": kept,
            "mean": wide[:, kept].mean(axis=0),
            "scale": spread[kept],
            "components": components,
            "explained": explained,
        }
        network.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in found.items()})
        return network

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Scaled features or their components (N, d) of raw crops and, last, the mask: x (N, C + 1, S, S)."""
        cells = x.cpu().numpy()
        table = classic_features(cells[:, :-1], cells[:, -1] > 0, self.channels)
        measured = torch.from_numpy(table.to_numpy(dtype=np.float32)).to(self.mean.device)
        scaled = (measured[:, self.kept] - self.mean) / self.scale
        return {"features": scaled @ self.components.T if len(self.components) else scaled}
