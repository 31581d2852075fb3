"""All scores of a standard as a table: a row an encoder, a column a score."""

from __future__ import annotations

import math

import pandas as pd

from multiscope.report.blocks import NONE, Cell, Table, Tone, number
from multiscope.report.differences import Differences
from multiscope.report.inputs import Folder, read_table
from multiscope.report.scores import METRICS, RUN, metrics_of, own_layers

_CHANCE_IS_NOTHING = ("ami", "ami_best")
"""Scores whose chance is zero or next to it, so that a multiple of it says nothing."""
MOST_CHOICES = 200
"""Rows of the table of choices."""


def standard_table(
    scores: pd.DataFrame,
    differences: Differences | None,
    panel: tuple[str, str],
    source: str,
    *,
    circular: bool = False,
) -> Table | None:
    """Scores of `source` against one standard; encoders by their first score, then controls, then chance."""
    own = scores[(scores["scale"] == panel[0]) & (scores["standard"] == panel[1]) & (scores["source"] == source)]
    own = own[own["value"].notna()]
    encoders, controls = own[~own["control"]], own[own["control"]]
    if encoders.empty:
        return None
    metrics = metrics_of(own)
    best = {metric: _clear_best(encoders, differences, panel[1], metric) for metric in metrics}
    rows = []
    for label in _by_first(encoders, metrics[0]):
        of_label = encoders[encoders["label"] == label].set_index("metric")
        strong = {metric for metric, name in best.items() if name == label}
        rows.append([Cell(label, _seeds(of_label), head=True), *_value_cells(of_label, metrics, strong)])
    for label in controls["label"].unique():
        of_label = controls[controls["label"] == label].set_index("metric")
        rows.append([Cell(str(label), head=True, tone="soft"), *_value_cells(of_label, metrics, set(), control=True)])
    rows.append(
        [Cell("chance", head=True, tone="soft"), *(_chance(own[own["metric"] == metric]) for metric in metrics)]
    )
    return Table(
        ["encoder", *(METRICS.get(metric, metric) for metric in metrics)],
        rows,
        _caption(own, panel, source, circular=circular),
    )


def _caption(own: pd.DataFrame, panel: tuple[str, str], source: str, *, circular: bool) -> str:
    counts = []
    for column, what in (("n_proteins", "proteins"), ("n_terms", "terms")):
        number_of = own[column].max()
        counts += [] if pd.isna(number_of) else [f"{int(number_of):,} {what}"]
    return f"{panel[0]} ({panel[1]}), {source} images: {', '.join(counts)}{'; circular, see above' if circular else ''}"


def _by_first(encoders: pd.DataFrame, metric: str) -> list[str]:
    """Labels, the highest score of `metric` first, then those without it."""
    first = encoders[encoders["metric"] == metric].sort_values("value", ascending=False, kind="stable")["label"]
    return [str(label) for label in dict.fromkeys([*first, *encoders["label"]])]


def _clear_best(encoders: pd.DataFrame, differences: Differences | None, standard: str, metric: str) -> str:
    """The label of the highest score, where it is clearly above the second; else an empty text."""
    ranked = encoders[encoders["metric"] == metric].sort_values("value", ascending=False, kind="stable")
    if differences is None or len(ranked) < 2:
        return ""
    first, second = ((str(row["source"]), str(row["name"])) for _, row in ranked.iloc[:2].iterrows())
    found = differences.between(standard, metric, first, second)
    return str(ranked["label"].iloc[0]) if found is not None and found.low > 0 else ""


def _seeds(of_label: pd.DataFrame) -> str:
    n = int(of_label["n_seeds"].max())
    return f"{n} seeds" if n > 1 else ""


def _value_cells(of_label: pd.DataFrame, metrics: list[str], strong: set[str], *, control: bool = False) -> list[Cell]:
    tone: Tone = "soft" if control else ""
    cells = []
    found = {str(metric): row for metric, row in of_label.iterrows()}
    for metric in metrics:
        if metric not in found:
            cells.append(Cell(NONE, number=True, tone=tone))
            continue
        text = number(float(found[metric]["value"]), 3)
        cells.append(Cell(text, _note(found[metric]), strong=metric in strong, number=True, tone=tone))
    return cells


def _note(row: pd.Series) -> str:
    """Interval, score over chance and spread over seeds, a line each."""
    lines = []
    if not (pd.isna(row["ci_low"]) or pd.isna(row["ci_high"])):
        lines.append(f"{number(float(row['ci_low']), 2)} to {number(float(row['ci_high']), 2)}")
    if not (pd.isna(row["over_chance"]) or row.name in _CHANCE_IS_NOTHING):
        lines.append(f"{over_chance(float(row['over_chance']))}-fold")
    if row["n_seeds"] > 1 and not pd.isna(row["sd_seeds"]):
        lines.append(f"± {number(float(row['sd_seeds']), 3)}")
    return "\n".join(lines)


def over_chance(ratio: float) -> str:
    """So many times chance, in the digits that a reader needs."""
    return number(ratio, 2 if ratio < 9.995 else 0)


def _chance(of_metric: pd.DataFrame) -> Cell:
    """Chance of a column, from the lowest to the highest where it depends on what was chosen."""
    values = of_metric["chance"].dropna().astype(float)
    low, high = (values.min(), values.max()) if len(values) else (math.nan, math.nan)
    text = number(low, 3) if number(low, 3) == number(high, 3) else f"{number(low, 3)} to {number(high, 3)}"
    return Cell(text, number=True, tone="soft")


def choices(evaluated: Folder) -> Table | None:
    """How each score came about where something was chosen for it: cuts, clusterings."""
    table = read_table(evaluated.path / "scores.parquet", [*RUN, "standard", "metric"])
    if "chosen" not in table:
        return None
    own = own_layers(table, evaluated)
    own = own[own["chosen"].fillna("").astype(str) != ""]
    if own.empty:
        return None
    rows = [
        [
            Cell(str(row["standard"]), head=True),
            Cell(METRICS.get(str(row["metric"]), str(row["metric"]))),
            Cell(str(row["encoder"])),
            Cell(NONE if pd.isna(row["seed"]) else str(row["seed"]), number=True),
            Cell(str(row["source"])),
            Cell(str(row["chosen"])),
        ]
        for _, row in own.iloc[:MOST_CHOICES].iterrows()
    ]
    left = f"The first {MOST_CHOICES} of {len(own):,}; all are in scores.csv." if len(own) > MOST_CHOICES else ""
    return Table(["standard", "score", "encoder", "seed", "images", "chosen"], rows, left)
