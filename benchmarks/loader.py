"""What feeding costs inside a training step on the CPU; `python -m benchmarks.stores` prints it.

A step of DeepLoc on one ready batch, against the same step with everything a batch needs: random rows of a sample store
(2 x 64 x 64, uint16), float, standardized, turned. Read when it is asked for (inline) or by one thread ahead
(prefetch). Each round times one step of each kind in turn.
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
_KINDS = {"inline": 0, "prefetch": 1}


def costs(store: SampleStore, rounds: int, *, width: float) -> dict[str, np.ndarray]:
    """Share of a step that each way of feeding adds to it, by wall time, round by round; `width` 1 is as published."""
    sampling = Sampling(np.arange(len(store)), uniform(len(store)), BATCH, 0)
    epochs = -(-(rounds + 1) // sampling.steps_per_epoch)
    seconds: dict[str, list[float]] = {kind: [] for kind in ("fixed", *_KINDS)}
    update = _training(width)
    loaders = {
        kind: Loader(lambda rows: store.take("image", rows), sampling, epochs=epochs, threads=threads)
        for kind, threads in _KINDS.items()
    }
    ready = _prepared(loaders["inline"], 0)
    feeds: dict[str, Callable[[int], torch.Tensor]] = {"fixed": lambda step: ready}
    feeds |= {kind: (lambda step, of=of: _prepared(of, step)) for kind, of in loaders.items()}
    with loaders["inline"], loaders["prefetch"]:
        for step in range(rounds + 1):
            for kind in np.roll(list(feeds), step):  # none is always the first
                began = time.perf_counter()
                update(feeds[kind](step))
                seconds[kind].append(time.perf_counter() - began)
    timed = {kind: np.array(values[1:]) for kind, values in seconds.items()}  # the first warms up
    return {kind: timed[kind] / timed["fixed"] - 1 for kind in _KINDS}


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
