"""ROC curves: each class against all others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiscope.metrics.roc import roc
from multiscope.report.album import COLOURS, Album, look
from multiscope.report.blocks import Plot, plural
from multiscope.report.classes import class_panels, panel_title
from multiscope.report.predictions import Predictions, probability

_MOST_POINTS = 300


def curves(predicted: Predictions) -> pd.DataFrame:
    """Points of the curves, a row each: class, seed, false and true positive rate; where both kinds of cells are."""
    rows = []
    for name in predicted.shown:
        for part in predicted.by_seed():
            hit, score = predicted.of(name, part), probability(part, name)
            if hit.all() or not hit.any() or not np.isfinite(score).all():
                continue
            false, true = roc(score, hit)
            kept = np.unique(np.linspace(0, len(false) - 1, _MOST_POINTS).round().astype(int))
            points = {"false_positive_rate": false[kept], "true_positive_rate": true[kept]}
            rows.append(pd.DataFrame({"class": name, "seed": part["seed"].iloc[0], **points}))
    columns = ["class", "seed", "false_positive_rate", "true_positive_rate"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def roc_curves(album: Album, predicted: Predictions, scores: pd.DataFrame) -> Plot | None:
    """One panel a class, one line a seed; `scores` are those of `class_scores`."""
    data = curves(predicted)
    if data.empty:
        return None
    with look():
        figure, axes = class_panels(len(scores))
        for axis, score in zip(axes, scores.to_dict("records"), strict=True):
            own = data[data["class"] == score["class"]]
            for _, line in own.groupby("seed", dropna=False):
                x, y = line["false_positive_rate"], line["true_positive_rate"]
                axis.plot(x, y, color=COLOURS[0], linewidth=1.2, alpha=0.8)
            panel_title(axis, score, "auc", "AUC", digits=3)
            n_others = score["n_all"] - score["n_cells"]
            note = f"{plural(score['n_cells'], 'cell')}\nagainst {n_others:,}"
            axis.text(0.97, 0.05, note, ha="right", va="bottom", fontsize=8, color="#3C4750")
        figure.supxlabel("false positive rate: share of the other cells that pass", fontsize=10)
        figure.supylabel("true positive rate: share of its cells that pass", fontsize=10)
        return album.add(f"roc_{predicted.encoder}", figure, data, **_words(predicted, scores))


def _words(predicted: Predictions, scores: pd.DataFrame) -> dict[str, str]:
    seeds = int(scores["n_seeds"].iloc[0])
    lines = f" One line for each of {seeds} seeds, the area their mean." if seeds > 1 else ""
    return {
        "title": f"{predicted.encoder}: is each class told from the others?",
        "alt": f"ROC curves of {predicted.encoder} for {', '.join(scores['class'].astype(str))}.",
        "caption": (
            f"{plural(len(predicted.first), 'test cell')}, each class against all others, for every threshold on its "
            "probability. The area under the curve (AUC) is how often a cell of the class has a higher probability of "
            f"it than another cell: 0.5 by chance (dashed), 1 at best; its 95% interval is over fields.{lines}"
        ),
    }
