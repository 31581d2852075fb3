"""The numbers of a finished run, with seeds and spread, as Markdown.

    python benchmarks/summary.py results

Restoration: mean over test images, then mean and range over seeds, and the paired gain over the input with a bootstrap
interval over fields. Localization: accuracy on held-out fields. Profiles: AP and retrieval with their intervals.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

import numpy as np
import pandas as pd

KEYS = ["dataset", "defect", "setting", "n_pairs", "augmentation", "metric", "rule"]


def machine() -> str:
    """Processor and cores."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {len(names)} cores"


def over_seeds(values: pd.Series) -> str:
    """Mean, and the range where there is more than one seed."""
    spread = f" ({values.min():.3f} to {values.max():.3f})" if len(values) > 1 else ""
    return f"{values.mean():.3f}{spread}"


def gain_interval(table: pd.DataFrame) -> str:
    """Gain of each method over the input: 95 % bootstrap interval over fields, seeds and channels averaged."""
    table = table.assign(field=table["image_id"].str.split("/").str[0])
    mean = table.groupby(["field", "method"])["value"].mean().unstack()
    gain = (mean["cgan"] - mean["input"]).to_numpy()
    draws = np.random.default_rng(0).choice(gain, (2000, len(gain))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return f"{gain.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def restoration(results: Path) -> None:
    scores = pd.read_parquet(results / "restore" / "scores.parquet")
    first = scores.iloc[0]
    print(
        f"\n{scores['image_id'].nunique()} test images of {first['dataset']}; seeds {scores['seed'].unique().tolist()};"
    )
    print(f"n_pairs {first['n_pairs']}, augmentation {first['augmentation']}, setting {first['setting']}\n")
    print("| metric | rule | defect | input | cgan | gain (95 % over fields) |\n|---|---|---|---|---|---|")
    for key, group in scores.groupby(KEYS):
        by_seed = group.groupby(["method", "seed"])["value"].mean()
        cells = [over_seeds(by_seed["input"].drop_duplicates()), over_seeds(by_seed["cgan"]), gain_interval(group)]
        print(f"| {key[5]} | {key[6]} | {key[1]} | " + " | ".join(cells) + " |")


def localization(results: Path) -> None:
    print(
        "\n| encoder | seed | accuracy, held-out fields | majority class | cells | fields |\n|---|---|---|---|---|---|"
    )
    for path in sorted((results / "localize").glob("*/seed*/predictions.parquet")):
        table = pd.read_parquet(path).query("split == 'test'")
        right = (table["truth"] == table["predicted"]).mean()
        chance = table["truth"].value_counts(normalize=True).max()
        encoder, seed = path.parts[-3], path.parts[-2].removeprefix("seed")
        print(f"| {encoder} | {seed} | {right:.3f} | {chance:.3f} | {len(table)} | {table['field_id'].nunique()} |")


def profiles(results: Path) -> None:
    for name in ("scores", "retrieval"):
        table = pd.read_parquet(results / "evaluate" / f"{name}.parquet")
        if len(table) == 0:
            continue
        what = ["scale"] if name == "scores" else []
        print(f"\n{name}: {table['n_proteins'].iloc[0]} proteins\n")
        print("| " + " | ".join([*what, "source", "encoder", "seed", table["metric"].iloc[0], "95 %", "chance"]) + " |")
        print("|" + "---|" * (len(what) + 6))
        for row in table.sort_values([*what, "encoder", "source", "seed"]).to_dict("records"):
            interval = f"{row['ci_low']:.3f} to {row['ci_high']:.3f}"
            cells = [
                *(row[w] for w in what),
                row["source"],
                row["encoder"],
                row["seed"],
                f"{row['value']:.3f}",
                interval,
            ]
            print("| " + " | ".join(map(str, cells)) + f" | {row['chance']:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    results: Path = parser.parse_args().results
    report = json.loads((results / "report" / "manifest.json").read_text(encoding="utf-8"))
    packages = {name: report["packages"][name] for name in ("python", "torch", "scikit-image")}
    print(f"machine: {machine()}; {packages}")
    for stage, show in (("restore", restoration), ("localize", localization), ("evaluate", profiles)):
        if (results / stage).is_dir():
            show(results)


if __name__ == "__main__":
    main()
