"""How fast sample stores are read and written, with the targets they have to reach.

    python -m benchmarks.stores            # 100,000 crops of 2 x 64 x 64 uint16: a few minutes, 3 GB on disk
    python -m benchmarks.stores --n 5000   # a quick look; few shards, so that the ratios are only roughly those

Contenders take turns in every round, and ratios are those within a round. Who uses several cores suffers more from
other load on the machine than who uses one, so rounds are repeated, up to three times as many, and the quietest are
taken. Each line says what was measured, the median with the range over rounds, and the target.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorstore as ts
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from benchmarks.loader import costs
from multiscope.stores.samples import SampleStore, SampleWriter

Array = npt.NDArray[Any]
SHAPE = (2, 64, 64)
BATCH = 256
LOAD = "other load"
QUIET = 0.1
NETWORKS = {"DeepLoc as published": (1.0, 5), "the default encoder": (0.25, 25)}
"""Width, and steps a round: short ones vary more."""
READER = """
import sys
from pathlib import Path
import numpy as np
from multiscope.stores.samples import SampleStore
store = SampleStore(Path(sys.argv[1]))
rows = np.random.default_rng(0).permutation(len(store))
for start in range(0, min(len(rows), 40_000), 256):
    store.take("image", rows[start : start + 256])
# not ru_maxrss, which remembers the parent this process was forked from
print(next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@dataclass(frozen=True)
class Line:
    """One result: values of the rounds, what they count, and the limit they have to keep."""

    what: str
    values: list[float]
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the median keeps the limit."""
        median = float(np.median(self.values))
        return (self.least is None or median >= self.least) and (self.most is None or median <= self.most)

    def __str__(self) -> str:
        median, low, high = np.median(self.values), min(self.values), max(self.values)
        shown = f"{self.what:<58} {median:>10,.4g} {self.unit:<8} ({low:,.4g} to {high:,.4g})"
        limits = [("at least", self.least), ("at most", self.most)]
        aims = [f"target {word} {limit:g}" for word, limit in limits if limit is not None]
        return f"{shown}  {'; '.join(aims)}{'' if self.holds else '  MISSED'}".rstrip()


@dataclass(frozen=True)
class Bench:
    """What is measured on: crops in a NumPy file and in a sample store, and how often."""

    folder: Path
    n: int
    rounds: int

    @property
    def npy(self) -> Path:
        """The crops as NumPy has them."""
        return self.folder / "crops.npy"

    @property
    def store(self) -> Path:
        """The crops as a sample store."""
        return self.folder / "crops.zarr"


def crops(n: int, *, seed: int = 0) -> Iterator[Array]:
    """Pieces of `n` crops: spots with photon noise on an offset of 100, as a camera gives them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]].astype(np.float32)
    means = np.full((64, *SHAPE), 100, np.float32)
    for plane in means.reshape(-1, *SHAPE[1:]):
        for _ in range(rng.integers(1, 4)):
            (cy, cx), sigma = rng.uniform(16, 48, 2), rng.uniform(3, 10)
            plane += rng.uniform(50, 800) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * sigma**2))
    for start in range(0, n, 2048):
        mean = means[rng.integers(0, len(means), min(2048, n - start))]
        noise = rng.standard_normal(mean.shape, dtype=np.float32) * np.sqrt(mean - 96)
        yield (mean + noise).astype(np.uint16)


def write_ours(path: Path, pieces: Iterator[Array]) -> None:
    with SampleWriter(path, attributes={"channels": ["a", "b"]}) as writer:
        for images in pieces:
            rows = np.arange(writer.rows, writer.rows + len(images))
            writer.append({"image": images}, pd.DataFrame({"cell_id": [f"cell{row}" for row in rows]}))


