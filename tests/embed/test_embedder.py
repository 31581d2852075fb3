from __future__ import annotations

import torch
from torch import Tensor, nn

from multiscope.embed.embedder import Embedder


class Corner(nn.Module):
    """Its layer is the first pixel of a crop, or the label that it is given."""

    def features(self, x: Tensor) -> dict[str, Tensor]:
        return {"corner": x.flatten(2)[:, 0, :1]} if x.ndim == 4 else {"label": x}


def layers(x: Tensor, *, flips: bool) -> dict[str, Tensor]:
    return Embedder(Corner(), flips=flips, device=torch.device("cpu"), threads=1).layers(x)


def test_flips_are_the_mean_over_the_four_views_of_a_crop() -> None:
    x = torch.arange(2 * 3 * 4 * 5, dtype=torch.float32).reshape(2, 3, 4, 5)
    corners = x[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert torch.equal(layers(x, flips=True)["corner"], corners.mean(dim=1, keepdim=True))
    assert torch.equal(layers(x, flips=False)["corner"], corners[:, :1])


def test_labels_have_no_flips() -> None:
    x = torch.eye(3)[[0, 2, 1, 1]]
    assert torch.equal(layers(x, flips=True)["label"], x)
