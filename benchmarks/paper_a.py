"""The first paper's restoration table on nuclei and simulated tubules: all methods, same splits, with intervals.

    python -m benchmarks.paper_a DATA [--out paper_a] [--minutes 9] [--jobs 2] [--published]

DATA holds `dsb2018_nuclei/images`. Runs what is missing for so many minutes, stops, and says how much is left; the next
call goes on where this one stopped. When all is done (or with --print) it prints the tables: ten pairs and no pairs for
every defect and method, the curve over the number of pairs, what CIN-GAN's pairs are worth. Intervals are 95 %, from a
bootstrap over test fields of each field's mean over seeds; ranges are over seeds. `--published` takes the published
sizes, which need a GPU.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmarks.jobs import Job, work
from multiscope import config
from multiscope.folders.manifest import read_manifest
from multiscope.metrics.intervals import mean_interval, paired_interval

ROOT = Path(__file__).parent.parent
PARTS: dict[str, dict[str, Any]] = {
    "table": {},
    "curve": {"methods": ["multiscope", "care"], "n_pairs": [1, 5, 50, "all"], "unpaired": []},
    "cin_gan": {
        "methods": ["multiscope", "cgan_paper", "care"],
        "n_pairs": [1, 10],
        "augmentation": ["none", "cin_gan", "both"],
    },
    "alpha": {
        "methods": ["multiscope", "cgan_paper"],
        "n_pairs": [10],
        "augmentation": ["flips", "cin_gan"],
        "alpha": [0.3, 0.5],
        "n_synthetic": [],
        "unpaired": [],
    },
}
"""What each part changes of the file's `sweep`."""
PLAIN = {"cin_gan": "none", "alpha": "flips"}
"""What the synthetic pairs of a part are compared with."""
PUBLISHED: dict[str, dict[str, Any]] = {
    "multiscope": {"width": 64, "blocks": 9, "critic_width": 64},
    "cgan_paper": {"profile": "paper"},
    "care": {"profile": "paper"},
    "deblurgan": {"profile": "paper"},
    "cyclegan": {"profile": "paper"},
    "pix2pix": {"profile": "paper"},
}
RULE = "fixed"


def settings(data: Path, *, published: bool) -> dict[str, Any]:
    """The file's values, with the data's place, and at the published size where that is asked for."""
    values: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "paper_a.yaml").read_text(encoding="utf-8"))
    values["data_root"] = str(data.absolute())
    if published:
        values["augment"] |= {"patch_size": 128, "cin_gan": {"profile": "paper"}}
        values["restore"] |= {"steps": 3000, "batch_size": 16}
        for name, keys in PUBLISHED.items():
            model = {"model": values["restore"]["methods"][name]["model"]}
            values["restore"]["methods"][name] = model | keys
    return values


def jobs(values: dict[str, Any], out: Path, datasets: list[str], parts: list[str]) -> Iterator[Job]:
    """Everything there is to do, in an order in which it can be done."""
    run = config.parse_config(values, "examples/paper_a.yaml")
    assert run.augment and run.restore and run.sweep
    for dataset in datasets:
        folder = out / dataset
        section = config.as_json(run.data[dataset])
        yield Job(folder / "data", ["data", "--dataset", dataset, "--config", section])
        augment = run.augment.model_copy(update={"data": dataset})
        data = ["--data", str(folder / "data")]
        if {"cin_gan", "alpha"} & set(parts) and dataset == "nuclei":
            for seed in run.seeds:
                command = ["augment", *data, "--config", config.as_json(augment), "--seed", str(seed)]
                yield Job(folder / f"generator{seed}", command, (folder / "data",))
        for part in parts:
            if part != "table" and dataset != "nuclei":
                continue
            sweep = config.Sweep.model_validate(values["sweep"] | PARTS[part])
            made = sweep.needs_generator
            for seed in run.seeds:
                for method in sweep.methods:
                    plan = config.SweepPlan(
                        augment=augment,
                        restore=run.restore.model_copy(update={"methods": {method: run.restore.methods[method]}}),
                        sweep=sweep.model_copy(update={"methods": [method]}),
                    )
                    generator = folder / f"generator{seed}"
                    command = ["sweep", *data, *(["--generator", str(generator)] if made else [])]
                    yield Job(
                        folder / part / method / f"seed{seed}",
                        [*command, "--method", method, "--config", config.as_json(plan), "--seed", str(seed)],
                        (folder / "data", *([generator] if made else [])),
                    )


def gathered(jobs_done: list[Job]) -> pd.DataFrame:
    """Scores of all finished sweeps, with the part each is of."""
    tables = [pd.read_parquet(job.out / "scores.parquet").assign(part=job.out.parent.parent.name) for job in jobs_done]
    return pd.concat(tables, ignore_index=True)


def of_field(image_id: pd.Series[str]) -> pd.Series[str]:
    return image_id.str.rsplit("/", n=1).str[0]


def cell(scores: pd.DataFrame) -> str:
    """Mean, interval over fields, range over seeds."""
    per_image = scores.groupby("image_id")["value"].mean()
    found = mean_interval(per_image.to_numpy(), of_field(per_image.index.to_series()).to_numpy())
    seeds = scores.groupby("seed")["value"].mean()
    spread = f" [{seeds.min():.2f}, {seeds.max():.2f}]" if len(seeds) > 1 else ""
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f}){spread}"


