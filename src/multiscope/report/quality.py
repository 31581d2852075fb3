"""What the images of a data set look like: warnings, and the intensities of every image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from multiscope.report.album import COLOURS, WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import Block, Cell, Plot, Statement, Statements, Table, percent, plural
from multiscope.report.inputs import Folder, read_table

TABLE = "quality.parquet"
MOST_DRAWN, MOST_PANELS = 1000, 8
DECADES = 1e4
"""A logarithmic axis shows no more: noise around zero would reach down without end."""
_COLUMNS = ["field_id", "channel", "n_pixels", "min", "max", "mean", "std", "p0_1", "p1", "p50", "p99", "p99_9",
            "share_at_max"]  # fmt: skip


def quality_blocks(album: Album, folder: Folder) -> list[Block]:
    """Warnings, a table and a figure of one data set; nothing where its images were not looked at."""
    if not (folder.path / TABLE).is_file():
        return []
    table = read_table(folder.path / TABLE, _COLUMNS)
    table["channel"] = table["channel"].astype(str)
    if table.empty:
        return []
    n_images = int(table["field_id"].nunique())
    return [_warnings(folder, n_images), _numbers(table), intensities(album, folder.name, table)]


def _warnings(folder: Folder, n_images: int) -> Statements:
    items = [_statement(row) for row in _listed(folder, "warnings") if isinstance(row, dict)]
    items += [Statement(str(text), "files", "information", "unclear") for text in _listed(folder, "remarks")]
    n = sum(item.verdict == "worse" for item in items)
    looked = f"{plural(n_images, 'image')} looked at: "
    headline = looked + (plural(n, "warning") if n else "nothing to warn of") + "."
    return Statements(folder.name, headline, items)


def _listed(folder: Folder, key: str) -> list[Any]:
    noted = folder.notes.get(key)
    return noted if isinstance(noted, list) else []


def _statement(row: dict[str, Any]) -> Statement:
    is_warning = row.get("level", "warning") == "warning"
    lead = str(row.get("code", "")).replace("_", " ")
    examples = [str(name) for name in row.get("examples", []) if str(name) not in str(row.get("text", ""))]
    more = f" E.g. {', '.join(short(name, 40) for name in examples)}." if examples else ""
    text = str(row.get("text", "")) + more
    return Statement(text, lead, "warning" if is_warning else "information", "worse" if is_warning else "unclear")


def _numbers(table: pd.DataFrame) -> Table:
    headers = ["channel", "images", "minimum", "maximum", "mean", "median", "99.9 %", "at the maximum"]
    rows = []
    for channel, part in table.groupby("channel", sort=False):
        mean = float((part["mean"] * part["n_pixels"]).sum() / part["n_pixels"].sum())
        values = [part["min"].min(), part["max"].max(), mean, part["p50"].median(), part["p99_9"].median()]
        numbers = [Cell(f"{value:.6g}", number=True) for value in values]
        worst = Cell(percent(float(part["share_at_max"].max()), 2), number=True)
        rows.append([Cell(str(channel), head=True), Cell(f"{len(part):,}", number=True), *numbers, worst])
    caption = (
        "Minimum, maximum and mean of all pixels; median and 99.9 % are those of a middling image; at the maximum: "
        "the largest share of an image's pixels that have its highest value."
    )
    return Table(headers, rows, caption)


def intensities(album: Album, name: str, table: pd.DataFrame) -> Plot:
    """One panel a channel: percentiles of each image, images in the order of the table."""
    channels = list(table["channel"].unique())
    drawn = pd.concat([_spread(table[table["channel"] == channel]) for channel in channels[:MOST_PANELS]])
    shown = list(drawn["channel"].unique())
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    with look():
        figure = new_figure(min(WIDTH, 3.67 * columns + 0.2), 2.5 * lines + 0.45)
        axes = figure.subplots(lines, columns, squeeze=False)
        for axis, channel in zip(axes.flat, shown, strict=False):
            _panel(axis, drawn[drawn["channel"] == channel])
            axis.set_title(short(channel, 34))
        for axis in list(axes.flat)[len(shown) :]:
            axis.set_visible(False)
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        return album.add(f"intensities_{name}", figure, drawn, **_words(name, table, drawn, channels))


def _spread(part: pd.DataFrame) -> pd.DataFrame:
    part = part.reset_index(drop=True).rename_axis("image").reset_index()
    if len(part) <= MOST_DRAWN:
        return part
    return part.iloc[np.linspace(0, len(part) - 1, MOST_DRAWN).round().astype(int)]


def _panel(axis: Axes, part: pd.DataFrame) -> None:
    # an image has a width, so that a single one is seen too
    edges = np.append(part["image"].to_numpy() - 0.5, part["image"].iloc[-1] + 0.5)

    def steps(column: str) -> Any:
        values = part[column].to_numpy(dtype=float)
        return np.append(values, values[-1])

    for (low, high), alpha in ((("p0_1", "p99_9"), 0.2), (("p1", "p99"), 0.35)):
        label = "0.1 to 99.9 %" if low == "p0_1" else "1 to 99 %"
        axis.fill_between(
            edges, steps(low), steps(high), step="post", color=COLOURS[0], alpha=alpha, linewidth=0, label=label
        )
    axis.step(edges, steps("p50"), where="post", color="#0B2E45", linewidth=1.2, label="median")
    if (lowest := _lowest_decade(part)) is not None:
        axis.set_yscale("log")
        axis.set_ylim(bottom=lowest)
        axis.yaxis.set_major_formatter("{x:g}")  # powers of ten are set as formulas, which are switched off
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.set_xlabel("image")
    axis.margins(x=0)
    axis.grid(axis="y", color="#E4E8EB", linewidth=0.8)
    axis.set_axisbelow(True)


def _lowest_decade(part: pd.DataFrame) -> float | None:
    """Where a logarithmic axis begins, or None where a linear one shows more; every median is on it."""
    lowest, highest = float(part["p0_1"].min()), float(part["p99_9"].max())
    bottom = max(lowest, highest / DECADES)
    return bottom if lowest > 0 and highest > 50 * bottom and float(part["p50"].min()) > bottom else None


def _words(name: str, table: pd.DataFrame, drawn: pd.DataFrame, channels: list[str]) -> dict[str, str]:
    caption = (
        "Intensities as stored, images in the order of the data. Steps and drifts from image to image may be exposure, "
        "lamp or staining rather than biology."
    )
    if len(drawn["image"].unique()) < table.groupby("channel").size().max():
        caption += f" {MOST_DRAWN:,} images of each channel are drawn, spread evenly."
    if len(channels) > MOST_PANELS:
        caption += f" Only the first {MOST_PANELS} of {len(channels)} channels are drawn."
    alt = f"Percentiles of the intensities of each image of {name}, for {', '.join(channels[:MOST_PANELS])}."
    return {"title": "", "alt": alt, "caption": caption}
