"""Time and memory of module detection over its full grid, against a loop over SciPy and scikit-learn.

    python -m benchmarks.evaluate_modules [--modules 230] [--dims 50] [--samples 10] [--share 50] [--tree]

The grid is 3 linkages x 2 distances x 500 cuts x 10 module sets. Both are timed on one thread in processes of their
own, so that each peak memory is its own; the time leaves out imports. `loop` cuts the same trees by SciPy's `fcluster`
and scores each cut by scikit-learn's `adjusted_mutual_info_score`. It is too slow for the whole grid, so it scores one
of `--share` cuts, and that part of its time is multiplied (`--share 1` runs it whole). Every cut that it scores is
compared. Then the two scores that are reported, and pairwise F, on a whole proteome; with `--tree` also one tree of
20,000 proteins.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.summary import machine
from multiscope.evaluate.scores.clusters import pairwise_f
from multiscope.evaluate.scores.dendrogram import Distance, Linkage, condensed_distances, dendrogram
from multiscope.evaluate.scores.members import ProfiledTerms, profiled_terms
from multiscope.evaluate.scores.module_sets import ModuleSet, draw_modules
from multiscope.evaluate.scores.modules import Forest, module_scores
from multiscope.evaluate.scores.mutual_information import ExpectedInformation, adjusted_mutual_information
from multiscope.standards.standard import Standard

LINKAGES: tuple[Linkage, ...] = ("average", "single", "complete")
DISTANCES: tuple[Distance, ...] = ("cosine", "euclidean")
SETTINGS = list(product(DISTANCES, LINKAGES))
N_CUTS = 500
Case = tuple[np.ndarray, ProfiledTerms, list[ModuleSet]]


def make_case(n_modules: int, dims: int, n_samples: int, largest: int = 12) -> Case:
    """Profiles near the centre of their module: modules of 2 to `largest` proteins, and as many that overlap two."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(2, largest + 1, n_modules)
    names = [f"p{i:05d}" for i in range(sizes.sum())]
    module = np.repeat(np.arange(n_modules), sizes)
    x = 0.7 * rng.normal(size=(n_modules, dims))[module] + rng.normal(size=(len(names), dims))
    ends = np.cumsum(sizes)
    terms = {f"m{k}": frozenset(names[end - size : end]) for k, (size, end) in enumerate(zip(sizes, ends, strict=True))}
    terms |= {f"o{k}": frozenset(names[end - 1 : end + 1]) for k, end in enumerate(ends[:-1])}
    standard = Standard("made", "complex", terms, "none (generated)", "name", "1", "CC0", "")
    limits = profiled_terms(standard, names, min_term_size=2, max_term_size=300)
    return x, limits, [draw_modules(limits, np.random.default_rng([0, k])) for k in range(n_samples)]


def grid_by_multiscope(case: Case) -> tuple[np.ndarray, float]:
    """AMI of every cut, (n_samples, 6, 500), and the seconds of it that are not trees."""
    x, limits, sets = case
    forest, found, seconds = Forest(x, limits.proteins, SETTINGS, N_CUTS), [], 0.0
    for modules in sets:
        expected = ExpectedInformation(np.bincount(modules.module))
        for tree in forest.trees(modules.rows, SETTINGS):
            started = time.perf_counter()
            found.append(adjusted_mutual_information(tree, modules.module, forest.cuts(tree), expected))
            seconds += time.perf_counter() - started
    return np.array(found).reshape(len(sets), len(SETTINGS), N_CUTS), seconds


