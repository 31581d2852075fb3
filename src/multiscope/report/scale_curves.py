"""How scores at each scale come up over the training, and which layer holds them."""

from __future__ import annotations

import math

import pandas as pd

from multiscope.report.album import COLOURS, WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import Cell, Plot, Table, number
from multiscope.report.inputs import Folder, read_table
from multiscope.report.scores import METRICS, own_layers, panel_title, panels, reference_source

MOST_ENCODERS = 7
_COLUMNS = ["source", "encoder", "layer", "epoch", "seed", "standard", "scale", "metric", "value", "chance"]


def by_epoch(album: Album, evaluated: Folder, metric: str = "ap") -> Plot | None:
    """A panel a standard, a line an encoder's own layer with its seeds' range; None where there is one epoch only."""
    table, own = _scores(evaluated, metric)
    layers = own[["encoder", "layer"]].drop_duplicates()
    table = table.merge(layers, on=["encoder", "layer"])
    table = table[table.groupby("encoder")["epoch"].transform("nunique") > 1]
    if table.empty:
        return None
    keys = ["scale", "standard", "encoder", "layer", "epoch"]
    found = table.groupby(keys, sort=False)["value"].agg(["mean", "min", "max", "size"]).reset_index()
    every = panels(found)
    encoders = list(dict.fromkeys(found["encoder"]))
    columns = min(4, len(every))
    lines = -(-len(every) // columns)
    with look():
        figure = new_figure(min(WIDTH, 2.75 * columns + 0.3), 2.6 * lines + 0.45, gap=0.05)
        axes = figure.subplots(lines, columns, squeeze=False)
        for axis, (scale, standard) in zip(axes.flat, every, strict=False):
            part = found[(found["scale"] == scale) & (found["standard"] == standard)]
            for name, colour in zip(encoders[:MOST_ENCODERS], COLOURS, strict=False):
                rows = part[part["encoder"] == name].sort_values("epoch")
                axis.plot(rows["epoch"], rows["mean"], color=colour, label=short(name, 22))
                axis.fill_between(rows["epoch"], rows["min"], rows["max"], color=colour, alpha=0.15, linewidth=0)
            chance = table.loc[table["standard"] == standard, "chance"].mean()
            axis.axhline(chance, color="black", linewidth=1, linestyle=":", label="chance")
            axis.set(title=short(panel_title((scale, standard), every), 30), xlabel="epoch")
            axis.set_ylim(bottom=0)
        for axis in list(axes.flat)[len(every) :]:
            axis.set_visible(False)
        axes[0, 0].set_ylabel(METRICS.get(metric, metric))
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)))
        return album.add(f"epochs_{metric}", figure, found, **_words(found, encoders, str(table["source"].iloc[0])))


def by_layer(evaluated: Folder, metric: str = "ap") -> Table | None:
    """Scores of each layer in the epoch that is kept, mean over seeds; None where encoders have one layer each."""
    table, own = _scores(evaluated, metric)
    kept = table.merge(own[["encoder", "seed", "epoch"]].drop_duplicates(), on=["encoder", "seed", "epoch"])
    kept = kept[kept.groupby("encoder")["layer"].transform("nunique") > 1]
    if kept.empty:
        return None
    every = panels(kept)
    means = kept.groupby(["encoder", "layer", "standard"], sort=True)["value"].mean()
    rows = [
        [Cell(str(encoder), head=True), Cell(str(layer))]
        + [Cell(number(means.get((encoder, layer, standard), math.nan), 3), number=True) for _, standard in every]
        for encoder, layer in dict.fromkeys((key[0], key[1]) for key in means.index)
    ]
    return Table(["encoder", "layer", *(f"{scale}: {standard}" for scale, standard in every)], rows)


def _scores(evaluated: Folder, metric: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of the clean source, or of what there is, with an epoch; and those of each encoder's own layer."""
    table = read_table(evaluated.path / "scores.parquet", _COLUMNS)
    table = table[(table["metric"] == metric) & table["value"].notna() & (table["epoch"].fillna(0) > 0)]
    if len(table):
        table = table[table["source"] == reference_source(table)]
    return table, own_layers(table, evaluated)


def _words(found: pd.DataFrame, encoders: list[str], source: str) -> dict[str, str]:
    n = int(found["size"].max())
    left = f" Only the first {MOST_ENCODERS} of {len(encoders)} encoders are drawn." * (len(encoders) > MOST_ENCODERS)
    over = f" Lines: mean over {n} seeds, shaded: their range." * (n > 1)
    return {
        "alt": f"Scores on {source} images by epoch for {', '.join(encoders[:MOST_ENCODERS])}.",
        "caption": f"How the scores at each scale come up over the training, on {source} images.{over}{left} Scales "
        "differ in their chance (dotted), so compare shapes, not heights.",
    }
