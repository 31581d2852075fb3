"""One update of a network: the lines that every recipe needs."""

from __future__ import annotations

from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer


def update(
    fabric: Fabric, optimizer: Optimizer, loss: Tensor, *, model: nn.Module | None = None, clip: float | None = None
) -> None:
    """Move the parameters of `optimizer` one step down the gradient of `loss`, of its mean over processes.

    With `clip`, a gradient of the parameters of `model` that is longer is shortened to that norm (Pascanu et al. 2013).
    """
    optimizer.zero_grad()
    fabric.backward(loss)
    if clip is not None:
        assert model is not None
        fabric.clip_gradients(model, optimizer, max_norm=clip, error_if_nonfinite=False)
    optimizer.step()
