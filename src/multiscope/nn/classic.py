"""Classic features as an encoder: measured, scaled, and their principal components where asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from multiscope.errors import InputError

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
    """Share of the variance of the scaled features that each component has, 0 to 1, the largest first."""

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

    @property
    def names(self) -> list[str]:
        """The features that are scaled; with components, what those are made of."""
        # scikit-image takes long to import
        from multiscope.features.classic import feature_names

        return [name for name, kept in zip(feature_names(self.channels), self.kept.tolist(), strict=True) if kept]

    @classmethod
    def fitted(
        cls,
        features: Matrix,
        *,
        channels: Sequence[str],
        crop_size: int,
        only: Sequence[str] = (),
        pca: float | None = None,
    ) -> ClassicFeatures:
        """Of the features (n, f) of n cells; with `pca`, as many components as keep that share of the variance.

        Features that are the same in all cells, or not finite in one, are left out, and with `only` all but those
        whose names begin so.
        """
        kept = _varying(features) & _named(channels, only)
        if not kept.any():
            raise InputError(
                f"classic features: none of {features.shape[1]} differs between the {len(features)} training cells; "
                "expected cells that are not all alike: give more, or look at their crops"
            )
        varying = features[:, kept].astype(np.float64)
        mean, spread = varying.mean(axis=0), varying.std(axis=0)
        components, explained = np.zeros((0, int(kept.sum()))), np.zeros(0)
        if pca is not None:
            components, explained = _principal((varying - mean) / spread, pca)
        network = cls(
            channels=list(channels),
            crop_size=crop_size,
            n_features=len(kept),
            n_kept=int(kept.sum()),
            n_components=len(components),
        )
        found = {"kept": kept, "mean": mean, "scale": spread, "components": components, "explained": explained}
        network.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in found.items()})
        return network

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Scaled features or their components (N, d) of raw crops and, last, the mask: x (N, C + 1, S, S).

        Measured on the CPU, wherever `x` is.
        """
        from multiscope.features.classic import classic_features

        cells = x.cpu().numpy()
        table = classic_features(cells[:, :-1], cells[:, -1] > 0, self.channels)
        if table.shape[1] != len(self.kept):
            raise InputError(
                f"classic features: {table.shape[1]} are measured, but the model was fitted to {len(self.kept)}; "
                "expected as many: fit it again with this version of multiscope"
            )
        # a copy: where pandas' copy on write is on, its own array may not be written
        measured = torch.from_numpy(table.to_numpy(dtype=np.float32, copy=True)).to(self.mean.device)
        scaled = (measured[:, self.kept] - self.mean) / self.scale
        return {"features": scaled @ self.components.T if len(self.components) else scaled}


def _named(channels: Sequence[str], only: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which features have a name that begins as one of `only`, (f,); all where there is none."""
    from multiscope.features.classic import feature_names

    names = feature_names(list(channels))
    unknown = [start for start in only if not any(name.startswith(start) for name in names)]
    if unknown:
        raise InputError(
            f"classic features: no name begins with '{unknown[0]}' of the key 'only'; expected the beginning of a name "
            f"such as {names[0]} (docs/classic-features.md)"
        )
    return np.array([not only or name.startswith(tuple(only)) for name in names])


def _varying(features: Matrix) -> npt.NDArray[np.bool_]:
    """Which features (n, f) are finite and differ between cells by more than rounding, (f,)."""
    finite = np.isfinite(features).all(axis=0)
    wide = np.where(finite, features, 0).astype(np.float64)
    varies: npt.NDArray[np.bool_] = wide.std(axis=0) > _LEAST_SPREAD * np.abs(wide).max(axis=0)
    return varies


def _principal(scaled: npt.NDArray[np.float64], share: float) -> tuple[npt.NDArray[np.float64], ...]:
    """Directions (d, f) that keep that share of the variance of `scaled` (n, f), and the share of each (d,)."""
    _, lengths, directions = np.linalg.svd(scaled, full_matrices=False)
    shares = lengths**2 / (lengths**2).sum()
    n = int(np.searchsorted(shares.cumsum(), share)) + 1
    return directions[:n], shares[:n]
