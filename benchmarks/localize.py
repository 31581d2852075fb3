"""What training an encoder and embedding cost beside doing the same in bare torch.

    python -m benchmarks.localize                   # minutes, one thread, a CPU
    python -m benchmarks.localize --only loop --clock cpu

Contenders take turns in every round, and ratios are those within a round; of up to three times as many rounds, those
with the least other load on the machine are taken. Each line says what was measured, the median with the range over
rounds, and the target. `--clock cpu` counts the processor's seconds of this process in place of those on the wall: for
machines that others use too.

`loop`: steps of `multiscope localize` (DeepLoc at its default size: crops read from the store by a thread,
standardized, flipped, the history, the saved state) against the same network, loss and optimizer in a bare loop over
batches that lie ready in memory.

`embed`: `multiscope embed` as a whole, with its start and its files, against the forward pass alone on batches that lie
ready.

`loader`: crops a second that the loader delivers in random order, read when they are asked for, against fancy indexing
of a NumPy memory map.

`augment`: milliseconds that each change of training crops takes for a batch, and its share of a step.

`start`: seconds from the command to its first line of help, for the commands that load torch and those that do not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.restore import Rounds, turns
from benchmarks.stores import LOAD, Array, Line, machine
from multiscope import config
from multiscope.data.cells import CellReader
from multiscope.data.crops import Crops
from multiscope.data.stage import run as make_data
from multiscope.embed.stage import run as embed
from multiscope.localize.encoders.deeploc import DeepLocRecipe
from multiscope.localize.stage import run as localize
from multiscope.localize.task import Task
from multiscope.nn.cards import load_network
from multiscope.nn.deeploc import DeepLoc
from multiscope.nn.intensities import prepare
from multiscope.training.device import make_fabric
from multiscope.training.draws import uniform
from multiscope.training.jitter import random_gamma, random_rotations
from multiscope.training.loader import Loader
from multiscope.training.loop import Plan, train
from multiscope.training.sampling import Sampling
from multiscope.training.state import StateFolder
from multiscope.training.symmetry import random_symmetries

BATCH, EMBEDDED = 64, 256
SCREEN = config.VirtualCrops(reader="virtual_crops", fields_per_protein=8, cells_per_field=8)


class Bench(Rounds):
    """On which crops."""

    @property
    def crops(self) -> Path:
        """A folder of crops."""
        return self.folder / "crops"

    def task(self) -> Task:
        """The task of an encoder, as `localize` would give it."""
        return Task(Crops(self.crops), None, 0, make_fabric("cpu", threads=self.threads))


def ready(bench: Bench, n: int, size: int) -> list[Tensor]:
    """Batches of standardized crops in memory."""
    crops = Crops(bench.crops)
    rows = np.random.default_rng(0).integers(len(crops.table), size=(n, size))
    channels = crops.channel_indices(None)
    return [prepare(torch.from_numpy(crops.read(part, channels)), None, "standardize") for part in rows]


def bare(bench: Bench, section: config.DeepLoc) -> Callable[[], float]:
    """Seconds a step of a bare loop."""
    recipe = DeepLocRecipe(section, bench.task())
    network: nn.Module = DeepLoc(**recipe.arguments)
    optimizer = torch.optim.Adam(network.parameters(), lr=section.lr)
    batches, n_classes = ready(bench, 16, BATCH), recipe.arguments["n_classes"]
    truth = torch.arange(BATCH) % n_classes

    def run() -> float:
        began = bench.now()
        for number in range(bench.steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(batches[number % len(batches)]), truth).backward()
            optimizer.step()
        return (bench.now() - began) / bench.steps

    return run


def ours(bench: Bench, section: config.DeepLoc) -> float:
    """Seconds a step of our loop."""
    recipe = DeepLocRecipe(section, bench.task())
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder, redirect_stderr(StringIO()), recipe.loader:
        state = StateFolder(Path(folder, "state"), fingerprint="benchmark")
        began = bench.now()
        train(recipe, Plan(what="benchmark", steps=bench.steps, seed=0), state)
        return (bench.now() - began) / bench.steps


def loop(bench: Bench) -> Iterator[Line]:
    """Our loop against a bare one."""
    section = config.DeepLoc(model="deeploc", epochs=1000, batch_size=BATCH)
    found = turns({"ours": partial(ours, bench, section), "bare": bare(bench, section)}, bench.rounds)
    yield Line("other load, share of the cores", list(found.pop(LOAD)))
    for who, seconds in found.items():
        yield Line(f"DeepLoc, a step of {BATCH} x 2 x 64 x 64: {who}", list(1000 * seconds), "ms")
    yield Line("DeepLoc: speed of our loop / bare loop", list(found["bare"] / found["ours"]), least=0.95)


def embedding(bench: Bench) -> Iterator[Line]:
    """Embedding from the store against the forward pass."""
    model = bench.folder / "model"
    section = config.DeepLoc(model="deeploc", epochs=1, batch_size=BATCH)
    with redirect_stderr(StringIO()):
        localize(
            crops=bench.crops, out=model, state=bench.folder / "state", encoder="x", config=section, seed=0,
            device="cpu", threads=bench.threads,
        )  # fmt: skip
    network, _ = load_network(model)
    n = len(Crops(bench.crops).table)
    batches = ready(bench, 8, EMBEDDED)

    def forward() -> float:
        began = bench.now()
        with torch.inference_mode():
            for number in range(n // EMBEDDED):
                network.features(batches[number % len(batches)])  # type: ignore[operator]
        return (bench.now() - began) / (n // EMBEDDED * EMBEDDED)

    def whole() -> float:
        with tempfile.TemporaryDirectory(dir=bench.folder) as folder, redirect_stderr(StringIO()):
            began = bench.now()
            embed(
                crops=[bench.crops], model=model, out=Path(folder, "out"), config=config.Embed(), device="cpu",
                threads=bench.threads,
            )  # fmt: skip
            return (bench.now() - began) / n

    found = turns({"whole": whole, "forward": forward}, bench.rounds)
    yield Line("other load, share of the cores", list(found.pop(LOAD)))
    yield Line("crops a second, bare forward pass", list(1 / found["forward"]), "crops/s")
    yield Line("crops a second, the whole stage with its start and its files", list(1 / found["whole"]), "crops/s")
    yield Line(f"embed: speed of the stage / bare, {n:,} crops", list(found["forward"] / found["whole"]), least=0.95)


def loader(bench: Bench) -> Iterator[Line]:
    """The loader alone against a memory map."""
    crops = Crops(bench.crops)
    n = len(crops.table)
    copy = bench.folder / "crops.npy"
    np.save(copy, crops.read(np.arange(n), crops.channel_indices(None)))
    mapped = np.load(copy, mmap_mode="r")
    reader = CellReader(crops, {"channels": crops.channels, "intensities": "standardize"})

    def through() -> float:
        sampling = Sampling(np.arange(n), uniform(n), BATCH, 0)
        with Loader(reader.read, sampling, epochs=1, threads=0) as fed:
            began = bench.now()
            for step in range(sampling.steps_per_epoch):
                fed.batch(step)
            return (bench.now() - began) / n

    def memory_map() -> float:
        rows = np.array_split(np.random.default_rng(0).permutation(n), -(-n // BATCH))
        began = bench.now()
        for part in rows:
            torch.from_numpy(mapped[part])
        return (bench.now() - began) / n

    found = turns({"loader": through, "map": memory_map}, bench.rounds)
    yield Line("crops a second, loader", list(1 / found["loader"]), "crops/s")
    yield Line("crops a second, memory map", list(1 / found["map"]), "crops/s")
    yield Line("loader: speed / memory map", list(found["map"] / found["loader"]))


def augment(bench: Bench) -> Iterator[Line]:
    """What changing a batch of training crops costs."""
    batch, rng = ready(bench, 1, BATCH)[0], np.random.default_rng(0)
    changes: dict[str, Callable[[], Tensor]] = {
        "standardize": lambda: prepare(batch, None, "standardize"),
        "flips": lambda: random_symmetries(batch, rng=rng),
        "flips and quarter turns": lambda: random_symmetries(batch, rng=rng, turns=True),
        "rotation": lambda: random_rotations(batch, degrees=180, rng=rng),
        "jitter": lambda: random_gamma(batch, strength=0.5, rng=rng),
    }
    step = bare(bench, config.DeepLoc(model="deeploc"))

    def seconds(change: Callable[[], Tensor]) -> float:
        began = bench.now()
        for _ in range(20):
            change()
        return (bench.now() - began) / 20

    found = turns({name: partial(seconds, change) for name, change in changes.items()} | {"step": step}, bench.rounds)
    for name in changes:
        yield Line(f"{name}, a batch of {BATCH}", list(1000 * found[name]), "ms")
        yield Line(f"{name}: share of a step", list(found[name] / found["step"]))


def start(bench: Bench) -> Iterator[Line]:
    """How long commands take to begin."""

    def seconds(words: list[str]) -> Array:
        times = []
        for _ in range(bench.rounds + 1):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-m", "multiscope", *words], check=False, capture_output=True)
            times.append(time.perf_counter() - began)
        return np.array(times[1:])

    yield Line("multiscope localize --help", list(seconds(["localize", "--help"])), "s")
    missing = ["localize", "--crops", "missing", "--out", "out", "--encoder", "x", "--config", "{model: deeploc}"]
    yield Line("multiscope localize to its first look at the crops", list(seconds(missing)), "s")


SECTIONS: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "loop": loop,
    "embed": embedding,
    "loader": loader,
    "augment": augment,
    "start": start,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40, help="training steps of a contender in a round")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="cpu: where others use the machine")
    parser.add_argument("--only", action="append", choices=list(SECTIONS), help="may be given several times")
    given = parser.parse_args()
    print(f"{machine()}, torch {torch.__version__}; {given.threads} threads, {given.rounds} rounds\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), given.rounds, given.steps, given.threads, given.clock)
        with redirect_stderr(StringIO()):
            make_data(out=bench.crops, dataset="screen", config=SCREEN)
        lines = []
        for name in given.only or SECTIONS:
            for line in SECTIONS[name](bench):
                print(line, flush=True)
                lines.append(line)
    if not all(line.holds for line in lines):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
