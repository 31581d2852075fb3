"""Image strips: clean, degraded and restored test fields, all methods side by side, with maps of the error left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.image import AxesImage

from multiscope.report import pictures
from multiscope.report.album import WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import Plot
from multiscope.report.inputs import Folder, child, read_table
from multiscope.report.pictures import Plane
from multiscope.stores import fields

MOST_ACROSS = 6
"""Images side by side; more go on below."""
_PANEL = 2.15


@dataclass(frozen=True)
class Row:
    """One field in one channel: planes (Y, X) of the same tile, by source, and the clean image's window."""

    field_id: str
    protein: str
    planes: dict[str, Plane]
    window: tuple[float, float]
    corner: tuple[int, int]

    def error(self, source: str) -> Plane:
        """Absolute difference to the clean image, (Y, X)."""
        return np.abs(self.planes[source] - self.planes["clean"])


def example_fields(table: pd.DataFrame, n: int) -> pd.DataFrame:
    """`n` test fields, of as many proteins as can be; the first by name."""
    test = table[table["split"] == "test"].sort_values("field_id").copy()
    test["_turn"] = test.groupby("protein").cumcount()
    return test.sort_values(["_turn", "field_id"]).head(n).drop(columns="_turn")


def defects_of(data: Folder) -> list[str]:
    """Defects that have degraded images."""
    return sorted(path.name for path in (data.path / "degraded.zarr").glob("*") if path.is_dir())


def strips(album: Album, data: Folder, restored: Sequence[Folder], n: int, pixel_size_um: float | None) -> list[Plot]:
    """One figure a defect and channel, `restored` with a folder a method; clean alone where nothing is degraded."""
    examples = example_fields(
        read_table(data.path / "fields.parquet", ["field_id", "path", "protein", "split"]).fillna({"protein": ""}), n
    )
    if examples.empty:
        return []
    first = child(data.path / "clean.zarr", str(examples["path"].iloc[0]))
    return [
        _figure(album, data.name, defect, channel, _rows(data, restored, defect, index, examples), pixel_size_um)
        for defect in defects_of(data) or [""]
        for index, channel in enumerate(fields.channel_names(first))
    ]


def _rows(data: Folder, restored: Sequence[Folder], defect: str, channel: int, examples: pd.DataFrame) -> list[Row]:
    methods = {folder.name: folder for folder in restored}
    sources = {"clean": "clean"}
    if defect:
        sources["degraded"] = defect
        for name, folder in methods.items():
            if (folder.path / "restored.zarr" / defect).is_dir():
                sources[f"restored: {name}"] = f"{name}/{defect}"
    rows = []
    columns = (examples[name].astype(str) for name in ("field_id", "path", "protein"))
    for field_id, path, protein in zip(*columns, strict=True):
        planes = {
            source: pictures.read_plane(pictures.store_of(data, place, methods), path, channel)
            for source, place in sources.items()
        }
        whole = {source: plane for source, plane in planes.items() if plane is not None}
        if len(whole) == len(sources):
            corner = pictures.liveliest_tile(whole["clean"])
            tiles = {source: pictures.tile(plane, corner) for source, plane in whole.items()}
            rows.append(Row(field_id, protein, tiles, pictures.window_of(whole["clean"]), corner))
    return rows


def _figure(album: Album, data: str, defect: str, channel: str, rows: list[Row], pixel_size_um: float | None) -> Plot:
    sources = list(rows[0].planes) if rows else ["clean"]
    errors = sources[1:]
    across = min(len(sources), MOST_ACROSS)
    blocks = -(-len(sources) // across)
    each = blocks * (2 if errors else 1)
    lines = max(1, len(rows)) * each
    scale = max((float(np.percentile(row.error(s), 99.5)) for row in rows for s in errors[:1]), default=1.0) or 1.0
    panel = min(_PANEL, (WIDTH - 1.6) / across)
    with look():
        width = panel * across + 0.7 + (0.9 if errors else 0.0)
        figure = new_figure(width, lines * (panel + 0.04) + 0.2 * blocks * max(1, len(rows)) + 0.1)
        axes = figure.subplots(lines, across, squeeze=False)
        shown = None
        for number, row in enumerate(rows):
            shown = _draw(axes[number * each : (number + 1) * each], row, scale, pixel_size_um) or shown
        pictures.bare(axes)
        if shown is not None:
            pictures.colour_bar(figure, shown, axes[:, -1].tolist(), "|difference to clean| (counts)")
        name = f"strips_{data}_{defect}_{channel}" if defect else f"fields_{data}_{channel}"
        return album.add(name, figure, _table(rows, defect, channel, scale), **_words(defect, channel, rows, errors))


def _draw(axes: npt.NDArray[Any], row: Row, scale: float, pixel_size_um: float | None) -> AxesImage | None:
    """One field: a line of images and, where it was degraded, one of their errors below; as often as needed."""
    across, step = axes.shape[1], 2 if len(row.planes) > 1 else 1
    shown = None
    for number, source in enumerate(row.planes):
        line, column = step * (number // across), number % across
        pictures.show_image(axes[line, column], row.planes[source], row.window)
        axes[line, column].set_title(short(source.removeprefix("restored: "), 22), fontsize=9.5)
        if source != "clean":
            error = row.error(source)
            note = f"mean {error.mean():.3g}"
            shown = pictures.show_map(axes[line + 1, column], error, scale, note=note)
    low, high = row.window
    protein = f"\n{short(row.protein, 22)}" if row.protein else ""
    axes[0, 0].set_ylabel(f"{short(row.field_id, 24)}{protein}\nwindow {low:.4g} to {high:.4g}", fontsize=8)
    pictures.scale_bar(axes[0, 0], row.planes["clean"].shape, pixel_size_um)
    return shown


def _table(rows: list[Row], defect: str, channel: str, scale: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "field_id": row.field_id,
            "protein": row.protein,
            "defect": defect,
            "channel": channel,
            "source": source,
            "tile_y": row.corner[0],
            "tile_x": row.corner[1],
            "tile_height": row.planes[source].shape[0],
            "tile_width": row.planes[source].shape[1],
            "window_low": row.window[0],
            "window_high": row.window[1],
            "error_scale": scale,
            "mean_intensity": row.planes[source].mean(),
            "mean_abs_error": row.error(source).mean(),
        }
        for row in rows
        for source in row.planes
    )


def _words(defect: str, channel: str, rows: list[Row], errors: list[str]) -> dict[str, str]:
    ids = ", ".join(row.field_id for row in rows)
    if not defect:
        return {
            "title": f"Channel {channel}",
            "alt": f"Test fields in channel {channel}: {ids}.",
            "caption": f"Fields {ids}. Each has its own intensity window, stated at its left.",
        }
    worst = {source: float(np.mean([row.error(source).mean() for row in rows])) for source in errors} if rows else {}
    means = ", ".join(f"{source} {value:.3g}" for source, value in worst.items())
    return {
        "title": f"Defect {defect}, channel {channel}",
        "alt": f"Defect {defect}, channel {channel}: images and error maps of test fields {ids}. Mean error: {means}.",
        "caption": f"Below each image its error map. Mean absolute error over these tiles, in counts: {means}.",
    }
