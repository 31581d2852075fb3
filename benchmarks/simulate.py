"""How fast crops are generated, and in how much memory.

    python -m benchmarks.simulate                # a minute on two cores
    python -m benchmarks.simulate --device cuda  # on an accelerator

Crops of 2 x 64 x 64 with optics, neighbours and camera, cells of all compartments in turn, 128 at a time, by as many
processes as there are cores (jobs that make parts of a screen) and by as many threads of one (the stage `data`). Each
line: median (least to most) over rounds. The peer: the same light through the same point spread function, Poisson and
read noise, one cell after the other with scipy and numpy; it draws no cells. Memory: the peak of a process that writes
crops into a store through the stage `data`, for a few shards and for many.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from typing import cast, get_args

import numpy as np
import torch
from scipy.signal import fftconvolve

from multiscope.config import YEAST_ONLY, Compartment, Morphology, VirtualCrops
from multiscope.simulate.optics import point_spread
from multiscope.simulate.screen.crops import crops
from multiscope.simulate.screen.light import cell_keys, draw, window
from multiscope.simulate.screen.proteins import proteins

AT_ONCE = 128
SCIPY = "optics and camera alone by scipy"
TARGETS = {"cpu": 2_000, "cuda": 100_000}
STORED = """
import sys, tempfile
from pathlib import Path
from multiscope.config import VirtualCrops
from multiscope.data.stage import run
config = VirtualCrops(reader="virtual_crops", fields_per_protein=int(sys.argv[1]), cells_per_field=32)
with tempfile.TemporaryDirectory() as folder:
    run(out=Path(folder) / "data", dataset="x", config=config)
print(next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def screen(morphology: Morphology, cells: int = 16) -> VirtualCrops:
    """A screen of one protein in each compartment."""
    names = [name for name in get_args(Compartment) if morphology == "yeast" or name not in YEAST_ONLY]
    one = dict.fromkeys(
        ("processes_per_compartment", "pathways_per_process", "complexes_per_pathway", "proteins_per_complex"), 1
    )
    return VirtualCrops(reader="virtual_crops", morphology=morphology, compartments=names, cells_per_field=cells, **one)


def rates(work: Callable[[int], int], *, jobs: int, threads: int, rounds: int) -> list[float]:
    """Crops a second in each round of `jobs` pieces of work."""
    found = []
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(2 * threads)))
        for number in range(rounds):
            start = time.perf_counter()
            made = sum(pool.map(work, range(number * jobs, (number + 1) * jobs)))
            found.append(made / (time.perf_counter() - start))
    return found


def generated(morphology: Morphology, device: torch.device, at_once: int) -> Callable[[int], int]:
    """A piece of work: `at_once` crops of one protein, finished on the device."""
    config = screen(morphology)
    made = proteins(config)
    fields = at_once // config.cells_per_field

    def work(number: int) -> int:
        start = number // len(made) * fields
        found = crops(config, made[number % len(made)], range(start, start + fields), device=device)
        return len(found.image.cpu())

    return work


def by_scipy() -> Callable[[int], int]:
    """A piece of work: optics and camera alone, one cell after the other."""
    config = screen("yeast", AT_ONCE)
    device = torch.device("cpu")
    protein = proteins(config)[0]
    grid = window(config, 72, device, stack=False)
    light = draw(config, protein, cell_keys(config, protein, 0, AT_ONCE, device), grid).light.numpy()
    spread = [
        np.fft.fftshift(point_spread(config.optics, height=72, width=72, pixel_um=config.pixel_um, z_um=z))
        for z in (0.0, 1.2, 1.2)
    ]
    camera, rng = config.camera, np.random.default_rng(0)

    def work(number: int) -> int:
        for cell in light:
            for channel in cell:
                planes = [channel[0], channel[1], channel[1]]
                seen = sum(fftconvolve(plane, psf, mode="same") for plane, psf in zip(planes, spread, strict=True))
                photons = rng.poisson(np.maximum(seen[4:68, 4:68], 0) + camera.background)
                counts = camera.offset + camera.gain * (photons + rng.normal(0, camera.read_noise, photons.shape))
                np.clip(np.rint(counts), 0, 65535).astype(np.uint16)
        return len(light)

    return work


def alone(jobs: int, rounds: int, name: str) -> list[float]:
    """The rates of one process with one thread."""
    if name == SCIPY:
        return rates(by_scipy(), jobs=max(jobs // 4, 1), threads=1, rounds=rounds)
    return rates(generated(cast(Morphology, name), torch.device("cpu"), AT_ONCE), jobs=jobs, threads=1, rounds=rounds)


def together(processes: int, jobs: int, rounds: int, name: str) -> list[float]:
    """Crops a second of several processes at once."""
    with get_context("spawn").Pool(processes) as pool:
        found = pool.starmap(alone, [(jobs, rounds, name)] * processes)
    return [sum(each) for each in zip(*found, strict=True)]


def line(what: str, found: list[float], note: str = "") -> str:
    """One row of the table."""
    return f"| {what} | {statistics.median(found):,.0f} ({min(found):,.0f} to {max(found):,.0f}) | {note} |"


def memory(fields: int) -> float:
    """Peak memory (MiB) of a process that writes a store."""
    done = subprocess.run([sys.executable, "-c", STORED, str(fields)], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=18, help="pieces of 128 crops in a round")
    given = parser.parse_args(argv)
    device, cores = torch.device(given.device), len(os.sched_getaffinity(0))
    threads = cores if given.device == "cpu" else 1
    at_once = AT_ONCE if given.device == "cpu" else 4096
    card = torch.cuda.get_device_name() if given.device == "cuda" else f"{cores} cores"
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {card}, torch {torch.__version__}, load {os.getloadavg()[0]:.1f}\n")
    print("| what | crops a second | |\n|---|---|---|")
    target = f"target {TARGETS[given.device]:,}"
    for morphology in get_args(Morphology):
        found = rates(generated(morphology, device, at_once), jobs=given.jobs, threads=threads, rounds=given.rounds)
        print(line(f"{morphology}, {threads} threads", found, target))
    if given.device != "cpu":
        return
    by_processes = {name: together(cores, given.jobs, given.rounds, name) for name in (*get_args(Morphology), SCIPY)}
    peer = statistics.median(by_processes[SCIPY])
    for name, found in by_processes.items():
        print(line(f"{name}, {cores} processes", found, f"{target}; {statistics.median(found) / peer:.1f} of scipy"))
    few, many = memory(9), memory(36)
    print(f"\npeak memory of a store of 27,648 crops {few:.0f} MiB, of 110,592 crops {many:.0f} MiB")


if __name__ == "__main__":
    main()