def grid_by_loop(case: Case, share: int) -> tuple[np.ndarray, float]:
    """AMI of every `share`-th cut, and the seconds of it that are not trees."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist
    from sklearn.metrics import adjusted_mutual_info_score

    x, _, sets = case
    found, seconds = [], 0.0
    for modules in sets:
        for distance, kind in SETTINGS:
            merges = linkage(pdist(x[modules.rows], distance), kind)
            started = time.perf_counter()
            for height in np.linspace(0, merges[-1, 2], N_CUTS)[::share]:
                labels = fcluster(merges, height, "distance")
                found.append(adjusted_mutual_info_score(modules.module, labels))
            seconds += time.perf_counter() - started
    return np.array(found).reshape(len(sets), len(SETTINGS), -1), seconds


def run_once(what: str, args: argparse.Namespace) -> dict[str, float]:
    """Seconds, of them those for cuts, and MB that the peak rises."""
    case = make_case(args.modules, args.dims, args.samples)
    jobs: dict[str, Callable[[Case], tuple[np.ndarray, float]]] = {
        "multiscope": grid_by_multiscope,
        "loop": lambda case: grid_by_loop(case, args.share),
    }
    jobs[what](make_case(8, args.dims, 1))  # imports
    before, started = peak_mb(), time.perf_counter()
    found, seconds = jobs[what](case)
    total = time.perf_counter() - started
    np.save(args.save, found)
    return {"seconds": total, "cuts": seconds, "mb": peak_mb() - before, "proteins": len(case[2][0].rows)}


def run_proteome(args: argparse.Namespace) -> dict[str, float]:
    """The two scores of modules and pairwise F."""
    x, limits, sets = make_case(200, args.dims, 1, largest=34)
    before, started = peak_mb(), time.perf_counter()
    module_scores(x, limits, seed=0, confidence=0.95)
    between = time.perf_counter()
    pairwise_f(x, limits, n_bootstrap=200, confidence=0.95, seed=0)
    ended = time.perf_counter()
    seconds = {"modules": between - started, "f": ended - between, "mb": peak_mb() - before}
    return {**seconds, "proteins": len(x), "drawn": len(sets[0].rows)}


def run_tree(n: int) -> dict[str, float]:
    """One tree of many proteins."""
    x = np.random.default_rng(0).normal(size=(n, 50))
    before, started = peak_mb(), time.perf_counter()
    dendrogram(condensed_distances(x, np.arange(n), "cosine"), "average")
    return {"seconds": time.perf_counter() - started, "mb": peak_mb() - before, "proteins": n}


def measure(what: str, args: argparse.Namespace, save: Path | str = "") -> dict[str, float]:
    """In a process of its own, on one thread."""
    numbers = {"modules": args.modules, "dims": args.dims, "samples": args.samples, "share": args.share}
    options = [text for name, value in numbers.items() for text in (f"--{name}", str(value))]
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    command = [sys.executable, "-m", "benchmarks.evaluate_modules", "--only", what, "--save", str(save), *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **threads})
    return dict(json.loads(done.stdout.splitlines()[-1]))


def peak_mb() -> float:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "ours.npy", Path(folder) / "theirs.npy"
        fast, slow = measure("multiscope", args, ours), measure("loop", args, theirs)
        all_cuts, some = np.load(ours), np.load(theirs)
    scored = all_cuts[:, :, :: args.share]
    whole = slow["seconds"] - slow["cuts"] + slow["cuts"] * all_cuts.size / some.size
    print(f"AMI of {all_cuts.size} cuts: {args.samples} sets of about {fast['proteins']:.0f} proteins x {args.dims}")
    print(f"{machine()}; one thread; memory is the rise of the peak\n")
    print("| what | seconds | of them without trees | MB |\n|---|---|---|---|")
    print(f"| multiscope | {fast['seconds']:.2f} | {fast['cuts']:.2f} | {fast['mb']:.0f} |")
    note = f", from {some.size} cuts in {slow['seconds']:.1f} s" if args.share > 1 else ""
    print(f"| loop{note} | {whole:.1f} | {slow['cuts'] * all_cuts.size / some.size:.1f} | {slow['mb']:.0f} |\n")
    print(f"ratio {whole / fast['seconds']:.0f}; largest difference {np.abs(scored - some).max():.1e}")
    if not np.allclose(scored, some, rtol=0, atol=1e-9):
        sys.exit("the two do not agree to 1e-9")
    one = measure("proteome", args)
    print(f"\n{one['proteins']:.0f} proteins, {one['drawn']:.0f} of them in a set, which is hardest:")
    print(f"ami and ami_best {one['modules']:.1f} s, f with 200 bootstraps {one['f']:.1f} s, {one['mb']:.0f} MB")
    if args.tree:
        tree = measure("tree", args)
        print(f"average linkage of {tree['proteins']:.0f} proteins: {tree['seconds']:.0f} s, {tree['mb']:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modules", type=int, default=230)
    parser.add_argument("--dims", type=int, default=50)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--share", type=int, default=50, help="the loop scores one of so many cuts")
    parser.add_argument("--tree", action="store_true", help="also a tree of 20,000 proteins, 3.5 GB")
    parser.add_argument("--only", choices=("multiscope", "loop", "proteome", "tree"), help=argparse.SUPPRESS)
    parser.add_argument("--save", default="", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.only:
        report(args)
    elif args.only == "proteome":
        print(json.dumps(run_proteome(args)))
    elif args.only == "tree":
        print(json.dumps(run_tree(20_000)))
    else:
        print(json.dumps(run_once(args.only, args)))


if __name__ == "__main__":
    main()
