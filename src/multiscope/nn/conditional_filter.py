"""A linear filter and a level of each condition: what every patch of a defect shares, as blur and noise are.

Kernel prediction (Mildenhall et al. 2018) with one kernel a condition. A network with instance norm learns a
convolution of its input slowly, since it has to take away exactly what the blur takes away; a kernel learns it in a few
hundred steps.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from multiscope.nn.cin import Conditional, rows_of

_START, _SPEED, _LEVEL_SPEED = 6.0, 20.0, 40.0


class ConditionalFilter(Conditional):
    """Convolution with the kernel of the condition, which starts as nearly the identity.

    Kernels are positive, sum to 1 and are symmetric about their middle: they keep the light, and move nothing.
    """

    def __init__(self, n_conditions: int, size: int = 15) -> None:
        """One kernel of `size` x `size`, odd, for each condition: the softmax of its row of the table."""
        super().__init__()
        self.size = size
        start = torch.zeros(n_conditions, size**2)
        start[:, size**2 // 2] = (_START + 2 * math.log(size)) / _SPEED
        self.kernel = nn.Parameter(start)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Filter x (N, 1, H, W), at borders as if their pixels went on.

        `condition` names the kernels, or blends their rows; see `ConditionalNorm.scaled`.
        """
        n = len(x)
        # rows are scaled so that a step of Adam at the rate of the network moves a kernel visibly
        rows = _SPEED * rows_of(self.kernel, condition, n)
        kernels = ((rows + rows.flip(1)) / 2).softmax(dim=1).view(n, 1, self.size, self.size)
        padded = F.pad(x, (self.size // 2,) * 4, mode="replicate")
        return F.conv2d(padded.transpose(0, 1), kernels, groups=n).transpose(0, 1)


class ConditionalLevel(Conditional):
    """One number of each condition, which starts at `start`."""

    def __init__(self, n_conditions: int, start: float) -> None:
        """Table (n_conditions, 1)."""
        super().__init__()
        self.level = nn.Parameter(torch.full((n_conditions, 1), start / _LEVEL_SPEED))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Add to x (N, C, H, W) the level of each sample's condition; see `ConditionalNorm.scaled`."""
        return x + _LEVEL_SPEED * rows_of(self.level, condition, len(x))[:, :, None, None]
