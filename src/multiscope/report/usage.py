"""Time and memory of each rule, from Snakemake's benchmark files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from multiscope.errors import InputError
from multiscope.report.album import COLOURS, WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import Plot, number

MOST_RULES = 30
_MOST_BYTES = 2**20


def read_benchmarks(folder: Path) -> pd.DataFrame:
    """One row a job: rule, file, seconds, peak memory (MB), CPU seconds; NaN where the job was too short to tell."""
    if not folder.is_dir():
        raise InputError(f"{folder}: is not a folder; name the one with the benchmark files, or leave it out")
    parts = [_read_one(path, folder) for path in sorted(folder.rglob("*.tsv"))]
    columns = ["rule", "file", "seconds", "memory_mb", "cpu_seconds"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _read_one(path: Path, folder: Path) -> pd.DataFrame:
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{path}: is too large for a benchmark file of Snakemake; remove it from the folder")
    try:
        table = pd.read_csv(path, sep="\t", dtype=str)
        seconds = table["s"]
    except (ValueError, KeyError, UnicodeDecodeError, pd.errors.ParserError):
        raise InputError(f"{path}: is not a benchmark file of Snakemake (no column 's'); remove it") from None
    inside = path.relative_to(folder)
    empty = pd.Series(np.nan, index=table.index)
    return pd.DataFrame(
        {
            "rule": inside.parts[0] if len(inside.parts) > 1 else path.stem,
            "file": inside.as_posix(),
            "seconds": pd.to_numeric(seconds, errors="coerce"),
            "memory_mb": pd.to_numeric(table.get("max_rss", empty), errors="coerce"),
            "cpu_seconds": pd.to_numeric(table.get("cpu_time", empty), errors="coerce"),
        }
    )


def by_rule(jobs: pd.DataFrame) -> pd.DataFrame:
    """Jobs, total seconds, total CPU seconds and highest memory by rule, the longest first."""
    grouped = jobs.groupby("rule").agg(
        jobs=("file", "size"),
        seconds=("seconds", "sum"),
        cpu_seconds=("cpu_seconds", lambda column: column.sum(min_count=1)),
        memory_mb=("memory_mb", "max"),
    )
    return grouped.sort_values(["seconds", "jobs"], ascending=False).reset_index()


def usage_bars(album: Album, rules: pd.DataFrame) -> Plot:
    """Two panels: time and memory by rule."""
    shown = rules.head(MOST_RULES)
    with look():
        figure = new_figure(WIDTH, 0.9 + 0.3 * len(shown))
        panels = figure.subplots(1, 2, sharey=True)
        described = (("seconds", "time of all jobs (s)", 1), ("memory_mb", "highest memory of a job (MB)", 0))
        for axis, (column, title, digits), colour in zip(panels, described, COLOURS, strict=False):
            values = shown[column].to_numpy(float)
            bars = axis.barh(range(len(shown)), np.nan_to_num(values), color=colour, height=0.7)
            written = [number(value, digits) if value == value else "not measured" for value in values]
            axis.bar_label(bars, written, padding=4, fontsize=8.5)
            axis.set(xlabel=title, ylim=(len(shown) - 0.5, -0.5))
            axis.margins(x=0.16)
            axis.set_yticks(range(len(shown)), [short(rule, 30) for rule in shown["rule"]])
            axis.tick_params(axis="y", length=0)
        limit = f" The {MOST_RULES} longest of {len(rules)} rules." if len(rules) > MOST_RULES else ""
        longest = rules.iloc[0]
        return album.add(
            "usage",
            figure,
            rules,
            alt=f"Time and memory by rule; the longest is {longest['rule']} with {number(longest['seconds'], 0)} s.",
            caption=f"Time summed over the jobs of a rule, and the highest memory any of them held.{limit}",
        )
