"""The U-Net that careamics trains for CARE and Noise2Void, so that its networks can be used where it is not installed.

As careamics 0.3 builds it in two dimensions for one channel: two convolutions a level with batch norm and ReLU, max
pooling, bilinear upsampling, concatenation. Layers are made in its order, so that its weights can be taken over.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CareamicsUNet(nn.Module):
    """Normalized image to normalized image of the same size; height and width are multiples of 2 ** depth."""

    def __init__(self, *, width: int, depth: int) -> None:
        """`width` channels on the first level, twice as many on each of the `depth` levels' next."""
        super().__init__()
        w = [width << level for level in range(depth)]
        self.down = nn.ModuleList([_Pair(w[i - 1] if i else 1, w[i], w[i]) for i in range(depth)])
        self.middle = _Pair(w[-1], 2 * w[-1], w[-1])
        self.up = nn.ModuleList([_Pair(2 * w[i], w[i], w[i] // 2) for i in range(depth - 1, 0, -1)])
        self.up.append(_Pair(2 * width, width, width))
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (N, 1, H, W) to its like."""
        skipped = []
        for level in self.down:
            x = level(x)
            skipped.append(x)
            x = F.max_pool2d(x, 2)
        x = self.middle(x)
        for level, same_size in zip(self.up, reversed(skipped), strict=True):
            upsampled = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = level(torch.cat([upsampled, same_size], dim=1))
        made: Tensor = self.last(x)
        return made

    def take_over(self, theirs: nn.Module) -> None:
        """Copy the weights of careamics' own module of the same size; one of another layout is a ValueError."""
        own, given = self.state_dict(), theirs.state_dict()
        if [value.shape for value in own.values()] != [value.shape for value in given.values()]:
            raise ValueError("the weights are those of another network")
        self.load_state_dict(dict(zip(own, given.values(), strict=True)))


class CareamicsRestorer(nn.Module):
    """One U-Net, or one a condition, each between two normalizations of its own."""

    def __init__(
        self,
        *,
        width: int,
        depth: int,
        input_mean: Sequence[float],
        input_scale: Sequence[float],
        output_mean: Sequence[float],
        output_scale: Sequence[float],
    ) -> None:
        """Means and scales have one number a U-Net: it sees (x - mean) / scale, and answers in like units."""
        super().__init__()
        if not len(input_mean) == len(input_scale) == len(output_mean) == len(output_scale) > 0:
            raise ValueError("means and scales are not as many as one another")
        self.depth = depth
        self.before = list(zip(input_mean, input_scale, strict=True))
        self.after = list(zip(output_mean, output_scale, strict=True))
        self.networks = nn.ModuleList([CareamicsUNet(width=width, depth=depth) for _ in self.before])

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map x (N, 1, H, W) in [-1, 1] to its like, unbounded, each by the U-Net of its condition (N,) int64."""
        if condition is None:
            return self._restored(x, 0)
        if condition.shape != x.shape[:1]:
            raise ValueError(f"condition has shape {tuple(condition.shape)}; expected one number a sample ({len(x)},)")
        made = torch.empty_like(x)
        for number in condition.unique().tolist():
            made[condition == number] = self._restored(x[condition == number], number)
        return made

    def _restored(self, x: Tensor, number: int) -> Tensor:
        (mean, scale), (new_mean, new_scale) = self.before[number], self.after[number]
        answer: Tensor = self.networks[number]((x - mean) / scale)
        return answer * new_scale + new_mean

    @property
    def receptive(self) -> int:
        """How far an output sees in pixels, in eval mode: convolutions, upsampling, and pooling by blocks."""
        return 9 * (1 << self.depth) - 7


class _Pair(nn.Module):
    """Two convolutions of one level, each with batch norm and ReLU."""

    def __init__(self, inputs: int, between: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, between, 3, padding=1)
        self.conv2 = nn.Conv2d(between, outputs, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(between)
        self.norm2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(x)))
