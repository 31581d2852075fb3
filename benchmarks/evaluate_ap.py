"""Time and memory of co-annotation AP for a whole proteome, against a dense computation and copairs.

    python benchmarks/evaluate_ap.py [--proteins 4049] [--dims 64] [--repeats 3]

Every measurement is a process of its own, so that its peak memory is its own; the time leaves out imports.
`multiscope` gives value and interval; `dense` is the matrix of cosines, `numpy.triu_indices` and scikit-learn's
`average_precision_score`, once for the value alone and, extrapolated from a few samples, for as many bootstraps.
copairs scores each profile rather than the pairs, for the same pairs.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

Case = tuple[np.ndarray, list[str], dict[str, frozenset[str]]]
_DENSE_SAMPLES = 3


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
    return x.astype(np.float32), names, terms


def multiscope_ap(case: Case, n_bootstrap: int) -> float:
    from multiscope.evaluate.scores.coannotation import coannotation
    from multiscope.standards.standard import Standard

    x, names, terms = case
    standard = Standard("made", "process", terms, "none (generated)", "name", "1", "CC0", "")
    limits = {"min_term_size": 2, "max_term_size": 300}
    return coannotation(x, names, standard, n_bootstrap=n_bootstrap, confidence=0.95, **limits).value


def dense_ap(case: Case, n_bootstrap: int) -> float:
    from sklearn.metrics import average_precision_score
    from sklearn.metrics.pairwise import cosine_similarity

    x, names, terms = case
    row = {name: number for number, name in enumerate(names)}
    member = np.zeros((len(names), len(terms)), dtype=np.float32)
    for column, term in enumerate(terms.values()):
        member[[row[name] for name in term], column] = 1
    keep = member.any(axis=1)
    first, second = np.triu_indices(int(keep.sum()), 1)
    score = cosine_similarity(x[keep].astype(float))[first, second]
    truth = (member[keep] @ member[keep].T)[first, second] > 0
    n = int(keep.sum())
    for drawn in np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=n_bootstrap):
        average_precision_score(truth, score, sample_weight=drawn[first] * drawn[second])
    return float(average_precision_score(truth, score))


def copairs_ap(case: Case, n_bootstrap: int) -> float:
    import pandas as pd
    from copairs.map.multilabel import average_precision

    x, names, terms = case
    labels: dict[str, list[str]] = {name: [] for name in names}
    for term, members in terms.items():
        for name in members:
            labels[name].append(term)
    meta = pd.DataFrame({"protein": names, "terms": [labels[name] for name in names]})
    keep = meta["terms"].str.len().gt(0).to_numpy()
    table = average_precision(
        meta[keep].reset_index(drop=True), x[keep], ["terms"], [], [], ["terms"], multilabel_col="terms"
    )
    return float(table["average_precision"].mean())


METHODS = {"multiscope": multiscope_ap, "dense": dense_ap, "copairs": copairs_ap}


def measure(method: str, n: int, dims: int, n_bootstrap: int) -> dict[str, float]:
    """One run in a process of its own."""
    arguments = ["--only", method, "--proteins", str(n), "--dims", str(dims), "--bootstraps", str(n_bootstrap)]
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run_once(method: str, n: int, dims: int, n_bootstrap: int) -> dict[str, float]:
    case = make_case(n, dims)
    METHODS[method](make_case(400, dims), 1)  # imports
    before = _peak_mb()
    started = time.perf_counter()
    value = METHODS[method](case, n_bootstrap)
    return {"seconds": time.perf_counter() - started, "mb": _peak_mb() - before, "value": value}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def report(args: argparse.Namespace) -> None:
    print(f"co-annotation AP, {args.proteins} proteins x {args.dims}; {cpu_name()}; Python {platform.python_version()}")
    print(f"median of {args.repeats} processes (least to most); memory is the rise of the peak\n")
    print("| what | seconds | MB | value | times multiscope's |\n|---|---|---|---|---|")
    medians: dict[str, float] = {}
    plans: list[tuple[str, str, int, str]] = [
        ("multiscope, value + 10 bootstraps", "multiscope", 10, "multiscope, value + 10 bootstraps"),
        ("dense, value", "dense", 0, "multiscope, value + 10 bootstraps"),
        ("copairs, value a protein", "copairs", 0, "multiscope, value + 10 bootstraps"),
        ("multiscope, value + 500 bootstraps", "multiscope", 500, "multiscope, value + 500 bootstraps"),
    ]
    for what, method, n_bootstrap, against in plans:
        if method == "copairs" and not args.copairs:
            continue
        rows = [measure(method, args.proteins, args.dims, n_bootstrap) for _ in range(args.repeats)]
        medians[what] = line(what, rows, against, medians)
    some = [measure("dense", args.proteins, args.dims, _DENSE_SAMPLES) for _ in range(args.repeats)]
    one = medians["dense, value"]
    for row in some:
        row["seconds"] = one + (row["seconds"] - one) * 500 / _DENSE_SAMPLES
    line(f"dense, value + 500 bootstraps (from {_DENSE_SAMPLES})", some, "multiscope, value + 500 bootstraps", medians)


def line(what: str, rows: list[dict[str, Any]], against: str, medians: dict[str, float]) -> float:
    seconds = [row["seconds"] for row in rows]
    median = statistics.median(seconds)
    ratio = f"{median / medians[against]:.1f}" if against in medians else "1"
    mb = statistics.median(row["mb"] for row in rows)
    spread = f"{median:.2f} ({min(seconds):.2f} to {max(seconds):.2f})"
    print(f"| {what} | {spread} | {mb:.0f} | {rows[0]['value']:.6f} | {ratio} |", flush=True)
    return median


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proteins", type=int, default=4049)
    parser.add_argument("--dims", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--copairs", action="store_true", help="also copairs, about 40 s a process")
    parser.add_argument("--only", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--bootstraps", type=int, default=500, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        print(json.dumps(run_once(args.only, args.proteins, args.dims, args.bootstraps)))
    else:
        report(args)


if __name__ == "__main__":
    main()
