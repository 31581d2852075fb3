"""A label as its own embedding: a control."""

from __future__ import annotations

from torch import Tensor, nn


class OneHot(nn.Module):
    """Gives back the label vector of each cell."""

    def __init__(self, *, n_classes: int) -> None:
        """Vectors have `n_classes` places."""
        super().__init__()
        self.n_classes = n_classes

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """The label vectors x (N, n_classes) themselves."""
        if x.shape[1:] != (self.n_classes,):
            raise ValueError(f"label vectors are {tuple(x.shape[1:])}; expected {self.n_classes} places")
        return {"label": x}
