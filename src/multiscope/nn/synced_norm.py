"""Batch normalization over the batch of all processes of a training, on any device.

torch's `SyncBatchNorm` knows GPUs alone; with this one a training is the same on one and on several processors.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _Total(torch.autograd.Function):
    """The sum over all processes; what each of them makes of it depends on all terms."""

    @staticmethod
    def forward(ctx: Any, term: Tensor) -> Tensor:
        total = term.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def _total(term: Tensor) -> Tensor:
    total: Tensor = _Total.apply(term)
    return total


class SyncedBatchNorm(_BatchNorm):
    """Takes (N, C, ...); mean and variance of each channel are over the samples of all processes."""

    def forward(self, batch: Tensor) -> Tensor:
        """Like `BatchNorm`; while training all processes must call it."""
        if not self.training:
            return super().forward(batch)
        dims = [0, *range(2, batch.dim())]
        n = torch.tensor(float(batch.numel() // batch.shape[1]), device=batch.device)
        dist.all_reduce(n)
        shape = [1, -1, *[1] * (batch.dim() - 2)]
        whole = batch.float()  # half precision is too coarse for sums
        mean = _total(whole.sum(dims)) / n
        apart = whole - mean.view(shape)
        variance = _total(apart.square().sum(dims)) / n
        self._remember(mean.detach(), variance.detach() * n / (n - 1))
        assert self.weight is not None and self.bias is not None
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normalized: Tensor = apart * scale.view(shape) + self.bias.view(shape)
        return normalized.to(batch.dtype)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected (N, C, ...), got {tuple(input.shape)}")

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def sync_norms(network: nn.Module) -> None:
    """Put a `SyncedBatchNorm` in the place of each batch normalization, with its parameters and statistics."""
    for name, child in network.named_children():
        if isinstance(child, _BatchNorm) and not isinstance(child, SyncedBatchNorm):
            synced = SyncedBatchNorm(child.num_features, eps=child.eps, momentum=child.momentum)
            for key in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                setattr(synced, key, getattr(child, key))
            setattr(network, name, synced)
        else:
            sync_norms(child)
