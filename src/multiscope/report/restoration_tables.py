"""Tables of restoration scores, always with the input's row."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from multiscope.report.blocks import NONE, Cell, Table, number
from multiscope.report.restoration import INPUT, MAIN, MEASURES, RULES, Change, measure, ranked


def main_table(compared: pd.DataFrame, rule: str = "fixed") -> Table:
    """All methods by defect: PSNR and SSIM under one rule, their change from the input, the spread over seeds."""
    rows = compared[compared["rule"] == rule]
    metrics = [metric for metric in MAIN if metric in set(rows["metric"])]
    lines = []
    for where, part in _by_defect(rows):
        first = part[part["metric"] == metrics[0]]
        for number_of, label in enumerate(ranked(first)):
            own = {str(row["metric"]): row for _, row in part[part["label"] == label].iterrows()}
            cells = [cell for metric in metrics for cell in _pair_of_cells(own.get(metric), part, metric)]
            counted = first[first["label"] == label].iloc[0]
            head = Cell(where if number_of == 0 else "", head=number_of == 0)
            counts = [Cell(f"{counted[column]:,}", number=True) for column in ("n_fields", "n_images")]
            lines.append([head, Cell(_name(label), counted["how"]), *cells, *counts])
    groups = [("", 2), *((measure(metric).header, 2) for metric in metrics), ("", 2)]
    headers = ["defect", "method", *(name for _ in metrics for name in ("mean", "change")), "fields", "images"]
    caption = (
        f"Rule: {rule}. Mean over test images, and its change from the input; small: 95% intervals (bootstrap over "
        "fields; of the change, paired). The highest mean of each defect is bold."
    )
    if (rows["n_seeds"] > 1).any():
        caption += " seeds ±: standard deviation of the means of the seeds."
    return Table(headers, lines, caption, groups)


def details_table(compared: pd.DataFrame, rule: str) -> Table:
    """Every metric under one rule: means with their change from the input."""
    rows = compared[compared["rule"] == rule]
    metrics = sorted(
        set(rows["metric"]), key=lambda name: (list(MEASURES).index(name) if name in MEASURES else 99, name)
    )
    lines = []
    for where, part in _by_defect(rows):
        for number_of, label in enumerate(ranked(part[part["metric"] == metrics[0]])):
            own = {str(row["metric"]): row for _, row in part[part["label"] == label].iterrows()}
            cells = [_mean_with_change(own.get(metric), part, metric) for metric in metrics]
            head = Cell(where if number_of == 0 else "", head=number_of == 0)
            lines.append([head, Cell(_name(label)), *cells])
    headers = ["defect", "method", *(measure(metric).header for metric in metrics)]
    caption = "Mean over test images; small: 95% interval of the change from the input. ↓: lower is better."
    return Table(headers, lines, caption)


def rules_of(compared: pd.DataFrame) -> list[str]:
    """Rules that have scores, the known ones first."""
    found = set(compared["rule"])
    return [rule for rule in RULES if rule in found] + sorted(found - set(RULES))


def _by_defect(rows: pd.DataFrame) -> Sequence[tuple[str, pd.DataFrame]]:
    several = rows["dataset"].nunique() > 1
    return [
        (f"{dataset}: {defect}" if several else str(defect), part)
        for (dataset, defect), part in rows.groupby(["dataset", "defect"], sort=True)
    ]


def _name(label: str) -> str:
    return "input (nothing done)" if label == INPUT else label


def _pair_of_cells(row: pd.Series | None, part: pd.DataFrame, metric: str) -> list[Cell]:
    """Mean with its interval, and change with its own."""
    if row is None:
        return [Cell(NONE, number=True), Cell(NONE, number=True)]
    digits = measure(metric).digits
    mean = number(row["mean"], digits)
    seeds = f"; seeds ± {number(row['sd_seeds'], digits)}" if row["n_seeds"] > 1 else ""
    note = f"{number(row['low'], digits)} to {number(row['high'], digits)}{seeds}" if row["low"] == row["low"] else ""
    return [Cell(mean, note, strong=_is_best(row, part, metric), number=True), change_cell(row["change"], digits)]


def change_cell(change: Change | None, digits: int) -> Cell:
    """A change with its interval."""
    if change is None:
        return Cell("", number=True)
    return Cell(signed(change.mean, digits), interval(change, digits), number=True)


def _mean_with_change(row: pd.Series | None, part: pd.DataFrame, metric: str) -> Cell:
    if row is None:
        return Cell(NONE, number=True)
    digits = measure(metric).digits
    note = "" if row["change"] is None else interval(row["change"], digits)
    return Cell(number(row["mean"], digits), note, strong=_is_best(row, part, metric), number=True)


def _is_best(row: pd.Series, part: pd.DataFrame, metric: str) -> bool:
    means = part.loc[part["metric"] == metric, "mean"]
    best = means.min() if measure(metric).lower_is_better else means.max()
    # equal on the page is equal for the reader
    digits = measure(metric).digits
    return number(row["mean"], digits) == number(best, digits)


def signed(value: float, digits: int) -> str:
    """A number with its sign, where it is not zero in these digits."""
    return ("+" if round(value, digits) > 0 else "") + number(value, digits)


def interval(change: Change, digits: int) -> str:
    """Both ends of a change's interval with their signs; empty where there is none."""
    if change.low != change.low:
        return ""
    return f"{signed(change.low, digits)} to {signed(change.high, digits)}"
