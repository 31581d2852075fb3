"""How well each class is told by a classifier: scores by class, and a figure with a panel for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multiscope.metrics.calibration import calibration_error
from multiscope.metrics.intervals import Interval
from multiscope.metrics.roc import roc_area
from multiscope.report.album import GREY, WIDTH, ends, new_figure
from multiscope.report.blocks import NONE, Cell, Table, number, percent
from multiscope.report.predictions import Flags, Predictions, probability

_COLUMNS, _MANY, _COLUMNS_OF_MANY = 4, 8, 6


def class_scores(predicted: Predictions) -> pd.DataFrame:
    """A row a class that is shown: its cells, recall, precision, calibration error and area under the ROC curve.

    Means over the seeds; intervals reach from the lowest to the highest bound of any seed.
    """
    parts = predicted.by_seed()
    rows = []
    for name in predicted.shown:
        own = [(part, predicted.of(name, part), np.nan_to_num(probability(part, name))) for part in parts]
        named = [predicted.names(name, part) for part in parts]
        error = [calibration_error(p, hit, part["unit"]) for part, hit, p in own]
        area = [roc_area(p, hit, part["unit"]) for part, hit, p in own]
        row = {
            "class": name,
            "n_cells": int(predicted.of(name, predicted.first).sum()),
            "n_all": len(predicted.first),
            "n_seeds": len(parts),
            "recall": _mean([_share(n, hit) for n, (_, hit, _) in zip(named, own, strict=True)]),
            "precision": _mean([_share(hit, n) for n, (_, hit, _) in zip(named, own, strict=True)]),
        }
        rows.append(row | _over_seeds("ece", error) | _over_seeds("auc", area))
    return pd.DataFrame(rows)


def _share(what: Flags, among: Flags) -> float:
    return float(what[among].mean()) if among.any() else float("nan")


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _over_seeds(name: str, found: Sequence[Interval]) -> dict[str, float]:
    bounds = {"low": min, "high": max}
    known = {end: [b for b in (getattr(each, end) for each in found) if not np.isnan(b)] for end in bounds}
    ends = {f"{name}_{end}": pick(known[end]) if known[end] else float("nan") for end, pick in bounds.items()}
    return {name: _mean([each.value for each in found]), **ends}


def class_table(scores: pd.DataFrame) -> Table:
    """The scores in a table."""
    headers = ["class", "test cells", "recall", "precision", "calibration error", "95% interval", "AUC", "95% interval"]
    rows = []
    for row in scores.to_dict("records"):
        measured = [
            Cell(text, number=True)
            for name in ("ece", "auc")
            for text in (number(row[name], 3), _between(row, name, 3) or NONE)
        ]
        shares = [Cell(percent(row[name], 1), number=True) for name in ("recall", "precision")]
        head = [Cell(str(row["class"]), head=True), Cell(f"{row['n_cells']:,}", number=True)]
        rows.append([*head, *shares, *measured])
    return Table(headers, rows)


def class_panels(n: int) -> tuple[Figure, list[Axes]]:
    """A figure with `n` square panels for shares, with the diagonal."""
    most = _COLUMNS if n <= _MANY else _COLUMNS_OF_MANY
    columns = min(most, n)
    lines = -(-n // columns)
    side = WIDTH / most
    figure = new_figure(max(side * columns, 4.0), (side + 0.25) * lines, gap=0.04)
    axes = list(figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).flat)
    for axis in axes[:n]:
        axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal")
        axis.grid(color="#E4E8EB", linewidth=0.8)
        axis.set_axisbelow(True)
        axis.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
        axis.tick_params(labelbottom=True, labelleft=True)
    for axis in axes[n:]:
        axis.set_visible(False)
    return figure, axes[:n]


def panel_title(axis: Axes, score: Mapping[Any, Any], key: str, what: str, *, digits: int = 2) -> None:
    """The class and its score `key`, called `what`, with its interval where there is one."""
    interval = _between(score, key, digits)
    said = f"{what} {number(score[key], digits)}" + (f" ({interval})" if interval else "")
    axis.set_title(f"{ends(score['class'], 22)}\n{said}", fontsize=8.5)


def _between(score: Mapping[Any, Any], key: str, digits: int) -> str:
    """The interval of a score in words; nothing where there is none."""
    low, high = (number(score[f"{key}_{end}"], digits) for end in ("low", "high"))
    return "" if low == NONE else f"{low} to {high}"
