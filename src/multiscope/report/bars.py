"""Bars of scores by scale and encoder, with intervals and chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from multiscope.evaluate.controls import PLACES, SHUFFLED
from multiscope.report.album import WIDTH, Album, look, new_figure, short, source_colour
from multiscope.report.blocks import Plot
from multiscope.report.maps import source_order
from multiscope.report.scores import METRICS, of_controls, of_encoders, panel_title, panels, reference_source

MOST_ENCODERS = 12
_CONTROL_LINES = {PLACES: ("places alone", (0, (5, 2))), SHUFFLED: ("shuffled profiles", (0, (1, 1.5)))}


def score_bars(album: Album, scores: pd.DataFrame, metric: str = "ap") -> Plot | None:
    """One panel a standard, one group of bars an encoder, one bar a source; black: chance, lines: controls."""
    chosen = of_encoders(scores, metric)
    if chosen.empty:
        return None
    controls = of_controls(scores, metric)
    standards = panels(chosen)
    encoders = list(dict.fromkeys(chosen["label"]))[:MOST_ENCODERS]
    sources = sorted(chosen["source"].unique(), key=source_order)
    columns = min(4 if len(standards) > 3 else 3, len(standards))
    lines = -(-len(standards) // columns)
    height = lines * (0.75 + len(encoders) * (0.22 * len(sources) + 0.16)) + 0.5
    with look():
        figure = new_figure(min(WIDTH, 1.7 + 3.1 * columns), max(height, 1.9), gap=0.05)
        axes = figure.subplots(lines, columns, squeeze=False, sharey=True)
        for axis, (scale, standard) in zip(axes.flat, standards, strict=False):
            part = chosen[(chosen["scale"] == scale) & (chosen["standard"] == standard)]
            _panel(axis, part, encoders, sources)
            _control_lines(axis, controls[controls["standard"] == standard])
            axis.set_title(short(panel_title((scale, standard), standards), 30))
        for axis in list(axes.flat)[len(standards) :]:
            axis.set_visible(False)
        handles = {
            label: bar for axis in axes.flat for bar, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles))
        words = _words(chosen, controls, metric, list(dict.fromkeys(chosen["label"])), sources)
        return album.add(
            f"scores_{metric}", figure, pd.concat([chosen, controls]) if len(controls) else chosen, **words
        )


def _panel(axis: Axes, part: pd.DataFrame, encoders: Sequence[str], sources: Sequence[str]) -> None:
    thickness = 0.8 / len(sources)
    for number, source in enumerate(sources):
        rows = part[part["source"] == source].set_index("label").reindex(list(encoders))
        at = np.arange(len(encoders)) - 0.4 + (number + 0.5) * thickness
        value = rows["value"].to_numpy(float)
        axis.barh(at, np.nan_to_num(value), height=0.88 * thickness, color=source_colour(source, sources), label=source)
        axis.hlines(at, rows["ci_low"].to_numpy(float), rows["ci_high"].to_numpy(float), color="#1D2730", linewidth=1.3)
        axis.vlines(
            rows["chance"].to_numpy(float), at - 0.44 * thickness, at + 0.44 * thickness,
            color="black", linewidth=2.4, label="chance" if number == len(sources) - 1 else "",
        )  # fmt: skip
    axis.set_yticks(range(len(encoders)), [short(name, 22) for name in encoders])
    axis.set_ylim(len(encoders) - 0.5, -0.5)
    top = float(np.nanmax(part[["value", "ci_high", "chance"]].to_numpy(float)))
    axis.set_xlim(min(0.0, float(np.nanmin(part[["value", "ci_low"]].to_numpy(float)))), 1.0 if top <= 1 else None)
    axis.grid(axis="x", color="#E4E8EB", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(axis="y", length=0)


def _control_lines(axis: Axes, controls: pd.DataFrame) -> None:
    """A line through all bars for each control, of the clean source."""
    if controls.empty:
        return
    own = controls[controls["source"] == reference_source(controls)].set_index("encoder")["value"]
    for name, (label, dashes) in _CONTROL_LINES.items():
        if name in own.index:
            axis.axvline(float(own[name]), color="#5B6670", linewidth=1.2, linestyle=dashes, label=label, zorder=3)


def _words(
    chosen: pd.DataFrame, controls: pd.DataFrame, metric: str, encoders: list[str], sources: list[str]
) -> dict[str, str]:
    limit = (
        f" Only the first {MOST_ENCODERS} of {len(encoders)} encoders are drawn."
        if len(encoders) > MOST_ENCODERS
        else ""
    )
    seeds = int(chosen["n_seeds"].max())
    over = f" Bars are means over {seeds} seeds; lines span the intervals of all of them." if seeds > 1 else ""
    if len(controls):
        over += (
            " Dashed: profiles that say nothing but the place of a protein; dotted: profiles dealt to other proteins."
        )
    top = chosen.iloc[int(chosen["value"].to_numpy(float).argmax())]
    return {
        "alt": f"Bars of {metric} for {', '.join(encoders[:MOST_ENCODERS])} on {', '.join(sources)} images. Highest: "
        f"{top['label']} on {top['source']}, {top['scale']}, {top['value']:.2f}.",
        "caption": f"{METRICS.get(metric, metric)} by scale. Thin line: interval. Black mark: chance.{over}{limit}",
    }
