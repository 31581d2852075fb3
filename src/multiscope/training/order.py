"""Random numbers of a step: a function of (seed, step) alone, so that a resumed run sees the same."""

from __future__ import annotations

import numpy as np
import torch


def step_rng(*, seed: int, step: int, stream: int = 1) -> np.random.Generator:
    """Random numbers of one step; `stream` tells apart independent draws of the same step."""
    return np.random.default_rng((seed, step, stream))


def seed_torch(*, seed: int, step: int) -> None:
    """Set torch's generators for one step (dropout, interpolation points)."""
    torch.manual_seed(int(step_rng(seed=seed, step=step, stream=2).integers(2**63 - 1)))


def random_symmetry(*batches: torch.Tensor, rng: np.random.Generator, rotate: bool = True) -> tuple[torch.Tensor, ...]:
    """Flip (and rotate by 90 degrees) whole batches (N, C, Y, X) alike; pairs stay pairs."""
    dims = [axis for axis in (-2, -1) if rng.random() < 0.5]
    turns = int(rng.integers(4)) if rotate else 0
    return tuple(torch.rot90(torch.flip(batch, dims), turns, (-2, -1)) for batch in batches)
