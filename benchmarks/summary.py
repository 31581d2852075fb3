"""The numbers of a finished run, with seeds and spread, as Markdown.

    python benchmarks/summary.py results

Restoration: for each method the mean over test images, with its range over seeds, and the gain over the input on the
same images with its 95 % bootstrap interval over fields. Localization: accuracy on labelled test cells. Profiles: AP,
with that of the controls, and retrieval with their intervals. Cells: accuracy of a linear probe and of neighbours.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

import pandas as pd

from multiscope.metrics.intervals import paired_interval
from multiscope.report.inputs import open_folders
from multiscope.report.scores import own_and_controls


def machine() -> str:
    """Processor and cores."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {len(names)} cores"


def over_seeds(values: pd.Series) -> str:
    """Mean, and the range where there is more than one seed."""
    spread = f" ({values.min():.3f} to {values.max():.3f})" if len(values) > 1 else ""
    return f"{values.mean():.3f}{spread}"


def gain(scores: pd.DataFrame, method: str) -> str:
    """A method's mean, and its gain over the input on the same images, with the interval over fields."""
    per_image = scores.groupby(["method", "image_id"])["value"].mean().unstack("method")
    fields = per_image.index.str.rsplit("/", n=1).str[0].to_numpy()
    found = paired_interval(per_image[method].to_numpy(), per_image["input"].to_numpy(), fields)
    by_seed = scores[scores["method"] == method].groupby("seed")["value"].mean()
    return f"{over_seeds(by_seed)}: {found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def restoration(results: Path) -> None:
    paths = sorted((results / "restore").glob("*/seed*/scores.parquet"))
    scores = pd.concat([pd.read_parquet(path) for path in paths]).drop_duplicates()
    trained = scores[scores["method"] != "input"]
    methods = trained["method"].unique().tolist()
    print(f"\n{scores['image_id'].nunique()} test images, seeds {sorted(trained['seed'].unique().tolist())};")
    for key, _ in trained.groupby(["method", "augmentation", "n_pairs", "n_synthetic"]):
        print(f"{key[0]}: augmentation {key[1]}, {key[2]} real and {key[3]} synthetic pairs of each defect")
    print(f"\n| metric | rule | defect | input | {' | '.join(methods)} |\n|{'---|' * (4 + len(methods))}")
    for (metric, rule, defect), group in scores.groupby(["metric", "rule", "defect"], sort=False):
        before = group.loc[group["method"] == "input", "value"].mean()
        cells = [f"{before:.3f}", *(gain(group, method) for method in methods)]
        print(f"| {metric} | {rule} | {defect} | " + " | ".join(cells) + " |")


def localization(results: Path) -> None:
    print(
        "\n| encoder | seed | accuracy, held-out fields | majority class | cells | fields |\n|---|---|---|---|---|---|"
    )
    for path in sorted((results / "localize").glob("*/seed*/predictions.parquet")):
        table = pd.read_parquet(path).query("split == 'test' and truth != ''")
        right = (table["truth"] == table["predicted"]).mean()
        chance = table["truth"].value_counts(normalize=True).max()
        encoder, seed = path.parts[-3], path.parts[-2].removeprefix("seed")
        print(f"| {encoder} | {seed} | {right:.3f} | {chance:.3f} | {len(table)} | {table['field_id'].nunique()} |")


def profiles(results: Path) -> None:
    for name in ("scores", "retrieval"):
        table = pd.read_parquet(results / "evaluate" / f"{name}.parquet")
        if len(table) == 0:
            continue
        table = own_and_controls(table, open_folders([results / "evaluate"])[0])
        table = table[table["metric"] == "ap"] if name == "scores" else table
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
                "" if pd.isna(row["seed"]) else row["seed"],
                f"{row['value']:.3f}",
                interval,
            ]
            print("| " + " | ".join(map(str, cells)) + f" | {row['chance']:.3f} |")


def recognition(results: Path) -> None:
    """What a linear probe and neighbours read from cells: a row an encoder and source, means over seeds."""
    path = results / "evaluate" / "recognition.parquet"
    if not path.is_file():
        return
    table = pd.read_parquet(path)
    columns = [(target, metric) for target in ("localization", "protein") for metric in ("probe", "knn")]
    print(f"\naccuracy on {table['n_test_cells'].max()} test cells of {table['n_fields'].max()} fields\n")
    print("| source | encoder | " + " | ".join(f"{target}, {metric}" for target, metric in columns) + " |")
    print("|" + "---|" * (len(columns) + 2))
    for (source, encoder), rows in table.groupby(["source", "encoder"], sort=False):
        cells = [accuracy(rows[(rows["target"] == t) & (rows["metric"] == m)]) for t, m in columns]
        print(f"| {source} | {encoder} | " + " | ".join(cells) + " |")
    chance = [table.loc[table["target"] == target, "chance"].mean() for target, _ in columns]
    print("| | chance | " + " | ".join(f"{value:.3f}" for value in chance) + " |")


def accuracy(rows: pd.DataFrame) -> str:
    """Mean over seeds, the mean of their intervals, and the range over seeds."""
    if rows.empty:
        return ""
    values = rows["value"]
    spread = f" [{values.min():.3f}, {values.max():.3f}]" if len(values) > 1 else ""
    return f"{values.mean():.3f} ({rows['ci_low'].mean():.3f} to {rows['ci_high'].mean():.3f}){spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    results: Path = parser.parse_args().results
    report = json.loads((results / "report" / "manifest.json").read_text(encoding="utf-8"))
    packages = {name: report["packages"][name] for name in ("python", "torch", "scikit-image")}
    print(f"machine: {machine()}; {packages}")
    parts = {"restore": [restoration], "localize": [localization], "evaluate": [profiles, recognition]}
    for stage, shows in parts.items():
        if (results / stage).is_dir():
            for show in shows:
                show(results)


if __name__ == "__main__":
    main()
