"""Reliability diagrams: what a classifier says of a class, against what is found."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from multiscope.metrics.calibration import BINS, bin_of, reliability
from multiscope.metrics.intervals import MeanInterval, mean_interval
from multiscope.report.album import COLOURS, Album, look
from multiscope.report.blocks import Plot, plural
from multiscope.report.classes import class_panels, panel_title
from multiscope.report.confusion import accuracy_interval
from multiscope.report.predictions import MOST_CLASSES, Predictions, probability

FEWEST = 5
"""Cells of a bin below which its point is drawn hollow."""


def confidence(predicted: Predictions) -> MeanInterval:
    """By how much the probability of what is named is higher than the share that is right; interval over fields."""
    table = predicted.table
    right = (table["truth"] == table["predicted"]).to_numpy(np.float64)
    return mean_interval(table["probability"].to_numpy(np.float64) - right, table["unit"])


def bins(predicted: Predictions) -> pd.DataFrame:
    """A row a class and bin that is not empty, all seeds together: cells, mean probability, share, its interval."""
    table = predicted.table
    rows = []
    for name in predicted.shown:
        known = np.isfinite(probability(table, name))
        own = table[known]
        said, hit = probability(own, name), predicted.of(name, own)
        found, index = reliability(said, hit), bin_of(said)
        for number in np.flatnonzero(found.n):
            inside = index == number
            low, high = accuracy_interval(pd.Series(hit[inside]), own["unit"][inside].reset_index(drop=True))
            row = {"class": name, "bin_low": number / BINS, "bin_high": (number + 1) / BINS, "n": found.n[number]}
            rows.append(
                row | {"probability": found.said[number], "share": found.found[number], "low": low, "high": high}
            )
    return pd.DataFrame(rows)


def calibration(album: Album, predicted: Predictions, scores: pd.DataFrame) -> Plot:
    """One panel a class; `scores` are those of `class_scores`."""
    data = bins(predicted)
    with look():
        figure, axes = class_panels(len(scores))
        for axis, score in zip(axes, scores.to_dict("records"), strict=True):
            _draw(axis, data[data["class"] == score["class"]])
            panel_title(axis, score, "ece", "error")
        figure.supxlabel("probability of the class, mean of a tenth", fontsize=10)
        figure.supylabel("share of cells that are of the class", fontsize=10)
        return album.add(f"calibration_{predicted.encoder}", figure, data, **_words(predicted, scores))


def _draw(axis: Axes, data: pd.DataFrame) -> None:
    axis.plot(data["probability"], data["share"], color=COLOURS[0], linewidth=1)
    axis.vlines(data["probability"], data["low"], data["high"], color=COLOURS[0], linewidth=1, alpha=0.6)
    for few, face in ((data["n"] < FEWEST, "white"), (data["n"] >= FEWEST, COLOURS[0])):
        chosen = data[few]
        axis.scatter(chosen["probability"], chosen["share"], s=26, color=face, edgecolors=COLOURS[0], zorder=3)


def _words(predicted: Predictions, scores: pd.DataFrame) -> dict[str, str]:
    seeds = int(scores["n_seeds"].iloc[0])
    pooled = f" Cells of {seeds} seeds together." if seeds > 1 else ""
    left = len([name for name in predicted.classes if predicted.of(name).any()]) - len(scores)
    limit = f" The {MOST_CLASSES} commonest classes; {left} more are not drawn." if left else ""
    return {
        "title": f"{predicted.encoder}: do the probabilities mean what they say?",
        "alt": f"Reliability diagrams of {predicted.encoder} for {', '.join(scores['class'].astype(str))}.",
        "caption": (
            f"{plural(len(predicted.first), 'test cell')}, all of them in each panel, in ten bins by the probability "
            "of its class. Points on the dashed line mean what they say; above it the classifier is too careful, below "
            f"too sure. Lines: 95% intervals over fields; hollow: fewer than {FEWEST} cells. Above each panel the "
            f"expected calibration error, 0 at best, and its 95% interval.{pooled}{limit}"
        ),
    }
