"""The second paper's comparison on a virtual screen: every encoder by scale, and how scores come up over epochs.

    python -m benchmarks.paper_b [--out paper_b] [--minutes 9] [--jobs 2] [--published] [--figure epochs.png]

Runs what is missing of `examples/paper_b.yaml` for so many minutes, stops, and says how much is left; the next call
goes on where this one stopped. When all is done (or with --print) it prints the tables. Scores are means over seeds,
with the mean of their 95 % intervals from a bootstrap over proteins, and the range over seeds. `--published` takes the
published sizes and 4,032 proteins, which need a GPU.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmarks.jobs import Job, work
from benchmarks.summary import accuracy, recognition
from multiscope import config
from multiscope.evaluate.controls import PLACES, SHUFFLED

ROOT = Path(__file__).parent.parent
SCALES = ["compartment", "process", "pathway", "complex"]
UNTRAINED = ("classic", "one_hot")
"""Models that no seed changes."""
SUPERVISED, UNSUPERVISED = "deeploc", ["paired_inpainting", "autoencoder", "vae"]
SATURATED = 0.95
"""Share of a score's rise from the first epoch to its best that counts as having come up."""
PUBLISHED: dict[str, dict[str, Any]] = {
    "deeploc": {"model": "deeploc", "profile": "paper"},
    "protein_identity": {"model": "deeploc", "profile": "pifia"},
    "resnet18": {"model": "backbone", "epochs": 30, "batch_size": 128},
    "paired_inpainting": {"model": "paired_inpainting", "profile": "paper"},
    "autoencoder": {"model": "autoencoder", "profile": "paper"},
    "vae": {"model": "vae", "profile": "paper"},
    "cytoself": {"model": "cytoself", "profile": "paper"},
    "classic": {"model": "classic"},
    "classic_pca": {"model": "classic", "pca": 0.95},
    "random": {"model": "random", "width": 1.0, "dense": 512},
    "one_hot": {"model": "one_hot"},
}


def settings(*, published: bool) -> dict[str, Any]:
    """The file's values, at the published size where that is asked for."""
    values: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "paper_b.yaml").read_text(encoding="utf-8"))
    if published:
        values["data"]["screen"] |= {
            "processes_per_compartment": 7, "pathways_per_process": 4, "complexes_per_pathway": 2,
            "proteins_per_complex": 4, "cells_per_field": 30,
        }  # fmt: skip
        values["localize"]["encoders"] = PUBLISHED
    return values


def jobs(values: dict[str, Any], out: Path) -> Iterator[Job]:
    """Everything there is to do, in an order in which it can be done."""
    run = config.parse_config(values, "examples/paper_b.yaml")
    assert run.localize and run.embed and run.evaluate
    data, split = out / "data", out / "split"
    yield Job(data, ["data", "--dataset", "screen", "--config", config.as_json(run.data["screen"])])
    sides = config.as_json(run.localize.split)
    yield Job(split, ["split", "--crops", str(data), "--config", sides, "--fold", "0"], (data,))
    embedded = []
    for seed in run.seeds:
        for name, encoder in run.localize.encoders.items():
            if encoder.model in UNTRAINED and seed != run.seeds[0]:
                continue
            model, places = out / "localize" / name / f"seed{seed}", out / "embed" / name / f"seed{seed}"
            command = ["localize", "--crops", str(data), "--split", str(split), "--encoder", name]
            command += ["--config", config.as_json(encoder), "--seed", str(seed)]
            yield Job(model, command, (data, split))
            command = ["embed", "--crops", str(data), "--model", str(model), "--config", config.as_json(run.embed)]
            yield Job(places, command, (data, model))
            embedded.append(places)
    named = [word for places in embedded for word in ("--embeddings", str(places))]
    command = ["evaluate", *named, "--data", str(data), "--config", config.as_json(run.evaluate)]
    yield Job(out / "evaluate", command, tuple(embedded))


def main_rows(scores: pd.DataFrame, recognized: pd.DataFrame) -> pd.DataFrame:
    """The scores of each encoder's own layer and last epoch: those of which there are cells."""
    keys = ["encoder", "layer", "epoch", "seed"]
    return scores.merge(recognized[keys].drop_duplicates(), on=keys)


def by_scale(scores: pd.DataFrame, scales: Sequence[str] = SCALES) -> str:
    """A markdown table: a row an encoder, a column a scale."""
    lines = [f"| encoder | {' | '.join(scales)} |", "|" + "---|" * (len(scales) + 1)]
    for name, rows in scores.groupby("encoder", sort=False):
        cells = [accuracy(rows[rows["scale"] == scale]) for scale in scales]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    chance = [f"{scores.loc[scores['scale'] == scale, 'chance'].mean():.4f}" for scale in scales]
    return "\n".join([*lines, f"| chance | {' | '.join(chance)} |"])


