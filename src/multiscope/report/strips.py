"""Image strips: clean, degraded and restored test fields with maps of the error that is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from multiscope.report.album import WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import Plot
from multiscope.report.inputs import Folder, child, read_table
from multiscope.stores import fields

Plane = npt.NDArray[np.float64]
_TILE = 320
_BARS_UM = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


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


def strips(album: Album, data: Folder, restored: Folder | None, n: int, pixel_size_um: float | None) -> list[Plot]:
    """One figure a defect and channel; clean fields alone where there is no defect."""
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


def _rows(data: Folder, restored: Folder | None, defect: str, channel: int, examples: pd.DataFrame) -> list[Row]:
    stores: dict[str, Path] = {"clean": data.path / "clean.zarr"}
    if defect:
        stores["degraded"] = data.path / "degraded.zarr" / defect
        if restored is not None and (restored.path / "restored.zarr" / defect).is_dir():
            stores[f"restored: {restored.name}"] = restored.path / "restored.zarr" / defect
    rows = []
    columns = (examples[name].astype(str) for name in ("field_id", "path", "protein"))
    for field_id, path, protein in zip(*columns, strict=True):
        planes = {
            source: _plane(fields.read_field(child(store, path))[channel])
            for source, store in stores.items()
            if child(store, path).is_dir()
        }
        if set(planes) == set(stores):
            y, x = _liveliest_tile(planes["clean"])
            low, high = np.percentile(planes["clean"], (0.5, 99.8))
            tiles = {source: plane[y : y + _TILE, x : x + _TILE] for source, plane in planes.items()}
            rows.append(Row(field_id, protein, tiles, (float(low), float(max(high, low + 1e-9))), (y, x)))
    return rows


def _plane(channel: npt.NDArray[Any]) -> Plane:
    """A channel as it is shown: stacks by their maximum over z."""
    return (channel.max(axis=0) if channel.ndim == 3 else channel).astype(np.float64)


def _liveliest_tile(plane: Plane) -> tuple[int, int]:
    """Corner of the tile of a large field where most is to be seen."""
    corners = [
        (min(y, max(0, plane.shape[0] - _TILE)), min(x, max(0, plane.shape[1] - _TILE)))
        for y in range(0, plane.shape[0], _TILE)
        for x in range(0, plane.shape[1], _TILE)
    ]
    return max(corners, key=lambda c: float(plane[c[0] : c[0] + _TILE, c[1] : c[1] + _TILE].std()))


def _figure(album: Album, data: str, defect: str, channel: str, rows: list[Row], pixel_size_um: float | None) -> Plot:
    sources = list(rows[0].planes) if rows else ["clean"]
    errors = sources[1:]
    columns = max(len(sources) + len(errors), 1)
    scale = max((float(np.percentile(row.error(s), 99.5)) for row in rows for s in errors[:1]), default=1.0) or 1.0
    panel = min(2.15, (WIDTH - 1.6) / columns)
    with look():
        width = panel * columns + 0.7 + (0.9 if errors else 0.0)
        figure = new_figure(width, max(1, len(rows)) * (panel + 0.04) + 0.3)
        axes = figure.subplots(max(1, len(rows)), columns, squeeze=False)
        shown = None
        for line, row in zip(axes, rows, strict=False):
            _draw_images(line, row, sources, pixel_size_um)
            for axis, source in zip(line[len(sources) :], errors, strict=True):
                shown = axis.imshow(row.error(source), cmap="inferno", vmin=0, vmax=scale, interpolation="nearest")
                axis.text(
                    0.03, 0.04, f"mean {row.error(source).mean():.3g}", transform=axis.transAxes, fontsize=8,
                    color="white", bbox={"facecolor": "black", "alpha": 0.65, "pad": 1.5, "linewidth": 0},
                )  # fmt: skip
        for axis, title in zip(axes[0], [*sources, *(f"error, {s}" for s in errors)], strict=True):
            axis.set_title(short(title, 22), fontsize=9.5)
        for axis in axes.flat:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        if shown is not None:
            bar = figure.colorbar(shown, ax=axes[:, -1].tolist(), shrink=0.9 if len(rows) < 3 else 0.5, aspect=18)
            bar.set_label("|difference to clean| (counts)")
        name = f"strips_{data}_{defect}_{channel}" if defect else f"fields_{data}_{channel}"
        return album.add(name, figure, _table(rows, defect, channel, scale), **_words(defect, channel, rows, errors))


def _draw_images(line: npt.NDArray[Any], row: Row, sources: list[str], pixel_size_um: float | None) -> None:
    low, high = row.window
    for axis, source in zip(line, sources, strict=False):
        axis.imshow(row.planes[source], cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    protein = f"\n{short(row.protein, 22)}" if row.protein else ""
    line[0].set_ylabel(f"{short(row.field_id, 24)}{protein}\nwindow {low:.4g} to {high:.4g}", fontsize=8)
    if pixel_size_um:
        _scale_bar(line[0], row.planes["clean"].shape, pixel_size_um)


def _scale_bar(axis: Axes, shape: tuple[int, ...], pixel_size_um: float) -> None:
    fitting = [bar for bar in _BARS_UM if bar <= 0.35 * shape[1] * pixel_size_um]
    if not fitting:
        return
    pixels = fitting[-1] / pixel_size_um
    y, x = 0.94 * shape[0], 0.96 * shape[1]
    axis.plot([x - pixels, x], [y, y], color="white", linewidth=2.5, solid_capstyle="butt")
    label = axis.text(
        x - pixels / 2, y - 0.03 * shape[0], f"{fitting[-1]:g} µm", color="white", ha="center", va="bottom"
    )
    label.set(fontsize=8, bbox={"facecolor": "black", "alpha": 0.55, "pad": 1, "linewidth": 0})


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
        "caption": f"Mean absolute error over these tiles, in counts: {means}.",
    }
