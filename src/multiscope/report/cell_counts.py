"""Scores by the number of cells that a profile is the mean of."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from multiscope.report.album import COLOURS, MARKERS, WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import Plot
from multiscope.report.inputs import Folder, read_table
from multiscope.report.scores import METRICS, RUN, labelled, own_layers, panel_title, panels, reference_source

MOST_ENCODERS = 7
_COLUMNS = [*RUN, "standard", "scale", "metric", "n_cells", "draw", "value", "chance", "n_proteins"]


def by_cells(album: Album, evaluated: Folder, metric: str = "ap") -> Plot | None:
    """A panel a standard, a line an encoder; None where scores were not counted by cells."""
    path = evaluated.path / "by_cells.parquet"
    if not path.is_file():
        return None
    table = own_layers(read_table(path, _COLUMNS), evaluated)
    table = table[(table["metric"] == metric) & table["value"].notna()]
    if table.empty:
        return None
    table = labelled(table)
    table = table[table["source"] == reference_source(table)]
    keys = ["scale", "standard", "label", "n_cells"]
    found = table.groupby(keys, sort=True)["value"].agg(["mean", "min", "max", "size"]).reset_index()
    chance = table.groupby("standard")["chance"].mean()
    encoders = _highest_first(found)
    return _draw(album, found, chance, encoders, metric, str(table["source"].iloc[0]))


def _highest_first(found: pd.DataFrame) -> list[str]:
    """Encoders by their mean rank over the standards, at the largest number of cells."""
    last = found[found["n_cells"] == found["n_cells"].max()]
    ranks = last.groupby("standard")["mean"].rank(ascending=False).groupby(last["label"]).mean()
    return [str(label) for label in ranks.sort_values(kind="stable").index]


def _draw(album: Album, found: pd.DataFrame, chance: pd.Series, encoders: list[str], metric: str, source: str) -> Plot:
    every = panels(found)
    columns = min(4, len(every))
    lines = -(-len(every) // columns)
    numbers = sorted(found["n_cells"].astype(int).unique())
    with look():
        figure = new_figure(min(WIDTH, 2.75 * columns + 0.3), 2.6 * lines + 0.5, gap=0.05)
        axes = figure.subplots(lines, columns, squeeze=False)
        for axis, panel in zip(axes.flat, every, strict=False):
            part = found[(found["scale"] == panel[0]) & (found["standard"] == panel[1])]
            for number, name in enumerate(encoders[:MOST_ENCODERS]):
                rows, colour = part[part["label"] == name], COLOURS[number]
                x, low, high = (rows[key].to_numpy(float) for key in ("n_cells", "min", "max"))
                axis.plot(x, rows["mean"], color=colour, marker=MARKERS[number], markersize=4, label=short(name, 22))
                axis.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
            axis.axhline(float(chance[panel[1]]), color="black", linewidth=1, linestyle=":", label="chance")
            axis.set_xscale("log")
            axis.xaxis.set_major_locator(FixedLocator([float(number) for number in numbers]))
            axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.xaxis.set_minor_locator(NullLocator())
            axis.set(title=short(panel_title(panel, every), 30), xlabel="cells a protein")
            axis.set_ylim(bottom=0)
        for axis in list(axes.flat)[len(every) :]:
            axis.set_visible(False)
        axes[0, 0].set_ylabel(METRICS.get(metric, metric))
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)))
        return album.add(f"cells_{metric}", figure, found, **_words(encoders, int(found["size"].max()), source))


def _words(encoders: list[str], n: int, source: str) -> dict[str, str]:
    left = f" The highest {MOST_ENCODERS} of {len(encoders)} encoders." * (len(encoders) > MOST_ENCODERS)
    return {
        "alt": f"Scores on {source} images by cells a protein for {', '.join(encoders[:MOST_ENCODERS])}.",
        "caption": f"Scores of profiles that are means over so many cells of each protein, on {source} images. Lines: "
        f"mean over {n} choices of cells (with those of all seeds), shaded: their range; dotted: chance. A protein "
        f"with fewer cells gives all it has.{left}",
    }