def lead(scores: pd.DataFrame) -> Iterator[str]:
    """The classifier's score over that of each model without labels, scale by scale: does it grow?"""
    per_seed = scores.pivot_table(index="seed", columns=["encoder", "scale"], values="value")
    for other in UNSUPERVISED:
        ratios = pd.DataFrame({s: per_seed[SUPERVISED, s] / per_seed[other, s] for s in SCALES})
        grows = (ratios.diff(axis=1).iloc[:, 1:] > 0).all(axis=1)
        cells = [f"{s} {ratios[s].mean():.2f} [{ratios[s].min():.2f}, {ratios[s].max():.2f}]" for s in SCALES]
        n = f"{grows.sum()} of {len(grows)} seeds"
        yield f"- {SUPERVISED} / {other}: {', '.join(cells)}; grows at every step in {n}"


def curves(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores by epoch of each encoder's own layer: mean over seeds, least and largest."""
    last = scores.groupby(["encoder", "seed"])["epoch"].transform("max")
    found = scores[last > 0].groupby(["encoder", "layer", "scale", "epoch"])["value"].agg(["mean", "min", "max"])
    return found.reset_index()


def saturation(curve: pd.DataFrame) -> Iterator[str]:
    """At which epoch each scale has come up, encoder by encoder."""
    for (name, layer), rows in curve.groupby(["encoder", "layer"], sort=False):
        epochs = []
        for scale in SCALES:
            means = rows[rows["scale"] == scale].set_index("epoch")["mean"].sort_index()
            rise = (means - means.iloc[0]) / max(means.max() - means.iloc[0], 1e-12)
            epochs.append(int((rise >= SATURATED).idxmax()))
        order = "no later at coarse scales" if epochs == sorted(epochs) else "not in the order of the scales"
        yield f"- {name} ({layer}): {', '.join(f'{s} {e}' for s, e in zip(SCALES, epochs, strict=True))}: {order}"


def draw(curve: pd.DataFrame, path: Path) -> None:
    """Score by epoch: a panel a scale, a line an encoder, the range over seeds shaded."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(SCALES), figsize=(13, 3.4), layout="constrained")
    for axis, scale in zip(axes, SCALES, strict=True):
        for name, rows in curve[curve["scale"] == scale].groupby("encoder", sort=False):
            rows = rows.sort_values("epoch")
            (line,) = axis.plot(rows["epoch"], rows["mean"], label=name, linewidth=1.4)
            axis.fill_between(rows["epoch"], rows["min"], rows["max"], color=line.get_color(), alpha=0.15, linewidth=0)
        axis.set(title=scale, xlabel="epoch", ylim=(0, None))
    axes[0].set_ylabel("co-annotation AP")
    axes[-1].legend(fontsize=7, frameon=False)
    figure.savefig(path, dpi=110)


def report(out: Path, figure: Path | None) -> None:
    """Print what was found."""
    every = pd.read_parquet(out / "evaluate" / "scores.parquet")
    controls = every["encoder"].isin([SHUFFLED, PLACES])
    scores = every[(every["metric"] == "ap") & ~controls]
    recognized = pd.read_parquet(out / "evaluate" / "recognition.parquet")
    kept = main_rows(scores, recognized)
    layers = kept[["encoder", "layer"]].drop_duplicates()
    print(f"machine: {platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    print(f"{scores['n_proteins'].max()} proteins; seeds {sorted(scores['seed'].dropna().unique().tolist())}")
    print(f"\n### Co-annotation AP by scale\n\n{by_scale(kept)}")
    within = main_rows(every[every["metric"] == "ap_within"], recognized)
    print(f"\n### Co-annotation AP within compartments\n\n{by_scale(within, SCALES[1:])}")
    print("\n### Controls, AP\n")
    print(by_scale(every[(every["metric"] == "ap") & controls]))
    print("\n### What is read from cells of held-out fields")
    recognition(out)
    print("\n### The lead of the classifier\n")
    print("\n".join(lead(kept)))
    curve = curves(scores.merge(layers, on=["encoder", "layer"]))
    print("\n### Epoch at which a score has come up\n")
    print("\n".join(saturation(curve)))
    others = scores[scores["epoch"] == scores.groupby(["encoder", "seed"])["epoch"].transform("max")]
    print("\n### Layers, last epoch\n")
    for name, rows in others.groupby("encoder", sort=False):
        if rows["layer"].nunique() > 1:
            means = rows.pivot_table(index="layer", columns="scale", values="value")[SCALES]
            print(f"{name}\n{means.round(3).to_string()}\n")
    if figure is not None:
        draw(curve, figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--published", action="store_true")
    parser.add_argument("--print", action="store_true", dest="only_print")
    parser.add_argument("--figure", type=Path)
    chosen = parser.parse_args()
    started = time.monotonic()
    out = (chosen.out or Path("paper_b_published" if chosen.published else "paper_b")).absolute()
    planned = list(jobs(settings(published=chosen.published), out))
    if not chosen.only_print:
        work(planned, at_once=chosen.jobs, until=started + 60 * chosen.minutes)
        if missing := [job for job in planned if not job.done]:
            print(f"{len(planned) - len(missing)} of {len(planned)} jobs are done; run again to go on")
            return
    report(out, chosen.figure)


if __name__ == "__main__":
    main()
