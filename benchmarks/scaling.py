"""How much faster several processes are than one: the same work, shared.

    python -m benchmarks.scaling                    # minutes, one thread a process
    python -m benchmarks.scaling --processes 1 2 4 --threads 2 --figure scaling.png

`train`: steps of `multiscope localize` (DeepLoc at its default size), the batch shared among the processes.

`embed`: `multiscope embed` with its files, the cells shared; the one that ends last completes the folder. Blocks are of
1,024 cells here, not of up to 16,384, so that a few thousand cells are many blocks.

`restore`: `multiscope restore apply` with its files, the time points of a series shared.

Processes are started as `torchrun` starts them, load what they need and wait for each other; then the clock runs until
the last one is done. Numbers of processes take turns in every round, and ratios are those within a round; of up to
three times as many rounds, those with the least other load on the machine are taken. Each line has the median with the
range over rounds. `speed` is that of one process times so much; with as many cores as threads of all processes, the
number of processes is the most that can be.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import torch

from benchmarks.restore import card, turns
from benchmarks.stores import LOAD, Array, Line, machine
from multiscope import config
from multiscope.data.crops import Crops
from multiscope.data.stage import run as make_data
from multiscope.embed import job
from multiscope.embed.stage import run as embed
from multiscope.localize.encoders.deeploc import DeepLocRecipe
from multiscope.localize.stage import run as localize
from multiscope.localize.task import Task
from multiscope.nn.cards import save_network
from multiscope.nn.care_unet import CareUNet
from multiscope.restore.apply import apply_restorer
from multiscope.stores.planes import PlaneWriter
from multiscope.training.device import make_fabric
from multiscope.training.ranks import Ranks, started_ranks

BATCH, WARM_UP, FEW_BATCHES = 64, 3, 4
SCREEN = config.VirtualCrops(reader="virtual_crops", fields_per_protein=8, cells_per_field=8)
UNITS = {"train": "steps/s", "embed": "cells/s", "restore": "Mpixel/s"}


@dataclass(frozen=True)
class Bench:
    """On what, and how much of it."""

    folder: Path
    device: str
    threads: int
    steps: int
    times: int
    side: int

    @property
    def crops(self) -> Path:
        """A folder of crops."""
        return self.folder / "crops"

    @property
    def encoder(self) -> Path:
        """What `localize` made of them."""
        return self.folder / "encoder"

    @property
    def restorer(self) -> Path:
        """A network for `restore apply`."""
        return self.folder / "restorer"

    @property
    def series(self) -> Path:
        """What it is applied to."""
        return self.folder / "series.zarr"

    def prepare(self) -> None:
        """Make all of it."""
        make_data(out=self.crops, dataset="screen", config=SCREEN)
        section = config.DeepLoc(model="deeploc", epochs=1)
        localize(
            crops=self.crops, out=self.encoder, state=self.folder / "state", encoder="x", config=section, seed=0,
            device="cpu",
        )  # fmt: skip
        network = CareUNet(width=16, kernel=3)
        self.restorer.mkdir()
        save_network(self.restorer, network, "care_unet", {"width": 16, "kernel": 3}, card(network, conditional=False))
        writer, rng = PlaneWriter(self.series, axes="tcyx", sizes={"t": self.times, "c": 1}), np.random.default_rng(0)
        for t in range(self.times):
            writer.write(rng.integers(100, 4000, size=(self.side, self.side), dtype=np.uint16), t=t)
        writer.describe(channels=["gfp"])


def train(bench: Bench, ranks: Ranks) -> float:
    """Steps a second."""
    fabric = make_fabric(bench.device, threads=bench.threads, ranks=ranks)
    section = config.DeepLoc(model="deeploc", epochs=1000, batch_size=BATCH)
    recipe = DeepLocRecipe(section, Task(Crops(bench.crops), None, 0, fabric, ranks=ranks))
    with recipe.loader:
        for step in range(WARM_UP):
            recipe.step(step)
        seconds = _together(ranks, lambda: [recipe.step(WARM_UP + step) for step in range(bench.steps)])
    return bench.steps / seconds


def embedding(bench: Bench, ranks: Ranks) -> float:
    """Cells a second."""
    make_fabric(bench.device, threads=bench.threads, ranks=ranks)
    work = partial(
        embed, crops=[bench.crops], model=bench.encoder, config=config.Embed(), device=bench.device,
        threads=bench.threads, out=bench.folder / "embedded",
    )  # fmt: skip
    job._BLOCK_BATCHES = FEW_BATCHES
    return len(Crops(bench.crops).table) / _together(ranks, work)


def restoring(bench: Bench, ranks: Ranks) -> float:
    """Millions of pixels a second."""
    make_fabric(bench.device, threads=bench.threads, ranks=ranks)
    work = partial(
        apply_restorer, model=bench.restorer, source=bench.series, device=bench.device, threads=bench.threads,
        out=bench.folder / "restored.zarr",
    )  # fmt: skip
    return bench.times * bench.side**2 / 1e6 / _together(ranks, work)


WORK: dict[str, Callable[[Bench, Ranks], float]] = {"train": train, "embed": embedding, "restore": restoring}


def _together(ranks: Ranks, work: Callable[[], object]) -> float:
    """Seconds from when all are ready until all are done."""
    ranks.wait()
    began = time.perf_counter()
    work()
    ranks.wait()
    return time.perf_counter() - began


def started(bench: Bench, name: str, n: int) -> float:
    """What `n` processes do in a second."""
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n}", "-m", "benchmarks.scaling"]
    given = {"--threads": bench.threads, "--steps": bench.steps, "--times": bench.times, "--side": bench.side}
    options = [str(word) for option in given.items() for word in option]
    with tempfile.TemporaryDirectory(dir=bench.folder) as results:
        for made in (bench.crops, bench.encoder, bench.restorer, bench.series):
            Path(results, made.name).symlink_to(made)
        command = [sys.executable, *launch, *options, "--device", bench.device, "--work", name, "--folder", results]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{name}, {n} processes:\n{ended.stderr}")
    return float(json.loads(ended.stdout))


def lines(bench: Bench, name: str, processes: list[int], rounds: int) -> Iterator[tuple[Line, Array]]:
    """Speed of each number of processes, and beside it how many times that of the first."""
    found = turns({str(n): partial(started, bench, name, n) for n in processes}, rounds)
    yield Line("other load, share of the cores", list(found.pop(LOAD))), np.array([])
    for n in processes:
        faster = found[str(n)] / found[str(processes[0])]
        yield Line(f"{name}, {n} processes", list(found[str(n)]), UNITS[name]), np.array([])
        yield Line(f"{name}, {n} processes: speed", list(faster)), faster


def draw(path: Path, found: dict[str, dict[int, Array]]) -> None:
    """Speed over the number of processes, with the range over rounds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(4, 3.2), layout="constrained")
    most = max(n for by_number in found.values() for n in by_number)
    axes.plot([1, most], [1, most], color="0.7", linestyle="--", label="as many times as fast")
    for name, by_number in found.items():
        middle = {n: float(np.median(values)) for n, values in by_number.items()}
        apart = [[abs(edge(by_number[n]) - middle[n]) for n in middle] for edge in (np.min, np.max)]
        axes.errorbar(list(middle), list(middle.values()), yerr=apart, marker="o", capsize=3, label=name)
    axes.set(xlabel="processes", ylabel="speed, times one process", xticks=sorted(middle))
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--processes", type=int, nargs="+", default=[1, 2], help="numbers of them; the first is compared with"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--steps", type=int, default=40, help="of training, in a round")
    parser.add_argument("--times", type=int, default=8, help="time points of the series that is restored")
    parser.add_argument("--side", type=int, default=512, help="of its images, in pixels")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", action="append", choices=list(WORK), help="may be given several times")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--work", choices=list(WORK), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    size = {"device": given.device, "threads": given.threads, "steps": given.steps}
    size |= {"times": given.times, "side": given.side}
    if given.work:
        ranks = started_ranks()
        value = WORK[given.work](Bench(given.folder, **size), ranks)
        if ranks.is_first:
            print(json.dumps(value))
        return
    print(
        f"{machine()}, torch {torch.__version__}; {given.threads} threads a process, {given.rounds} rounds\n",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), **size)
        with redirect_stderr(StringIO()):
            bench.prepare()
        speeds: dict[str, dict[int, Array]] = {}
        for name in given.only or WORK:
            measured = list(lines(bench, name, given.processes, given.rounds))
            print(*(line for line, _ in measured), sep="\n", flush=True)
            speeds[name] = dict(zip(given.processes, (faster for _, faster in measured if faster.size), strict=True))
        if given.figure:
            draw(given.figure, speeds)


if __name__ == "__main__":
    main()
