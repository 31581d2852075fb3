"""What profiles know beyond the compartment: co-annotation among all proteins beside that within one place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from multiscope.report.album import COLOURS, GREY, WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import Plot
from multiscope.report.scores import METRICS, panel_title, panels, reference_source

MOST_ENCODERS = 12
SHOWN = {"ap": "all pairs", "ap_within": "pairs of one place"}
_COLOURS = {"ap": COLOURS[5], "ap_within": COLOURS[1]}
_LOGARITHMIC = 6.0
"""Times chance, from which axes are logarithmic."""


def beyond_dots(album: Album, scores: pd.DataFrame) -> Plot | None:
    """A panel a standard, a line an encoder, AP and AP within places as multiples of chance; 1 is chance."""
    chosen = scores[scores["metric"].isin(SHOWN) & scores["over_chance"].notna()]
    within = chosen[(chosen["metric"] == "ap_within") & ~chosen["control"]]
    if within.empty:
        return None
    source = reference_source(within)
    chosen = chosen[(chosen["source"] == source) & chosen["standard"].isin(set(within["standard"]))]
    every = panels(chosen)
    encoders = list(dict.fromkeys(chosen.loc[~chosen["control"], "label"]))
    names = [*encoders[:MOST_ENCODERS], *dict.fromkeys(chosen.loc[chosen["control"], "label"])]
    logarithmic = _highest(chosen) > _LOGARITHMIC
    columns = min(3, len(every))
    lines = -(-len(every) // columns)
    with look():
        figure = new_figure(min(WIDTH, 1.7 + 3.1 * columns), lines * (0.9 + 0.36 * len(names)) + 0.4, gap=0.05)
        axes = figure.subplots(lines, columns, squeeze=False, sharey=True)
        for axis, panel in zip(axes.flat, every, strict=False):
            part = chosen[(chosen["scale"] == panel[0]) & (chosen["standard"] == panel[1])]
            _dots(axis, part, names, n_encoders=len(encoders[:MOST_ENCODERS]))
            _scale(axis, part, logarithmic=logarithmic)
            axis.set_title(short(panel_title(panel, every), 30))
        for axis in list(axes.flat)[len(every) :]:
            axis.set_visible(False)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        return album.add("beyond_compartment", figure, chosen, **_words(encoders, source))


def _dots(axis: Axes, part: pd.DataFrame, names: Sequence[str], *, n_encoders: int) -> None:
    for number, (metric, label) in enumerate(SHOWN.items()):
        rows = part[part["metric"] == metric].drop_duplicates("label").set_index("label").reindex(list(names))
        at = np.arange(len(names)) + (number - 0.5) * 0.32
        low, value, high = ((rows[key] / rows["chance"]).to_numpy(float) for key in ("ci_low", "value", "ci_high"))
        colours = [_COLOURS[metric] if row < n_encoders else GREY for row in range(len(names))]
        axis.hlines(at, np.maximum(low, 1e-3), high, colors=colours, linewidth=2.2, alpha=0.55)
        marker = "o" if metric == "ap" else "D"
        axis.scatter(value, at, s=34, c=colours, marker=marker, zorder=3, edgecolors="white", linewidths=0.5)
        axis.scatter([], [], s=34, c=_COLOURS[metric], marker=marker, label=f"{METRICS[metric]} ({label})")
    axis.axvline(1.0, color="black", linewidth=1.2, label="chance")
    axis.set_yticks(range(len(names)), [short(name, 22) for name in names])
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlabel("times chance")
    axis.grid(axis="x", color="#E4E8EB", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(axis="y", length=0)


def _highest(part: pd.DataFrame) -> float:
    return float(np.nanmax(part[["value", "ci_high"]].div(part["chance"], axis=0).to_numpy(float)))


def _scale(axis: Axes, part: pd.DataFrame, *, logarithmic: bool) -> None:
    """From zero where scores are near chance, else logarithmic."""
    if not logarithmic:
        axis.set_xlim(0, max(1.6, 1.05 * _highest(part)))
        return
    axis.set_xscale("log")
    axis.set_xlim(0.4, max(2.0, 1.2 * _highest(part)))
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _words(encoders: Sequence[str], source: str) -> dict[str, str]:
    left = f" The first {MOST_ENCODERS} of {len(encoders)} encoders." if len(encoders) > MOST_ENCODERS else ""
    return {
        "alt": f"Scores over chance of {', '.join(encoders[:MOST_ENCODERS])}: among all pairs, and within places.",
        "caption": f"Scores as multiples of chance, on {source} images; lines: intervals. Chance is that of each "
        "score: the share of related pairs among all pairs, and among pairs of one place. Grey: controls. Axes "
        f"are logarithmic where a score is far above chance; a line at the left edge goes on beyond it.{left}",
    }
