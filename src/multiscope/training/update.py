"""One update of a network: the three lines that every recipe needs."""

from __future__ import annotations

from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Optimizer


def update(fabric: Fabric, optimizer: Optimizer, loss: Tensor) -> None:
    """Move the parameters of `optimizer` one step down the gradient of `loss`."""
    optimizer.zero_grad()
    fabric.backward(loss)
    optimizer.step()
