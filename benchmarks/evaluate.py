"""Time and memory of scores for a whole proteome, against copairs and scikit-learn in the same run.

    python -m benchmarks.evaluate [--proteins 4049] [--dims 512] [--repeats 3] [--parts pairs terms modules large]

Every measurement is a process of its own on one thread, so that its peak memory is its own; the time leaves out
imports.

- `pairs`: co-annotation AP. `dense` is the matrix of cosines, `numpy.triu_indices` and scikit-learn's
  `average_precision_score`, once for the value alone and, extrapolated from a few samples, for as many bootstraps.
- `terms`: AP of each protein for each of its terms, against `copairs.map.multilabel.average_precision`; every number
  is compared.
- `modules`: AMI over its grid, `benchmarks/evaluate_modules.py`.
- `large`: 20,000 profiles: co-annotation with its interval, retrieval of terms with p-values, recall of known pairs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.evaluate_modules import peak_mb
from benchmarks.summary import machine
from multiscope.evaluate.scores.coannotation import coannotation
from multiscope.evaluate.scores.known_pairs import known_pair_recall
from multiscope.evaluate.scores.members import ProfiledTerms, profiled_terms
from multiscope.evaluate.scores.similarity import prepare
from multiscope.evaluate.scores.term_retrieval import query_precision, term_retrieval
from multiscope.standards.standard import Standard

Case = tuple[np.ndarray, ProfiledTerms]
PARTS = ("pairs", "terms", "modules", "large")
_DENSE_SAMPLES = 3
_LARGE = 20_000


def make_case(n: int, dims: int) -> Case:
    """Profiles near the centre of their term: terms of 2 to 60 proteins, a protein in about two of them."""
    rng = np.random.default_rng(0)
    names = [f"p{i:05d}" for i in range(n)]
    terms: dict[str, frozenset[str]] = {}
    x = rng.normal(size=(n, dims))
    for number in range(n // 10):
        members = rng.choice(n, size=min(n, int(2 + 58 * rng.random() ** 2)), replace=False)
        terms[f"t{number}"] = frozenset(names[i] for i in members)
        x[members] += rng.normal(size=dims) * 0.7
    standard = Standard("made", "process", terms, "none (generated)", "name", "1", "CC0", "")
    limits = profiled_terms(standard, names, min_term_size=2, max_term_size=300)
    row = {name: number for number, name in enumerate(names)}
    return x[[row[name] for name in limits.proteins]], limits


def pairs_by_multiscope(case: Case, n_bootstrap: int) -> np.ndarray:
    x, limits = case
    return np.array([coannotation(x, limits, n_bootstrap=n_bootstrap, confidence=0.95).value])


def pairs_by_dense(case: Case, n_bootstrap: int) -> np.ndarray:
    from sklearn.metrics import average_precision_score
    from sklearn.metrics.pairwise import cosine_similarity

    x, limits = case
    member = limits.member.toarray()
    n = len(x)
    first, second = np.triu_indices(n, 1)
    score, truth = cosine_similarity(x)[first, second], (member @ member.T)[first, second] > 0
    for drawn in np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=n_bootstrap):
        average_precision_score(truth, score, sample_weight=drawn[first] * drawn[second])
    return np.array([average_precision_score(truth, score)])


def terms_by_multiscope(case: Case, _: int) -> np.ndarray:
    x, limits = case
    return query_precision(prepare(x, limits.proteins, "cosine"), limits.member)["average_precision"].to_numpy()


def terms_by_copairs(case: Case, _: int) -> np.ndarray:
    from copairs.map.multilabel import average_precision

    x, limits = case
    names = list(limits.terms)
    member = limits.member.tocsr()
    of_protein = [[names[k] for k in sorted(member[row].indices)] for row in range(len(x))]
    meta = pd.DataFrame({"protein": range(len(x)), "terms": of_protein})
    # its own similarities are of float32 features too
    table = average_precision(meta, x.astype(np.float32), ["terms"], [], [], ["terms"], multilabel_col="terms")
    number = {name: k for k, name in enumerate(names)}
    table = table.assign(number=table["terms"].map(number)).sort_values(["protein", "number"])
    return table["average_precision"].to_numpy(dtype=float)


def large(case: Case, n_bootstrap: int) -> np.ndarray:
    x, limits = case
    settings = {"n_bootstrap": n_bootstrap, "confidence": 0.95}
    times = [time.perf_counter()]
    for score in (
        lambda: coannotation(x, limits, **settings),
        lambda: term_retrieval(x, limits, **settings),
        lambda: known_pair_recall(x, limits.proteins, limits, **settings),
    ):
        score()
        times.append(time.perf_counter())
    return np.diff(times)


JOBS: dict[str, Callable[[Case, int], np.ndarray]] = {
    "pairs_by_multiscope": pairs_by_multiscope,
    "pairs_by_dense": pairs_by_dense,
    "terms_by_multiscope": terms_by_multiscope,
    "terms_by_copairs": terms_by_copairs,
    "large": large,
}


class Run:
    """One job, several times, each in a process of its own."""

    def __init__(self, job: str, args: argparse.Namespace, n_bootstrap: int = 0, proteins: int | None = None) -> None:
        """`job` is one of `JOBS`."""
        proteins = proteins or args.proteins
        numbers = {"proteins": proteins, "dims": args.dims, "bootstraps": n_bootstrap}
        threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        rows = []
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.evaluate", "--only", job, "--save", f"{folder}/found.npy"]
            command += [text for name, value in numbers.items() for text in (f"--{name}", str(value))]
            for _ in range(args.repeats):
                done = subprocess.run(
                    command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **threads}
                )
                rows.append(json.loads(done.stdout.splitlines()[-1]))
                self.found = np.load(f"{folder}/found.npy")
        self.seconds = [row["seconds"] for row in rows]
        self.mb = statistics.median(row["mb"] for row in rows)

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    def line(self, what: str, ratio: float) -> str:
        """A row of the table."""
        spread = f"{self.median:.2f} ({min(self.seconds):.2f} to {max(self.seconds):.2f})"
        return f"| {what} | {spread} | {self.mb:.0f} | {ratio:.1f} |"


HEAD = "| what | seconds | MB | times multiscope's |\n|---|---|---|---|"


def pairs(args: argparse.Namespace) -> None:
    print(f"\nco-annotation AP, {args.proteins} proteins x {args.dims}\n\n{HEAD}")
    few, many = Run("pairs_by_multiscope", args, 10), Run("pairs_by_multiscope", args, 500)
    value, some = Run("pairs_by_dense", args), Run("pairs_by_dense", args, _DENSE_SAMPLES)
    print(few.line("multiscope, value and 10 bootstraps", 1))
    print(value.line("scikit-learn on the dense pairs, value alone", value.median / few.median))
    print(many.line("multiscope, value and 500 bootstraps", 1))
    some.seconds = [value.median + (one - value.median) * 500 / _DENSE_SAMPLES for one in some.seconds]
    print(some.line(f"scikit-learn, value and 500 bootstraps, from {_DENSE_SAMPLES}", some.median / many.median))
    print(f"\nAP {few.found[0]:.6f}, by scikit-learn {value.found[0]:.6f}")


def terms(args: argparse.Namespace) -> None:
    print(f"\nAP of each protein for each of its terms, {args.proteins} proteins x {args.dims}\n\n{HEAD}")
    own, theirs = Run("terms_by_multiscope", args), Run("terms_by_copairs", args)
    print(own.line("multiscope", 1))
    print(theirs.line("copairs", theirs.median / own.median))
    apart = np.abs(own.found - theirs.found)
    of_means = abs(own.found.mean() - theirs.found.mean())
    print(f"\n{len(apart)} numbers; largest difference {apart.max():.1e}, of the means {of_means:.1e}")
    if apart.max() > 1e-3:
        sys.exit("the two do not agree to 1e-3")


def modules(args: argparse.Namespace) -> None:
    print(flush=True)
    subprocess.run([sys.executable, "-m", "benchmarks.evaluate_modules"], check=True)


def whole(args: argparse.Namespace) -> None:
    args.repeats = 1
    run = Run("large", args, 200, _LARGE)
    ap, retrieved, recall = run.found
    print(f"\n{_LARGE} profiles x {args.dims}, 200 bootstraps: co-annotation {ap:.0f} s,")
    print(
        f"retrieval of terms {retrieved:.0f} s, recall of known pairs {recall:.0f} s; the peak rises by {run.mb:.0f} MB"
    )


def run_once(job: str, args: argparse.Namespace) -> dict[str, float]:
    case = make_case(args.proteins, args.dims)
    JOBS[job](make_case(400, 16), 1)  # imports
    before = peak_mb()
    started = time.perf_counter()
    found = JOBS[job](case, args.bootstraps)
    seconds = time.perf_counter() - started
    np.save(args.save, found)
    return {"seconds": seconds, "mb": peak_mb() - before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proteins", type=int, default=4049)
    parser.add_argument("--dims", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--only", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--bootstraps", type=int, default=500, help=argparse.SUPPRESS)
    parser.add_argument("--save", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        print(json.dumps(run_once(args.only, args)))
        return
    print(f"{machine()}; one thread")
    print(f"median of {args.repeats} processes (least to most); memory is the rise of the peak")
    for name, part in {"pairs": pairs, "terms": terms, "modules": modules, "large": whole}.items():
        if name in args.parts:
            part(args)


if __name__ == "__main__":
    main()