def table(scores: pd.DataFrame, rows: list[str], metric: str) -> str:
    """A markdown table: a row for each combination of `rows`, a column a defect."""
    chosen = scores[(scores["metric"] == metric) & (scores["rule"] == RULE)]
    defects = sorted(chosen["defect"].unique())
    lines = [f"| {' | '.join([*rows, *defects])} |", "|" + "---|" * (len(rows) + len(defects))]
    for key, group in chosen.groupby(rows, sort=False):
        cells = [cell(group[group["defect"] == d]) if (group["defect"] == d).any() else "" for d in defects]
        lines.append(f"| {' | '.join([*(str(k) for k in key), *cells])} |")
    return "\n".join(lines)


def differences(scores: pd.DataFrame, one: dict[str, Any], other: dict[str, Any], metric: str) -> dict[str, str]:
    """How much better `one` is than `other` on the same images, with the interval, by defect."""
    texts = {}
    chosen = scores[(scores["metric"] == metric) & (scores["rule"] == RULE)]
    for defect, group in chosen.groupby("defect"):
        sides = []
        for which in (one, other):
            mine = group
            for key, value in which.items():
                mine = mine[mine[key] == value]
            sides.append(mine.groupby("image_id")["value"].mean())
        a, b = sides[0].align(sides[1], join="inner")
        if len(a):
            found = paired_interval(a.to_numpy(), b.to_numpy(), of_field(a.index.to_series()).to_numpy())
            texts[str(defect)] = f"{found.value:+.2f} ({found.low:+.2f} to {found.high:+.2f})"
    return texts


def listed(texts: dict[str, str]) -> str:
    return "; ".join(f"{defect} {text}" for defect, text in texts.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--datasets", nargs="+", default=["nuclei", "tubules"])
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--published", action="store_true")
    parser.add_argument("--print", action="store_true", dest="only_print")
    chosen = parser.parse_args()
    started = time.monotonic()
    out = chosen.out or Path("paper_a_published" if chosen.published else "paper_a")
    values = settings(chosen.data, published=chosen.published)
    planned = list(jobs(values, out, chosen.datasets, chosen.parts))
    if not chosen.only_print:
        work(planned, at_once=chosen.jobs, until=started + 60 * chosen.minutes)
        missing = [job for job in planned if not job.done]
        if missing:
            print(f"{len(planned) - len(missing)} of {len(planned)} jobs are done; run again to go on")
            return
    report(planned, out)


def report(planned: list[Job], out: Path) -> None:
    """Print what was found."""
    finished = [job for job in planned if job.done and job.command[0] == "sweep"]
    seconds = sum(sum(read_manifest(job.out)["notes"]["seconds"].values()) for job in finished)
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores; {len(finished)} sweeps")
    print(f"trainings took {seconds / 60:.0f} minutes of one thread")
    for dataset in sorted({job.out.relative_to(out).parts[0] for job in finished}):
        scores = gathered([job for job in finished if job.out.relative_to(out).parts[0] == dataset])
        scores = scores.sort_values(["setting", "n_pairs", "augmentation", "method"], kind="stable")
        first = scores[scores["part"] == "table"]
        if len(first):
            print_methods(first, dataset)
        for part in [part for part in PARTS if part != "table" and part in set(scores["part"])]:
            print(f"\n### {dataset}: {part}, psnr, rule {RULE}\n")
            of_part = scores[scores["part"] == part]
            beside = first[first["method"].isin([*PARTS[part]["methods"], "input"])]
            rows = ["method", "augmentation", "n_synthetic", "n_pairs"]
            print(table(pd.concat([of_part, beside]).sort_values(rows), rows, "psnr"))
            if plain := PLAIN.get(part):
                print(f"\n### {dataset}: {part}, with synthetic pairs minus {plain} alone, psnr\n")
                print(gains(of_part, plain))


def print_methods(first: pd.DataFrame, dataset: str) -> None:
    """All methods on ten pairs and none, and `multiscope` beside each other."""
    for metric in ("psnr", "ssim"):
        print(f"\n### {dataset}: {metric}, rule {RULE}\n")
        print(table(first, ["setting", "n_pairs", "augmentation", "n_synthetic", "method"], metric))
    for augmentation in ("flips", "physics"):
        print(f"\n### {dataset}: multiscope minus others, 10 pairs and {augmentation} for both, psnr\n")
        ours = {"method": "multiscope", "n_pairs": 10, "augmentation": augmentation}
        for method in sorted(set(first["method"]) - {"input", "multiscope"}):
            theirs = {"method": method} | (
                {} if method == "cyclegan" else {"n_pairs": 10, "augmentation": augmentation}
            )
            if found := differences(first, ours, theirs, "psnr"):
                print(f"- {method}: {listed(found)}")
    print(f"\n### {dataset}: multiscope with 10 pairs, physics minus flips, psnr\n")
    physics, flips = ({"method": "multiscope", "n_pairs": 10, "augmentation": name} for name in ("physics", "flips"))
    print(f"- {listed(differences(first, physics, flips, 'psnr'))}")


def gains(scores: pd.DataFrame, plain: str) -> str:
    """A markdown table of what synthetic pairs add to the same real ones (`plain`: those alone), on the same images."""
    rows = ["method", "n_pairs", "augmentation", "n_synthetic"]
    added = scores[(scores["setting"] == "paired") & (scores["augmentation"] != plain)]
    defects = sorted(added["defect"].unique())
    lines = [f"| {' | '.join([*rows, *defects])} |", "|" + "---|" * (len(rows) + len(defects))]
    for _, values in added[rows].drop_duplicates().sort_values(rows).iterrows():
        alone = {"method": values["method"], "n_pairs": values["n_pairs"], "augmentation": plain}
        found = differences(scores, values.to_dict(), alone, "psnr")
        lines.append(f"| {' | '.join([*map(str, values), *(found[defect] for defect in defects)])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
