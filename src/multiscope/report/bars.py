"""Bars of scores by scale and encoder, with intervals and chance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from multiscope.report.album import WIDTH, Album, look, new_figure, short, source_colour
from multiscope.report.blocks import Plot
from multiscope.report.inputs import Folder, read_table
from multiscope.report.maps import source_order

SCALES = ("compartment", "process", "pathway", "complex")
MOST_ENCODERS = 12
_RUN = ["source", "encoder", "layer", "epoch", "seed"]
_COLUMNS = [
    *_RUN, "standard", "scale", "metric", "value", "ci_low", "ci_high", "chance",
    "n_proteins", "n_terms", "n_positive_pairs",
]  # fmt: skip
_OF_CELLS = ["n_classes", "n_train_cells", "n_test_cells", "n_fields"]
_RETRIEVAL = [
    *_RUN,
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "chance",
    "n_proteins",
    "n_query_cells",
    "n_reference_cells",
]


def read_scores(evaluated: Folder) -> pd.DataFrame:
    """Scores by standard over the seeds, of each encoder's own layer and epoch; see `over_seeds`."""
    raw = own_layers(read_table(evaluated.path / "scores.parquet", _COLUMNS), evaluated)
    table = over_seeds(raw, ["scale", "standard"], ["n_proteins", "n_terms", "n_positive_pairs"])
    scale = table["scale"].map({name: i for i, name in enumerate(SCALES)}).fillna(len(SCALES))
    order = pd.DataFrame({"scale": scale, "standard": table["standard"], "row": range(len(table))})
    return table.loc[order.sort_values(["scale", "standard", "row"]).index].reset_index(drop=True)


def own_layers(table: pd.DataFrame, evaluated: Folder) -> pd.DataFrame:
    """The rows of the layer and epoch that each encoder embeds cells with, not of those that were swept over."""
    noted = pd.DataFrame(evaluated.notes.get("own_layers", []), columns=_RUN[1:])
    if noted.empty:
        return table
    keys = _RUN[1:]
    text = table[keys].astype("string").fillna("").agg("/".join, axis=1)
    return table[text.isin(set(noted[keys].astype("string").fillna("").agg("/".join, axis=1)))]


def read_retrieval(path: Path) -> pd.DataFrame:
    """Retrieval scores over the seeds, the last epoch of each encoder."""
    return over_seeds(read_table(path, _RETRIEVAL), [], ["n_proteins", "n_query_cells", "n_reference_cells"])


def read_recognition(path: Path) -> pd.DataFrame:
    """What can be read from cells, over the seeds, the last epoch of each encoder."""
    columns = [*_RUN, "target", "metric", "value", "ci_low", "ci_high", "chance", *_OF_CELLS]
    return over_seeds(read_table(path, columns), ["target"], _OF_CELLS)


def over_seeds(table: pd.DataFrame, what: list[str], counts: list[str]) -> pd.DataFrame:
    """Mean over seeds; the interval reaches from the lowest to the highest bound of any seed.

    Adds `label` (the encoder, with its layer where several are scored), `n_seeds` and `sd_seeds`.
    """
    table = table.copy()
    for column in ("source", "encoder", "layer", "metric", *what):
        table[column] = table[column].fillna("").astype(str)
    epoch = pd.to_numeric(table["epoch"], errors="coerce").fillna(-1)
    of_seed = [table["encoder"], table["layer"], table["seed"].astype(str)]
    table = table[epoch == epoch.groupby(of_seed).transform("max")]
    layers = table.groupby("encoder")["layer"].transform("nunique")
    table["label"] = table["encoder"].where(layers == 1, table["encoder"] + " (" + table["layer"] + ")")
    keys = [*what, "metric", "label", "encoder", "layer", "source"]
    grouped = table.groupby(keys, sort=True)
    found = grouped.agg(
        value=("value", "mean"),
        ci_low=("ci_low", "min"),
        ci_high=("ci_high", "max"),
        chance=("chance", "mean"),
        sd_seeds=("value", "std"),
        n_seeds=("value", "size"),
        **{name: (name, "first") for name in counts},
    ).reset_index()
    rank = found["source"].map(lambda source: source_order(source)[0])
    return found.assign(_rank=rank).sort_values([*what, "metric", "label", "_rank", "source"]).drop(columns="_rank")


def score_bars(album: Album, scores: pd.DataFrame, metric: str = "ap") -> Plot | None:
    """One panel a standard, one group of bars an encoder, one bar a source; a black mark is chance."""
    chosen = scores[(scores["metric"] == metric) & scores["value"].notna()]
    if chosen.empty:
        return None
    standards = list(dict.fromkeys(zip(chosen["scale"], chosen["standard"], strict=True)))
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
            several = sum(other == scale for other, _ in standards) > 1
            axis.set_title(short(f"{scale}: {standard}" if several else scale, 30))
        for axis in list(axes.flat)[len(standards) :]:
            axis.set_visible(False)
        handles = {
            label: bar for axis in axes.flat for bar, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles))
        words = _words(chosen, metric, list(dict.fromkeys(chosen["label"])), sources)
        return album.add(f"scores_{metric}", figure, chosen, **words)


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


def _words(chosen: pd.DataFrame, metric: str, encoders: list[str], sources: list[str]) -> dict[str, str]:
    limit = (
        f" Only the first {MOST_ENCODERS} of {len(encoders)} encoders are drawn."
        if len(encoders) > MOST_ENCODERS
        else ""
    )
    seeds = int(chosen["n_seeds"].max())
    over = f" Bars are means over {seeds} seeds; lines span the intervals of all of them." if seeds > 1 else ""
    top = chosen.iloc[int(chosen["value"].to_numpy(float).argmax())]
    return {
        "alt": f"Bars of {metric} for {', '.join(encoders[:MOST_ENCODERS])} on {', '.join(sources)} images. Highest: "
        f"{top['label']} on {top['source']}, {top['scale']}, {top['value']:.2f}.",
        "caption": f"{metric.upper()} by scale. Thin line: interval. Black mark: chance.{over}{limit}",
    }