def write_zarr(path: Path, pieces: Iterator[Array], *, n: int) -> None:
    """The same layout by zarr-python, whole shards at a time."""
    array = zarr.create_array(
        path,
        shape=(n, *SHAPE),
        dtype=np.uint16,
        chunks=(1, *SHAPE),
        shards=(4096, *SHAPE),
        compressors=[BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle", typesize=2), Crc32cCodec()],
        chunk_key_encoding={"name": "default", "separator": "."},
    )
    start = 0
    for images in pieces:
        array[start : start + len(images)] = images
        start += len(images)


def quietest(one_round: Callable[[], dict[str, float]], rounds: int) -> dict[str, Array]:
    """Results of the rounds with the least other load, and that load, as `LOAD`; the first is for warming up."""
    one_round()
    results: list[dict[str, float]] = []
    while len(results) < 3 * rounds and sum(result[LOAD] < QUIET for result in results) < rounds:
        before = _cpu_seconds()
        result = one_round()
        wall, busy, own = (after - then for after, then in zip(_cpu_seconds(), before, strict=True))
        results.append({**result, LOAD: max(0.0, busy - own) / wall / (os.cpu_count() or 1)})
    results.sort(key=lambda result: result[LOAD])
    return {name: np.array([result[name] for result in results[:rounds]]) for name in results[0]}


def _cpu_seconds() -> tuple[float, float, float]:
    """Now, what all processes have used of all cores, and what this one and those that it started have, in seconds."""
    file, own = Path("/proc/stat"), sum(os.times()[:4])
    if not file.exists():
        return time.perf_counter(), own, own
    user, nice, system, _idle, _wait, *rest = map(int, file.read_text().splitlines()[0].split()[1:])
    busy = user + nice + system + sum(rest[:3])
    return time.perf_counter(), busy / os.sysconf("SC_CLK_TCK"), own


def prepare(bench: Bench) -> None:
    out = np.lib.format.open_memmap(bench.npy, "w+", np.uint16, (bench.n, *SHAPE))
    start = 0
    for images in crops(bench.n):
        out[start : start + len(images)] = images
        start += len(images)
    out.flush()
    write_ours(bench.store, (out[start : start + 8192] for start in range(0, bench.n, 8192)))


def reading(bench: Bench) -> Iterator[Line]:
    """Random batches, files in the page cache."""
    source, store = np.load(bench.npy, mmap_mode="r"), SampleStore(bench.store)
    kvstore = {"driver": "file", "path": f"{bench.store}/image/"}
    bare = ts.open({"driver": "zarr3", "kvstore": kvstore, "recheck_cached_data": "open"}, open=True).result()
    plain = zarr.open_array(bench.store / "image", mode="r")
    # zarr-python is two orders slower: fewer batches a round
    contenders: dict[str, tuple[int, Callable[[Array], Array]]] = {
        "memory map": (100, lambda rows: source[rows]),
        "multiscope": (100, lambda rows: store.take("image", rows)),
        "bare tensorstore": (100, lambda rows: bare[rows].read().result()),
        "zarr-python oindex": (4, lambda rows: plain.oindex[rows]),
    }
    rng = np.random.default_rng(1)

    def one_round() -> dict[str, float]:
        order, rates = rng.permutation(bench.n), {}
        for name, (most, read) in contenders.items():
            batches = [np.resize(order, (k + 1) * BATCH)[k * BATCH :] for k in range(most)]
            began = time.perf_counter()
            found = [read(rows)[0, 0, 0, 0] for rows in batches]
            rates[name] = BATCH * len(batches) / (time.perf_counter() - began)
            if [source[rows[0], 0, 0, 0] for rows in batches] != found:
                raise RuntimeError(f"{name}: answers other values than were written")
        return rates

    rate = quietest(one_round, bench.rounds)
    yield Line("other load while reading, share of the cores", list(rate.pop(LOAD)))
    for name, values in rate.items():
        yield Line(f"read batches of {BATCH}, shuffled: {name}", list(values), "crops/s")
    ours = rate["multiscope"]
    yield Line("read: multiscope / memory map", list(ours / rate["memory map"]), least=0.08)
    yield Line("read: multiscope / bare tensorstore", list(ours / rate["bare tensorstore"]), least=0.9)
    yield Line("read: multiscope / zarr-python oindex", list(ours / rate["zarr-python oindex"]), least=25)


def writing(bench: Bench) -> Iterator[Line]:
    """Six shards, from memory."""
    n = min(bench.n, 6 * 4096)
    images = np.load(bench.npy, mmap_mode="r")[:n].copy()

    def one_round() -> dict[str, float]:
        with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
            ours = _seconds(lambda path: write_ours(path, iter([images])), Path(folder, "ours.zarr"))
            plain = _seconds(lambda path: write_zarr(path, iter([images]), n=n), Path(folder, "zarr.zarr"))
        return {"multiscope": n / ours, "zarr-python": n / plain}

    rate = quietest(one_round, bench.rounds)
    yield Line("other load while writing, share of the cores", list(rate.pop(LOAD)))
    for name, values in rate.items():
        yield Line(f"write: {name}", list(values), "crops/s")
    yield Line("write: multiscope / zarr-python", list(rate["multiscope"] / rate["zarr-python"]), least=8)


def _seconds(write: Callable[[Path], None], path: Path) -> float:
    began = time.perf_counter()
    write(path)
    return time.perf_counter() - began


def size(bench: Bench) -> Iterator[Line]:
    """What it takes on disk, and in the memory of a process that reads it at random."""
    files = [path for path in bench.store.rglob("*") if path.is_file()]
    nbytes = sum(path.stat().st_size for path in files)
    yield Line("files of the store and its table", [len(files) + 1], most=119)
    yield Line("bytes on disk / bytes of the crops", [nbytes / (bench.n * int(np.prod(SHAPE)) * 2)])
    small = bench.folder / "small.zarr"
    write_ours(small, crops(max(1, bench.n // 20)))
    for name, path in (("small", small), ("large", bench.store)):
        command = [sys.executable, "-c", READER, str(path)]
        peak = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        yield Line(f"peak memory of a process that reads the {name} store", [peak], "MiB", most=300)


def feeding(bench: Bench) -> Iterator[Line]:
    """What a training step takes longer because it has to be fed; medians of many steps, for single ones vary."""
    store = SampleStore(bench.store)
    for name, (width, repeats) in NETWORKS.items():
        timed = costs(store, repeats * bench.rounds, width=width)
        parts = {kind: np.array_split(seconds, bench.rounds) for kind, seconds in timed.items()}
        medians = {kind: np.array([np.median(part, axis=0) for part in split]) for kind, split in parts.items()}
        for kind, (fed, updated) in ((kind, values.T) for kind, values in medians.items()):
            yield Line(f"feeding {name}, {kind}: share of an update", list(fed / updated), most=0.03)
        yield Line(
            f"{name}: update while a thread reads / alone", list(medians["prefetch"][:, 1] / medians["inline"][:, 1])
        )


# what is measured; each adds its lines to the one table
SECTIONS: list[Callable[[Bench], Iterator[Line]]] = [reading, writing, size, feeding]


def machine() -> str:
    """Processor, cores, versions."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")]
    packages = [f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "tensorstore", "zarr")]
    processor = f"{names[0] if names else platform.machine()}, {len(names) or '?'} cores"
    return f"{processor}; Python {platform.python_version()}, {', '.join(packages)}"


def run(bench: Bench) -> list[Line]:
    """Make the store, measure, print each line as it is known."""
    print(
        f"{machine()}\n{bench.n:,} crops of {' x '.join(map(str, SHAPE))} uint16, {bench.rounds} rounds\n", flush=True
    )
    prepare(bench)
    lines = []
    for section in SECTIONS:
        for line in section(bench):
            print(line, flush=True)
            lines.append(line)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100_000, help="number of crops")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where to write; default the system's temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        lines = run(Bench(Path(folder), given.n, given.rounds))
    if not all(line.holds for line in lines):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
