"""Batch normalization over the batch of all processes of a training, on any device.

torch's `SyncBatchNorm` knows GPUs alone; with this one a training is the same on one and on several processors.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm


class _Normalize(torch.autograd.Function):
    """(batch - mean) / deviation * weight + bias, where mean and deviation of each channel depend on all batches."""

    @staticmethod
    def forward(
        ctx: Any, batch: Tensor, weight: Tensor, bias: Tensor, moments: tuple[Tensor, ...], eps: float
    ) -> Tensor:
        mean, variance, n = moments
        with torch.enable_grad():  # torch's own kernels do both ways, for moments that are given
            own = [leaf.detach().requires_grad_() for leaf in (batch, weight, bias)]
            normalized = functional.batch_norm(own[0], mean, variance, own[1], own[2], training=False, eps=eps)
        ctx.own, ctx.normalized, ctx.moments, ctx.deviation = own, normalized, (mean, n), torch.sqrt(variance + eps)
        return normalized.detach()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (batch, weight, _), (mean, n) = ctx.own, ctx.moments
        of_batch, of_weight, of_bias = torch.autograd.grad(ctx.normalized, ctx.own, gradients[0])
        # what goes back through mean and deviation: the sums of all processes
        through = torch.stack([of_weight, of_bias])
        dist.all_reduce(through)
        scale = weight.detach() / (ctx.deviation * n)
        slope, shift = -scale * through[0] / ctx.deviation, -scale * through[1]
        shape = _by_channel(batch)
        of_batch += (shift - slope * mean).view(shape)
        return of_batch.addcmul_(batch.detach(), slope.view(shape)), of_weight, of_bias, None, None


def _by_channel(batch: Tensor) -> list[int]:
    return [1, -1, *[1] * (batch.dim() - 2)]


class SyncedBatchNorm(_BatchNorm):
    """Takes (N, C, ...); mean and variance of each channel are over the samples of all processes."""

    def forward(self, batch: Tensor) -> Tensor:
        """Like `BatchNorm`; while training all processes must call it."""
        if not self.training:
            return super().forward(batch)
        whole = batch.float()  # half precision is too coarse for sums
        mean, variance, n = self._of_all(whole.detach())
        self._remember(mean, variance * n / (n - 1))
        normalized: Tensor = _Normalize.apply(whole, self.weight, self.bias, (mean, variance, n), self.eps)
        return normalized.to(batch.dtype)

    def _of_all(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Mean and variance of each channel and the number of values, in one message."""
        dims, shape = [0, *range(2, batch.dim())], _by_channel(batch)
        mean = batch.mean(dims)
        variance = (batch - mean.view(shape)).square_().mean(dims)  # `var_mean` is slower on a CPU
        variance, mean = variance.double(), mean.double()  # their squares are of unlike sizes
        total = torch.stack([torch.ones_like(mean), mean, variance + mean.square()])
        total *= batch.numel() // batch.shape[1]
        dist.all_reduce(total)
        n, mean = total[0], total[1] / total[0]
        return mean.float(), (total[2] / n - mean.square()).clamp(min=0).float(), n.float()

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
