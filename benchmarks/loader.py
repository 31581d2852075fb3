"""What does feeding cost inside a training step on the CPU?

    python benchmarks/loader.py [--n 4096] [--rounds 15] [--threads 1]

A step of DeepLoc on one ready batch, against the same step with everything a batch needs: random rows of a sample store
(2 x 64 x 64, uint16), float, standardized, turned. Read when it is asked for (inline) or by one thread ahead
(prefetch). Each round times one step of each kind in turn; the cost is the median over rounds of the ratio to the fixed
step of the same round. The verdict goes by CPU seconds of the whole process, reading threads included, which other work
on the machine disturbs least; the wall time is shown beside it.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from multiscope.nn.deeploc import DeepLoc
from multiscope.nn.standardize import standardize
from multiscope.stores.samples import SampleStore, write_samples
from multiscope.training.draws import uniform
from multiscope.training.loader import Loader
from multiscope.training.order import step_rng
from multiscope.training.sampling import Sampling
from multiscope.training.symmetry import random_symmetries

TARGET = 0.03
_KINDS = {"inline": 0, "prefetch": 1}


class Cost(NamedTuple):
    """Share of a step that feeding adds: quartiles over rounds of CPU and wall time; and what a step takes without."""

    cpu: tuple[float, float, float]
    wall: tuple[float, float, float]
    step_seconds: float


def cost(n: int = 4096, rounds: int = 15, *, width: float = 1.0, batch_size: int = 64) -> dict[str, Cost]:
    """Cost of each way of feeding, for a store of `n` crops and a network of `width` (1: as published)."""
    with tempfile.TemporaryDirectory() as folder:
        store = _store(Path(folder) / "crops.zarr", n)
        sampling = Sampling(np.arange(n), uniform(n), batch_size, 0)
        epochs = -(-(rounds + 1) // sampling.steps_per_epoch)
        times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in ("fixed", *_KINDS)}
        update = _training(width)
        loaders = {
            k: Loader(lambda r: store.take("image", r), sampling, epochs=epochs, threads=t) for k, t in _KINDS.items()
        }
        ready = _prepared(loaders["inline"], 0)
        feeds: dict[str, Callable[[int], torch.Tensor]] = {"fixed": lambda step: ready}
        feeds |= {kind: (lambda step, of=of: _prepared(of, step)) for kind, of in loaders.items()}
        with loaders["inline"], loaders["prefetch"]:
            for step in range(rounds + 1):
                for kind in np.roll(list(feeds), step):  # none is always the first
                    began = time.process_time(), time.perf_counter()
                    update(feeds[kind](step))
                    times[kind].append((time.process_time() - began[0], time.perf_counter() - began[1]))
    seconds = {kind: np.array(values[1:]) for kind, values in times.items()}  # the first warms up
    return {kind: _against(seconds[kind], seconds["fixed"]) for kind in _KINDS}


def _against(fed: np.ndarray, fixed: np.ndarray) -> Cost:
    cpu, wall = np.quantile(fed / fixed - 1, [0.25, 0.5, 0.75], axis=0).T.tolist()
    return Cost(tuple(cpu), tuple(wall), float(np.median(fixed[:, 1])))


def _store(path: Path, n: int) -> SampleStore:
    rng = np.random.default_rng(0)
    spots = rng.gamma(2.0, 60.0, (n, 2, 8, 8)).repeat(8, -1).repeat(8, -2)
    write_samples(path, {"image": rng.poisson(spots + 100).astype(np.uint16)}, pd.DataFrame({"cell_id": range(n)}))
    return SampleStore(path)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    load = os.getloadavg()[0]
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, {chosen.threads} threads, load {load:.1f} before")
    print(f"store: {chosen.n} crops of 2 x 64 x 64 uint16, {chosen.rounds} rounds, batch 64, torch {torch.__version__}")
    for width, rounds, name in ((1.0, chosen.rounds, "DeepLoc as published"), (0.25, 5 * chosen.rounds, "the default")):
        for kind, found in cost(chosen.n, rounds, width=width).items():
            print(line(f"{name}, {kind}", found))


def line(name: str, found: Cost) -> str:
    """The verdict on one way of feeding."""
    verdict = "PASS" if found.cpu[1] < TARGET else "FAIL"
    cpu, wall = (f"{middle:+.1%} ({low:+.1%} to {high:+.1%})" for low, middle, high in (found.cpu, found.wall))
    return f"{verdict} {name}: CPU {cpu}, wall {wall} of a step of {found.step_seconds:.2f} s; target {TARGET:.0%}"


if __name__ == "__main__":
    main()
