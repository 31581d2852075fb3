"""What feeding costs inside a training step on the CPU; `python -m benchmarks.stores` prints it.

A step of DeepLoc is an update of its weights; feeding is all that a batch needs before: random rows of a sample store
(2 x 64 x 64, uint16), float, standardized, turned. Both are timed in the same loop, since reading is slower between
updates than alone. Read when it is asked for (inline) or by one thread ahead (prefetch): that may slow the update
down instead, so updates are compared too.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from multiscope.nn.deeploc import DeepLoc
from multiscope.nn.standardize import standardize
from multiscope.stores.samples import SampleStore
from multiscope.training.draws import uniform
from multiscope.training.loader import Loader
from multiscope.training.order import step_rng
from multiscope.training.sampling import Sampling
from multiscope.training.symmetry import random_symmetries

BATCH = 64
KINDS = {"inline": 0, "prefetch": 1}
"""Threads that read ahead."""


def costs(store: SampleStore, rounds: int, *, width: float) -> dict[str, np.ndarray]:
    """Seconds (rounds, 2) of feeding and of the update, for each way of feeding; `width` 1 is as published."""
    sampling = Sampling(np.arange(len(store)), uniform(len(store)), BATCH, 0)
    epochs = -(-(rounds + 1) // sampling.steps_per_epoch)
    seconds: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    update = _training(width)
    loaders = {
        kind: Loader(lambda rows: store.take("image", rows), sampling, epochs=epochs, threads=threads)
        for kind, threads in KINDS.items()
    }
    with loaders["inline"], loaders["prefetch"]:
        for step in range(rounds + 1):
            for kind in np.roll(list(KINDS), step):  # none is always the first
                began = time.perf_counter()
                batch = _prepared(loaders[kind], step)
                fed = time.perf_counter()
                update(batch)
                seconds[kind].append((fed - began, time.perf_counter() - fed))
    return {kind: np.array(values[1:]) for kind, values in seconds.items()}  # the first warms up


def _training(width: float) -> Callable[[torch.Tensor], None]:
    torch.manual_seed(0)
    network = DeepLoc(in_channels=2, n_classes=10, width=width, dense=512)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def update(crops: torch.Tensor) -> None:
        truth = torch.arange(len(crops)) % 10
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(crops), truth).backward()
        optimizer.step()

    return update


def _prepared(loader: Loader, step: int) -> torch.Tensor:
    return random_symmetries(standardize(loader.batch(step).images), rng=step_rng(seed=0, step=step))
